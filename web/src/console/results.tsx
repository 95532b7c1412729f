import { Link } from "wouter";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { Panel } from "../ui/page";
import css from "./dead-letters.module.css";
import { fateOf, idOf, type Letter } from "./letters";
import type { Deed } from "./use-deeds";

interface Props {
  deeds: readonly Deed[];
  letters: readonly Letter[];
  onClear(): void;
}

/** What became of what was decided here, as far as the list shows it. */
export function Results({ deeds, letters, onClear }: Props) {
  if (deeds.length === 0) return null;
  return (
    <Panel
      title="What you decided"
      actions={
        <Button size="small" look="quiet" onClick={onClear}>
          Clear
        </Button>
      }
    >
      <ul className={css.results} aria-live="polite">
        {deeds.map(({ key, kind, letter, refusal }) => (
          <li key={key} className={css.result}>
            <Outcome kind={kind} letter={letter} letters={letters} refusal={refusal} />
            <span>
              {kind === "retry" ? "Retry of" : "Discard of"}{" "}
              <Link href={`/console/events/${letter.position}`}>{letter.event?.type ?? "event"}</Link>{" "}
              <span className={css.soft}>
                at {letter.position}, {letter.process}
              </span>
            </span>
            <Link href={`/flow/${key}`} className={css.way}>
              Its way
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

interface OutcomeProps extends Omit<Deed, "key"> {
  letters: readonly Letter[];
}

function Outcome({ kind, letter, letters, refusal }: OutcomeProps) {
  if (refusal !== null) return <Badge tone="bad">Refused: {refusal}</Badge>;
  switch (fateOf(letter, letters)) {
    case "gone":
      return <Badge tone="good">{kind === "retry" ? "Done" : "Discarded"}</Badge>;
    case "failed":
      return <Badge tone="bad">Failed again: {letters.find((each) => idOf(each) === idOf(letter))?.error}</Badge>;
    case "waiting":
      return <Badge>Accepted, not done yet</Badge>;
  }
}
