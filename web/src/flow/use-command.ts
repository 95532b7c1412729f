import { useEffect, useMemo } from "react";
import { useQuery } from "urql";
import { type Problem, problemOf } from "../api/client";
import { graphql } from "../api/graphql";
import type { Progress } from "../api/intent";
import { useLive } from "../api/views";
import type { FollowUp } from "./causes";
import type { Known } from "./timeline";

const EventParts = graphql(`
  fragment EventParts on Event { id position type stream version recordedAt causationId commandId actorId }
`);

const CommandParts = graphql(
  `fragment CommandParts on CommandProgress {
    receipt { commandId position stream version acceptedAt replayed }
    events { ...EventParts }
    projections { projection projectedAt lagMilliseconds }
    isComplete
    followUps { ...EventParts }
  }`,
  [EventParts],
);

const CommandQuery = graphql(`query Command($id: ID!) { command(id: $id) { ...CommandParts } }`, [CommandParts]);

const CommandLive = graphql(`subscription CommandLive($id: ID!) { command(id: $id) { ...CommandParts } }`, [
  CommandParts,
]);

export interface KnownCommand extends Known {
  events: readonly FollowUp[];
  followUps: readonly FollowUp[];
}

export interface CommandAnswer {
  /** undefined until the server has answered; null when it knows of no such command, or tells nobody but who sent it. */
  known: KnownCommand | null | undefined;
  problem: Problem | null;
  again(): void;
}

// Processes take a moment, and a subscription does not wait for them.
const LOOKS_AFTER_MS = [250, 1_000, 3_000, 8_000];

/** What the server knows of a command, up to date. `own` is what somebody else follows of it already. */
export function useCommand(commandId: string | null, own: Progress | null = null): CommandAnswer {
  const id = commandId ?? "";
  const [{ data, error }, ask] = useQuery({
    query: CommandQuery,
    variables: { id },
    pause: commandId === null,
    requestPolicy: "network-only",
  });
  // Until the answer is there, the one before may still be.
  const isItsOwn = data?.command?.receipt?.commandId === commandId || data?.command === null;
  const asked = commandId !== null && isItsOwn ? data?.command : undefined;
  const isFollowed = commandId !== null && own === null && asked !== undefined && !asked?.isComplete;
  const live = useLive(CommandLive, isFollowed ? { id } : null, (given) => given.command);
  const newest = live.value ?? asked;
  const isComplete = (own ?? newest)?.isComplete ?? false;
  useEffect(() => {
    if (commandId === null || !isComplete) return;
    const timers = LOOKS_AFTER_MS.map((after) => setTimeout(() => ask({ requestPolicy: "network-only" }), after));
    return () => timers.forEach(clearTimeout);
  }, [commandId, isComplete, ask]);
  const known = useMemo(() => {
    if (!newest) return newest;
    const followUps = (asked ?? newest).followUps;
    // Whoever follows it closely is never behind the answer to a question.
    const isNewer = own !== null && (own.isComplete || !newest.isComplete);
    return { ...newest, followUps, ...(isNewer && { projections: own.projections, isComplete: own.isComplete }) };
  }, [newest, asked, own]);
  return { known, problem: error ? problemOf(error) : null, again: () => ask({ requestPolicy: "network-only" }) };
}
