import { useState } from "react";
import { Answer, graphql } from "../api/graphql";
import { type Outcome, send } from "../api/intents";
import { otherError } from "../api/refusals";
import { type Letter, nameOf, type Queues } from "./letters";

const Retry = graphql(
  `mutation RetryDeadLetter($input: RetryDeadLetterInput!) { retryDeadLetter(input: $input) { ...Answer } }`,
  [Answer],
);

const Discard = graphql(
  `mutation DiscardDeadLetter($input: DiscardDeadLetterInput!) { discardDeadLetter(input: $input) { ...Answer } }`,
  [Answer],
);

/** What somebody decided about a letter. */
export interface Deed {
  key: string;
  kind: "retry" | "discard";
  /** As it was then. */
  letter: Letter;
  /** Why it was not taken. */
  refusal: string | null;
}

export interface Deeds {
  /** Newest first. */
  list: readonly Deed[];
  isBusy: boolean;
  /** One after the other, in the order given, up to the first that cannot be sent. */
  retry(letters: readonly Letter[]): Promise<void>;
  /** The same, up to the first that is not taken; gives the last answer. */
  discard(queues: Queues, reason: string): Promise<Outcome>;
  clear(): void;
}

const KEPT = 200;

export function useDeeds(): Deeds {
  const [list, setList] = useState<readonly Deed[]>([]);
  const [isBusy, setBusy] = useState(false);

  function note(kind: Deed["kind"], letter: Letter, outcome: Outcome): void {
    const refusal = outcome.state === "stored" ? null : (otherError(outcome, []) ?? "It was refused.");
    setList((before) => [{ key: outcome.commandId, kind, letter, refusal }, ...before].slice(0, KEPT));
  }

  async function retry(letters: readonly Letter[]): Promise<void> {
    setBusy(true);
    for (const letter of letters) {
      const { process, position } = letter;
      const title = `Retry of ${nameOf(letter)}`;
      const outcome = await send({ document: Retry, title, input: { process, position }, isQuiet: true });
      note("retry", letter, outcome);
      if (outcome.state === "failed") break;
    }
    setBusy(false);
  }

  async function discard([{ first: letter }, ...others]: Queues, reason: string): Promise<Outcome> {
    const { process, position } = letter;
    const title = `Discard ${nameOf(letter)}`;
    const outcome = await send({ document: Discard, title, input: { process, position, reason }, isQuiet: true });
    if (outcome.state !== "stored") return outcome;
    note("discard", letter, outcome);
    const [next, ...rest] = others;
    return next ? discard([next, ...rest], reason) : outcome;
  }

  return { list, isBusy, retry, discard, clear: () => setList([]) };
}
