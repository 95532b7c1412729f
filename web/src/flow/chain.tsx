import { Link } from "wouter";
import { isStaff, useViewer } from "../api/session";
import { Badge } from "../ui/badge";
import { type Cause, type FollowUp, processOf } from "./causes";
import css from "./flow.module.css";
import { pathOf } from "./paths";
import { between, formatDuration } from "./timeline";

interface Props {
  causes: readonly Cause[];
  /** The command that it is about, and when it was stored. */
  commandId: string;
  acceptedAt: string;
}

/** What brought about what: events below the events that caused them. */
export function Chain({ causes, commandId, acceptedAt }: Props) {
  return (
    <ol className={css.chain}>
      {causes.map(({ event, effects }) => (
        <li key={event.id}>
          <EventLine event={event} commandId={commandId} acceptedAt={acceptedAt} />
          {effects.length > 0 && <Chain causes={effects} commandId={commandId} acceptedAt={acceptedAt} />}
        </li>
      ))}
    </ol>
  );
}

function EventLine({ event, commandId, acceptedAt }: { event: FollowUp; commandId: string; acceptedAt: string }) {
  const isForStaff = isStaff(useViewer());
  const process = processOf(event.actorId);
  const after = between(acceptedAt, event.recordedAt);
  return (
    <div className={css.event}>
      <span className={css.eventName}>
        {isForStaff ? <Link href={`/console/events/${event.position}`}>{event.type}</Link> : event.type}
      </span>
      {process && <Badge tone="info">process {process}</Badge>}
      <span className={css.soft}>{event.stream}</span>
      <span className={css.soft}>
        position {event.position} · <data value={String(after)}>+{formatDuration(after)}</data>
      </span>
      {isForStaff && event.commandId && event.commandId !== commandId && (
        <Link href={pathOf(event.commandId)}>
          Its way<span className="visually-hidden"> of the command that stored {event.type}</span>
        </Link>
      )}
    </div>
  );
}
