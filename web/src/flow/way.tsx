import { useEffect, useMemo, useState } from "react";
import type { Progress } from "../api/intent";
import { Badge } from "../ui/badge";
import { useCalm } from "../ui/motion";
import { Failure } from "../ui/states";
import css from "./flow.module.css";
import { isOpenEnded, type Journey } from "./journey";
import { Picture } from "./picture";
import { formatDuration, timelineOf } from "./timeline";
import type { CommandAnswer } from "./use-command";

interface Props {
  journey: Journey | null;
  /** It was sent from this page, which still hears of it. */
  isHere: boolean;
  answer: CommandAnswer;
  isTableShown?: boolean;
}

/** Where a command is on its way: in a word, as a picture, and how it ended if that was badly. */
export function Way({ journey, isHere, answer, isTableShown }: Props) {
  const { known, problem, again } = answer;
  const isLeft = journey !== null && isOpenEnded(journey, isHere);
  const isUnderWay = !isLeft && (journey?.state === "sent" || journey?.state === "stored");
  const hasEnded = journey?.state === "refused" || journey?.state === "failed";
  const isOver = hasEnded || (!isUnderWay && (known?.isComplete ?? false));
  const elapsed = useElapsed(journey?.startedAt ?? known?.receipt?.acceptedAt ?? null, isOver);
  const timeline = useMemo(
    () => timelineOf(journey && isLeft ? withoutEnd(journey) : journey, known ?? null, elapsed),
    [journey, isLeft, known, elapsed],
  );
  const isTimed = timeline.lanes.every(({ state }) => state !== "unknown");
  return (
    <div className={css.way}>
      <p className={css.state}>
        <StateBadge journey={journey} isLeft={isLeft} answer={answer} />
        {isOver && !hasEnded && isTimed && timeline.end > 0 && (
          <span>
            {formatDuration(timeline.end)} {timeline.zero ? "from end to end" : "to the last projection"}
          </span>
        )}
      </p>
      {journey && hasEnded && <Ending journey={journey} isHere={isHere} />}
      {problem && !hasEnded && <Failure problem={problem} onRetry={again} />}
      {timeline.lanes.length > 0 && (
        <Picture timeline={timeline} isOver={isOver} isNews={isHere} isTableShown={isTableShown ?? false} />
      )}
      {known && <Notes known={known} />}
    </div>
  );
}

// What is under way in a page that was left has no end that this browser could measure.
function withoutEnd(journey: Journey): Journey | null {
  return journey.answeredAfter === null ? null : { ...journey, state: "shown", awaits: [] };
}

function StateBadge({
  journey,
  isLeft,
  answer: { known },
}: {
  journey: Journey | null;
  isLeft: boolean;
  answer: CommandAnswer;
}) {
  const state = isLeft ? null : journey?.state;
  if (state === "refused") return <Badge tone="bad">Refused</Badge>;
  if (state === "failed") return <Badge tone="bad">Not sent</Badge>;
  if (state === "sent") return <Badge tone="warn">Sent, no answer yet</Badge>;
  if (known && !known.isComplete) return <Badge tone="warn">Stored, not in every projection yet</Badge>;
  if (state === "stored") return <Badge tone="warn">Stored, not shown here yet</Badge>;
  if (known) return <Badge tone="good">{state === "shown" ? "Stored and shown" : "Stored and projected"}</Badge>;
  return <Badge>Looking it up</Badge>;
}

/** Where it ended, and why. */
function Ending({ journey, isHere }: { journey: Journey; isHere: boolean }) {
  const { state, refusals, problem, canRetry } = journey;
  if (state === "failed") {
    return (
      <p className={css.bad}>
        It ended on the way to the server: {problem} Whether it was stored is not known.
        {canRetry &&
          isHere &&
          " It can be sent again, and for a while is by itself: under the same id, so it counts once."}
      </p>
    );
  }
  return (
    <div className={css.bad}>
      <p>It ended at the rules of the shop. Nothing was stored, so no projection heard of it.</p>
      <ul>
        {refusals.map(({ code, message, path }) => (
          <li key={`${code} ${path.join(".")}`}>
            <strong>{code}</strong> {message}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Notes({ known }: { known: Progress }) {
  if (known.events.length === 0) return <p className={css.soft}>It had nothing to change, so no event was stored.</p>;
  if (!known.isComplete || known.projections.every(({ lagMilliseconds }) => lagMilliseconds !== null)) return null;
  return (
    <p className={css.soft}>
      Each projection has it. When, the server remembers for the latest events only: for this one it is no longer known.
    </p>
  );
}

const OFTEN_MS = 100;
const SELDOM_MS = 1_000;

/** Milliseconds since an instant, counted while it is not over. */
function useElapsed(since: string | null, isOver: boolean): number {
  const isCalm = useCalm();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (isOver) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), isCalm ? SELDOM_MS : OFTEN_MS);
    return () => clearInterval(timer);
  }, [isOver, isCalm]);
  return since === null ? 0 : Math.max(0, now - Date.parse(since));
}
