import { createRequest, stringifyDocument } from "@urql/core";
import type { TadaDocumentNode } from "gql.tada";
import { useSyncExternalStore } from "react";
import { announceIntent, closeAllToasts, closeToast } from "../ui/toasts";
import { client, pluggedFetch, problemOf, subscribe } from "./client";
import { connection } from "./connection";
import { graphql, rootField } from "./graphql";
import { makeId } from "./ids";
import {
  type Action,
  conflictOf,
  type Effect,
  type Intent,
  isTriedAgain,
  isUnderWay,
  mayBeSentAgain,
  NO_INTENTS,
  type Receipt,
  type Refusal,
  reduce,
} from "./intent";
import { keep, letGo, unended } from "./outbox";
import { retryDelay } from "./retry";
import { getViewer, watchViewer } from "./session";
import { createStore } from "./store";

const SLOW_AFTER_MS = 10_000;
const GIVE_UP_AFTER_MS = 60_000;
const FRESH_FOR_MS = 3_000;
const SETTLES_WITHIN_MS = 3_000;

export const intents = createStore(NO_INTENTS);
// The list alone: each frame of each view is noted in the store, and most change no intent.
export const useIntents = (): readonly Intent[] => useSyncExternalStore(intents.subscribe, () => intents.get().list);
export const useIntent = (commandId: string): Intent | null => findIntent(useIntents(), commandId);

function findIntent(list: readonly Intent[], commandId: string): Intent | null {
  return list.find((intent) => intent.commandId === commandId) ?? null;
}

function dispatch(action: Action): void {
  intents.set(reduce(intents.get(), action));
}

/** For views: a frame was applied. */
export function noteFrame(view: string, position: string): void {
  dispatch({ type: "frame", view, position, at: performance.now() });
}

interface Payload {
  receipt: Receipt | null;
  errors: readonly Refusal[];
}

/** One mutation whose payload selects `...Answer`, and whose only variable is `input`. */
export type Command<I> = TadaDocumentNode<Record<string, Payload>, { input: I }>;

export interface Wish<I> {
  document: Command<I>;
  /** Without a commandId: it is made here. */
  input: I;
  /** For people, in the infinitive's place: "Price of Amoxil to $3.00". */
  title: string;
  effects?: readonly Effect[];
  /** Say nothing in the region of messages when it worked. */
  isQuiet?: boolean;
}

export type Outcome =
  | { state: "stored"; receipt: Receipt; commandId: string }
  | { state: "refused"; refusals: readonly Refusal[]; commandId: string }
  /** `canRetry`: nobody knows what became of it. Its row offers to send it again under the same id. */
  | { state: "failed"; problem: string; commandId: string; canRetry: boolean };

type Kept = Wish<object & { commandId?: string | null; expectedVersion?: number | null }>;
const wishes = new Map<string, Kept>();

// No longer than they can be sent again: there are passwords among them.
intents.subscribe(() => {
  if (wishes.size === 0) return;
  const kept = new Set(
    intents
      .get()
      .list.filter(mayBeSentAgain)
      .map(({ commandId }) => commandId),
  );
  for (const commandId of wishes.keys()) if (!kept.has(commandId)) wishes.delete(commandId);
});

/** Send a command. It is an intent at once; the promise tells how it was answered. */
export function send<I extends { commandId?: string | null; expectedVersion?: number | null }>(
  wish: Wish<I>,
): Promise<Outcome> {
  const commandId = makeId();
  const kept = { ...wish, input: { ...wish.input, commandId } } as unknown as Kept;
  const startedAt = new Date().toISOString();
  const { title, isQuiet = false, effects = [] } = wish;
  const document = stringifyDocument(wish.document);
  keep({ commandId, title, startedAt, isQuiet, document, input: kept.input, effects });
  begin(commandId, kept, startedAt);
  return attempt(commandId);
}

function begin(commandId: string, wish: Kept, now: string): void {
  const { title, effects = [] } = wish;
  wishes.set(commandId, wish);
  dispatch({ type: "sent", commandId, name: rootField(wish.document), title, effects, at: performance.now(), now });
}

// What was under way when the page was left, or the session ended, is sent again under its id: what has arrived gives
// the same receipt, what has not is not lost.
function takeUp(): void {
  for (const { commandId, title, startedAt, isQuiet, document, input, effects } of unended()) {
    const { query } = createRequest(document, {});
    begin(commandId, { document: query as Kept["document"], input, title, isQuiet, effects }, startedAt);
    void attempt(commandId);
  }
}

/** Send a failed command once more, under the same id: whatever became of the first, it has one effect. */
export function retry(commandId: string): Promise<Outcome> {
  dispatch({ type: "again", commandId, at: performance.now() });
  return attempt(commandId);
}

/** After "changed meanwhile": the same wish as a new command, on what is there now. */
export function retryOnCurrent(commandId: string): Promise<Outcome> | null {
  const wish = wishes.get(commandId);
  const intent = findIntent(intents.get().list, commandId);
  const conflict = intent && conflictOf(intent);
  if (!wish || !conflict) return null;
  forget(commandId);
  return send({ ...wish, input: { ...wish.input, expectedVersion: conflict.actual ?? null } });
}

/** Take an intent that ended out of sight. */
export function forget(commandId: string): void {
  letGo(commandId);
  closeToast(commandId);
  dispatch({ type: "forgotten", commandId });
}

