import { useEffect, useState } from "react";
import { useLag } from "../api/lag";
import type { LiveView } from "../api/views";
import { Badge } from "./badge";
import css from "./freshness.module.css";

interface Props {
  view: Pick<LiveView<never>, "name" | "status" | "behind" | "problem">;
  /** What is shown: "The catalogue". */
  what: string;
}

/** How current a view is: live, cut off, or behind what is in the log. */
export function Freshness({ view, what }: Props) {
  const lag = useLag(view.name);
  const behind = useSteady(Math.max(lag, view.behind));
  if (view.problem) return <Badge tone="bad">Not available</Badge>;
  if (view.status === "loading") return <Badge>Loading</Badge>;
  if (view.status === "behind") return <Badge tone="warn">As of before the connection was lost</Badge>;
  if (behind > 0) {
    return (
      <Badge tone="warn">
        {what} is {behind} {behind === 1 ? "event" : "events"} behind
      </Badge>
    );
  }
  return (
    <Badge tone="accent">
      <span className={css.dot} aria-hidden="true" />
      Live
    </Badge>
  );
}

const STEADY_MS = 1_000;

// To be some milliseconds behind is how it works, and not worth a word: a number counts once it has not been nought for
// a second.
function useSteady(value: number): number {
  const isThere = value > 0;
  const [isSteady, setSteady] = useState(false);
  useEffect(() => {
    if (!isThere) return setSteady(false);
    const timer = setTimeout(() => setSteady(true), STEADY_MS);
    return () => clearTimeout(timer);
  }, [isThere]);
  return isSteady ? value : 0;
}
