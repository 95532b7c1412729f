import type { Refusal } from "./intent";
import type { Outcome } from "./intents";

const refusalsOf = (outcome: Outcome | null): readonly Refusal[] =>
  outcome?.state === "refused" ? outcome.refusals : [];

/** What is wrong with one field of the input. */
export function errorOf(outcome: Outcome | null, field: string): string | null {
  return refusalsOf(outcome).find(({ path }) => path[0] === field)?.message ?? null;
}

/** What is wrong, and not with one of these fields. */
export function otherError(outcome: Outcome | null, fields: readonly string[]): string | null {
  if (outcome?.state === "failed") return outcome.problem;
  return refusalsOf(outcome).find(({ path }) => !fields.includes(path[0] ?? ""))?.message ?? null;
}
