import { useEffect, useMemo, useRef } from "react";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Freshness } from "../ui/freshness";
import { PageHead } from "../ui/page";
import { Empty, Failure, Loading } from "../ui/states";
import { formatNumber } from "../ui/text";
import { EventList, isTyping } from "./event-list";
import css from "./events.module.css";
import { FilterForm, useEventFilter } from "./filter-form";
import { KEPT } from "./tail";
import { type LiveTail, useTail } from "./use-tail";

export default function EventsPage() {
  const address = useEventFilter();
  const live = useTail(address.filter);
  const { tail, problem } = live;
  const types = useTypes(live);
  useSpace(live);
  return (
    <>
      <PageHead
        title="Events"
        aside={
          tail?.isPaused ? (
            <Badge tone="warn">Paused</Badge>
          ) : (
            <Freshness view={{ name: "events", behind: 0, status: live.status, problem }} what="The log" />
          )
        }
        actions={tail && <PauseButton live={live} />}
      />
      <div className={css.page}>
        <FilterForm {...address} types={types} />
        {problem && <Failure problem={problem} onRetry={live.reload} />}
        {!tail && !problem && <Loading label="Loading the events" rows={12} />}
        {tail && tail.events.length === 0 && (
          <Empty title={address.isEmpty ? "The log is empty" : "No event meets the filter"}>
            {address.isEmpty
              ? "Each command that is accepted stores its events here."
              : "One that does will show up here."}
          </Empty>
        )}
        {tail && tail.events.length > 0 && (
          <EventList key={JSON.stringify(address.filter)} events={tail.events}>
            <Older live={live} />
          </EventList>
        )}
        <Summary live={live} />
      </div>
    </>
  );
}

function PauseButton({ live: { tail, pause, resume } }: { live: LiveTail }) {
  if (!tail?.isPaused) {
    return (
      <Button onClick={pause} aria-keyshortcuts="Space">
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          <path d="M4 2h3v12H4zM9 2h3v12H9z" fill="currentColor" />
        </svg>
        Pause
      </Button>
    );
  }
  return (
    <Button look="primary" onClick={resume} aria-keyshortcuts="Space">
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        <path d="M4 2l9 6-9 6z" fill="currentColor" />
      </svg>
      Go on{tail.fresh > 0 && ` · ${formatNumber(tail.fresh)} new`}
    </Button>
  );
}

function Older({ live: { tail, isFetching, olderProblem, loadOlder } }: { live: LiveTail }) {
  if (!tail?.hasOlder) return <p className={css.soft}>{tail && "The first event is reached."}</p>;
  return (
    <>
      <Button onClick={loadOlder} disabled={isFetching}>
        {isFetching ? "Loading…" : "Load older"}
      </Button>
      {olderProblem && <p role="alert">{olderProblem.message}</p>}
    </>
  );
}

function Summary({ live: { tail } }: { live: LiveTail }) {
  return (
    <div className={css.summary}>
      <p>
        {tail && `${formatNumber(tail.events.length)} ${tail.events.length === 1 ? "event" : "events"} here`}
        {tail && tail.events.length >= KEPT && ", which is as many as are kept"}
      </p>
      <p role="status" className="visually-hidden">
        {tail?.isPaused ? "Paused" : ""}
      </p>
      <p className={css.keys}>
        <kbd>j</kbd> <kbd>k</kbd> down, up · <kbd>Enter</kbd> open · <kbd>Space</kbd> pause, go on
      </p>
    </div>
  );
}

/** The types that were seen so far, whatever the filter was meanwhile. */
function useTypes({ tail }: LiveTail): readonly string[] {
  const seen = useRef(new Set<string>());
  const events = tail?.events;
  return useMemo(() => {
    for (const { type } of events ?? []) seen.current.add(type);
    return [...seen.current].sort();
  }, [events]);
}

/** The space bar pauses, but for those whom it belongs to. */
function useSpace({ tail, pause, resume }: LiveTail): void {
  const isPaused = tail?.isPaused ?? false;
  useEffect(() => {
    function press(event: KeyboardEvent) {
      const { target } = event;
      if (event.key !== " " || isTyping(target) || (target instanceof Element && target.closest("button, summary")))
        return;
      event.preventDefault();
      if (event.repeat) return;
      if (isPaused) resume();
      else pause();
    }
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [isPaused, pause, resume]);
}
