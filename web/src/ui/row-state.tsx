import { forget, retry, retryOnCurrent } from "../api/intents";
import type { RowState } from "../api/overlay";
import { Button } from "./button";
import { classes } from "./classes";
import css from "./row-state.module.css";

/** The class of a row or card by what is being done to it: dashed, outlined, solid, or marked as refused. */
export function rowClass(state: RowState | null | undefined, className?: string): string {
  return classes(css.row, state && css[state.state], className);
}

/** The same in words, with what can be done about it. */
export function RowMark({ state }: { state: RowState | null | undefined }) {
  if (!state) return null;
  const { intent } = state;
  return (
    <span className={classes(css.mark, css[`mark-${state.state}`])}>
      <span>{wordsFor(state)}</span>
      {state.state === "refused" && intent.refusals.some(({ code }) => code === "CONFLICT") && (
        <Button size="small" onClick={() => void retryOnCurrent(intent.commandId)}>
          Reload and retry
        </Button>
      )}
      {state.state === "failed" && intent.canRetry && (
        <Button size="small" onClick={() => void retry(intent.commandId)}>
          Retry
        </Button>
      )}
      {state.state === "failed" && (
        <Button size="small" look="quiet" onClick={() => forget(intent.commandId)}>
          Give up
        </Button>
      )}
    </span>
  );
}

function wordsFor({ state, intent }: RowState): string {
  if (intent.isSlow) return "Still working";
  switch (state) {
    case "sent":
      return "Sending";
    case "stored":
      return "Stored, not shown yet";
    case "shown":
      return "Up to date";
    case "refused":
      return intent.refusals.some(({ code }) => code === "CONFLICT")
        ? "Changed meanwhile"
        : (intent.refusals[0]?.message ?? "Refused");
    case "failed":
      return "Not sent";
  }
}