async function attempt(commandId: string): Promise<Outcome> {
  const wish = wishes.get(commandId);
  if (!wish) return { state: "failed", problem: "It is no longer known here.", commandId, canRetry: false };
  const slow = setTimeout(() => {
    dispatch({ type: "slow", commandId, at: performance.now() });
    if (!findIntent(intents.get().list, commandId)?.isSlow) return;
    slowOnes.set(commandId, wish);
    say(commandId, wish);
  }, SLOW_AFTER_MS);
  const outcome = await request(commandId, wish);
  // Whoever sent it may have gone meanwhile, and the next one is not told of it.
  if (!findIntent(intents.get().list, commandId)) {
    clearTimeout(slow);
    return outcome;
  }
  const at = performance.now();
  if (outcome.state === "stored") dispatch({ type: "stored", commandId, receipt: outcome.receipt, at });
  else {
    clearTimeout(slow);
    if (!outcome.canRetry) letGo(commandId);
    if (outcome.state === "refused") dispatch({ type: "refused", commandId, refusals: outcome.refusals, at });
    else {
      dispatch({ type: "failed", commandId, problem: outcome.problem, canRetry: outcome.canRetry, at });
      retryLater(commandId);
    }
  }
  say(commandId, wish);
  if (outcome.state === "stored") followProgress(commandId);
  return outcome;
}

// It failed while the socket stayed: no connection that comes back will say when to send it again.
function retryLater(commandId: string): void {
  const intent = findIntent(intents.get().list, commandId);
  if (!intent || !isTriedAgain(intent)) return;
  setTimeout(
    () => {
      const now = findIntent(intents.get().list, commandId);
      const isHere = connection.get().state === "connected";
      if (isHere && now && isTriedAgain(now) && now.tries === intent.tries) void retry(commandId);
    },
    retryDelay(intent.tries + 2, Math.random()),
  );
}

// Those of which it was said that they are slow: it is said as well when they are there.
const slowOnes = new Map<string, Kept>();
intents.subscribe(() => {
  for (const [commandId, wish] of slowOnes) {
    const intent = findIntent(intents.get().list, commandId);
    if (intent && isUnderWay(intent)) continue;
    slowOnes.delete(commandId);
    if (intent?.state === "shown") say(commandId, wish);
  }
});

type Answered = Outcome & { canRetry: boolean };

async function request(commandId: string, wish: Kept): Promise<Answered> {
  const { data, error } = await client
    .mutation(wish.document, { input: wish.input }, { fetch: impatientFetch })
    .toPromise();
  const payload = data ? Object.values(data)[0] : undefined;
  if (payload?.receipt) return { state: "stored", receipt: payload.receipt, commandId, canRetry: false };
  if (payload && payload.errors.length > 0) {
    return { state: "refused", refusals: payload.errors, commandId, canRetry: false };
  }
  const problem = error ? problemOf(error) : { code: "INTERNAL", message: "The answer was empty." };
  const canRetry = ["NETWORK", "UNAVAILABLE", "INTERNAL", "RATE_LIMITED", "REQUEST_TIMEOUT"].includes(problem.code);
  return { state: "failed", problem: problem.message, commandId, canRetry };
}

const impatientFetch: typeof fetch = (input, init) => {
  const limit = AbortSignal.timeout(GIVE_UP_AFTER_MS);
  return pluggedFetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, limit]) : limit });
};

function say(commandId: string, wish: Kept): void {
  const intent = findIntent(intents.get().list, commandId);
  if (!intent) return;
  announceIntent(intent, { isQuiet: wish.isQuiet ?? false, retry, retryOnCurrent });
}

// ---------------------------------------------------------------- what becomes of a stored command

const Progress = graphql(`
  subscription Progress($id: ID!) {
    command(id: $id) {
      events { id position type stream version recordedAt }
      projections { projection projectedAt lagMilliseconds }
      isComplete
    }
  }
`);

function followProgress(commandId: string): void {
  const stop = subscribe(
    Progress,
    { id: commandId },
    {
      next({ command }) {
        dispatch({ type: "progress", commandId, progress: command });
        if (command.isComplete) settle(commandId);
      },
      error: () => settle(commandId),
    },
  );
  stops.set(commandId, stop);
}

const stops = new Map<string, () => void>();

// Every projection has it. A view that shows none of its rows hears nothing, so that it is not waited for in vain.
function settle(commandId: string): void {
  stops.get(commandId)?.();
  stops.delete(commandId);
  const intent = findIntent(intents.get().list, commandId);
  const isNoOp = intent?.progress?.events.length === 0 || intent?.effects.length === 0;
  const after = isNoOp ? 0 : SETTLES_WITHIN_MS;
  setTimeout(() => dispatch({ type: "settled", commandId, at: performance.now() }), after);
}

intents.subscribe(() => {
  for (const { commandId, state } of intents.get().list) if (state === "shown") letGo(commandId);
});

// An ended intent keeps its mark on its row for a moment. Refusals stay longer, as they have to be read.
const fading = new Set<string>();
intents.subscribe(() => {
  for (const intent of intents.get().list) {
    if (!intent.isFresh || isUnderWay(intent) || intent.state === "failed" || fading.has(intent.commandId)) continue;
    fading.add(intent.commandId);
    const after = intent.state === "refused" ? 4 * FRESH_FOR_MS : FRESH_FOR_MS;
    setTimeout(() => {
      fading.delete(intent.commandId);
      dispatch({ type: "faded", commandId: intent.commandId });
    }, after);
  }
});

// What nobody knows the end of is sent again when the connection is back.
let wasConnected = false;
connection.subscribe(() => {
  const isConnected = connection.get().state === "connected";
  if (isConnected && !wasConnected) {
    for (const intent of intents.get().list) {
      if (intent.state === "failed" && intent.canRetry) void retry(intent.commandId);
    }
  }
  wasConnected = isConnected;
});

watchViewer((before) => {
  if (getViewer()?.id === before?.id) return;
  for (const stop of stops.values()) stop();
  stops.clear();
  closeAllToasts();
  dispatch({ type: "cleared" });
  takeUp();
});
takeUp();
