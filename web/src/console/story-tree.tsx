import { Link } from "wouter";
import { TimeText } from "../ui/text";
import css from "./event.module.css";
import { actorText, shortId } from "./log";
import type { CommandNode } from "./story";

interface Props {
  commands: readonly CommandNode[];
  /** The position of the event that one is at. */
  here: string;
  /** Of those who sent commands, by their ids. */
  names: ReadonlyMap<string, string>;
}

/** What led to what, as lists in lists: each command, its events, and what followed from each. */
export function StoryTree({ commands, here, names }: Props) {
  return (
    <ul className={css.tree}>
      {commands.map(({ key, commandId, actorId, events }) => (
        <li key={key} className={css.command}>
          <p className={css.node}>
            <span className={css.kind}>Command</span>
            {commandId === null ? (
              "unknown"
            ) : (
              <Link href={`/flow/${encodeURIComponent(commandId)}`} title={commandId}>
                {shortId(commandId)}
              </Link>
            )}
            <span className={css.soft}>by {names.get(actorId ?? "") ?? actorText(actorId)}</span>
          </p>
          <ul className={css.tree}>
            {events.map(({ event, commands: followed }) => (
              <li key={event.position}>
                <p className={css.node}>
                  <Link
                    href={`/console/events/${event.position}`}
                    aria-current={event.position === here ? "page" : undefined}
                    className={css.event}
                  >
                    {event.type}
                  </Link>
                  <span className={css.soft}>
                    {event.position} · {event.stream} · <TimeText at={event.recordedAt} />
                  </span>
                </p>
                {followed.length > 0 && <StoryTree commands={followed} here={here} names={names} />}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
