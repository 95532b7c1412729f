import { hasReached, latest, type Position } from "./positions";

export interface Receipt {
  commandId: string;
  position: Position;
  stream: string;
  version: number;
  acceptedAt: string;
  replayed: boolean;
}

/** A "no" that was foreseen. */
export interface Refusal {
  code: string;
  message: string;
  path: readonly string[];
  expected?: number;
  actual?: number;
  state?: string;
  medicineId?: string;
  requested?: number;
  available?: number;
}

/** What a command does to a row, shown before the server shows it. Data, as it outlives the page with its command. */
export interface Effect {
  /** The name of a plural subscription: "medicines". */
  view: string;
  id: string;
  /** The row as it begins: it is put in where there is none. */
  made?: Row;
  /** What becomes different in the row that is there. */
  changed?: object;
}

// What a view's rows have in common. An effect is made for rows of one view, by `makes` and `changes`, which know their type.
export interface Row {
  id: string;
  position?: Position;
}

export function makes<T extends Row>(view: string, made: T): Effect {
  return { view, id: made.id, made };
}

export function changes<T extends Row>(view: string, id: string, changed: Partial<T>): Effect {
  return { view, id, changed };
}

export interface Projected {
  projection: string;
  projectedAt: string | null;
  lagMilliseconds: number | null;
}

export interface StoredEvent {
  id: string;
  position: Position;
  type: string;
  stream: string;
  version: number;
  recordedAt: string;
}

export interface Progress {
  events: readonly StoredEvent[];
  projections: readonly Projected[];
  isComplete: boolean;
}

/**
 * sent: no answer yet. stored: there is a receipt. shown: a frame reached it. refused: a rule said no.
 * failed: nobody knows; the same command id can be sent again.
 */
export type IntentState = "sent" | "stored" | "shown" | "refused" | "failed";

/** One frame that brought a view to the receipt's position. Times in milliseconds of performance.now(). */
export interface Arrival {
  view: string;
  position: Position;
  at: number;
}

export interface Intent {
  commandId: string;
  /** The mutation: "changeMedicinePrice". */
  name: string;
  /** For people: "Price of Amoxil to $3.00". */
  title: string;
  effects: readonly Effect[];
  state: IntentState;
  receipt: Receipt | null;
  refusals: readonly Refusal[];
  problem: string | null;
  canRetry: boolean;
  /** Ten seconds without the end of it. */
  isSlow: boolean;
  /** It ended a moment ago: its row may still say so. */
  isFresh: boolean;
  tries: number;
  startedAt: string;
  sentAt: number;
  answeredAt: number | null;
  shownAt: number | null;
  progress: Progress | null;
  arrivals: readonly Arrival[];
}

export interface Intents {
  /** Newest first. */
  list: readonly Intent[];
  /** How far each view has come that is or was followed. */
  reached: Readonly<Record<string, Position>>;
}

export type Action =
  | {
      type: "sent";
      commandId: string;
      name: string;
      title: string;
      effects: readonly Effect[];
      at: number;
      now: string;
    }
  | { type: "again"; commandId: string; at: number }
  | { type: "stored"; commandId: string; receipt: Receipt; at: number }
  | { type: "refused"; commandId: string; refusals: readonly Refusal[]; at: number }
  | { type: "failed"; commandId: string; problem: string; canRetry: boolean; at: number }
  | { type: "slow" | "settled"; commandId: string; at: number }
  | { type: "faded" | "forgotten"; commandId: string }
  | { type: "frame"; view: string; position: Position; at: number }
  | { type: "progress"; commandId: string; progress: Progress }
  | { type: "cleared" };

const KEPT = 50;

export const NO_INTENTS: Intents = { list: [], reached: {} };

export function reduce(intents: Intents, action: Action): Intents {
  switch (action.type) {
    case "sent":
      return { ...intents, list: kept([begin(action), ...intents.list]) };
    case "frame":
      return withFrame(intents, action);
    case "cleared":
      return NO_INTENTS;
    case "forgotten":
      return { ...intents, list: intents.list.filter((intent) => intent.commandId !== action.commandId) };
    default:
      return {
        ...intents,
        list: intents.list.map((intent) =>
          intent.commandId === action.commandId ? step(intent, action, intents) : intent,
        ),
      };
  }
}

// One whose end is not known is kept beside them: what it does to its rows must not be lost.
function kept(list: readonly Intent[]): readonly Intent[] {
  return list.filter((intent, place) => place < KEPT || isUnderWay(intent) || isOpenEnded(intent));
}

function begin({ commandId, name, title, effects, now, at }: Extract<Action, { type: "sent" }>): Intent {
  return {
    commandId,
    name,
    title,
    effects,
    state: "sent",
    receipt: null,
    refusals: [],
    problem: null,
    canRetry: false,
    isSlow: false,
    isFresh: true,
    tries: 1,
    startedAt: now,
    sentAt: at,
    answeredAt: null,
    shownAt: null,
    progress: null,
    arrivals: [],
  };
}

type Step = Exclude<Action, { type: "sent" | "frame" | "cleared" }>;

function step(intent: Intent, action: Step, intents: Intents): Intent {
  switch (action.type) {
    case "again":
      // What is measured is the way of this try: nobody knows what became of the one before.
      return {
        ...{ ...intent, state: "sent", problem: null, isSlow: false, isFresh: true },
        ...{ tries: intent.tries + 1, sentAt: action.at, arrivals: [] },
      };
    case "stored":
      return shownIfReached(
        {
          ...{ ...intent, state: "stored", receipt: action.receipt, answeredAt: action.at, problem: null },
          arrivals: worthIt(intent.arrivals, action.receipt),
        },
        intents.reached,
        action.at,
      );
    case "refused":
      return { ...intent, state: "refused", refusals: action.refusals, answeredAt: action.at, isSlow: false };
    case "failed":
      return { ...intent, state: "failed", problem: action.problem, canRetry: action.canRetry, isSlow: false };
    case "slow":
      return isUnderWay(intent) ? { ...intent, isSlow: true } : intent;
    case "settled":
      return intent.state === "stored" ? { ...intent, state: "shown", shownAt: action.at, isSlow: false } : intent;
    case "forgotten":
    case "faded":
      return { ...intent, isFresh: false };
    case "progress":
      return { ...intent, progress: action.progress };
  }
}

function withFrame(intents: Intents, action: Extract<Action, { type: "frame" }>): Intents {
  const { view, position } = action;
  const reached = { ...intents.reached, [view]: latest(intents.reached[view] ?? position, position) };
  let isSame = true;
  const list = intents.list.map((intent) => {
    const next = shownIfReached(withArrival(intent, action), reached, action.at);
    isSame &&= next === intent;
    return next;
  });
  return { list: isSame ? intents.list : list, reached };
}

const ARRIVES_WITHIN_MS = 60_000;

// A frame may be here before the answer: it is kept until the receipt tells what it is worth.
function withArrival(intent: Intent, { view, position, at }: Arrival): Intent {
  const isAwaited = intent.state === "stored" && intent.effects.some((each) => each.view === view);
  if (at - intent.sentAt > ARRIVES_WITHIN_MS && !isAwaited) return intent;
  if (intent.receipt ? !hasReached(position, intent.receipt.position) : intent.state !== "sent") return intent;
  if (intent.receipt && intent.arrivals.some((arrival) => arrival.view === view)) return intent;
  return { ...intent, arrivals: [...intent.arrivals, { view, position, at }] };
}

function worthIt(arrivals: readonly Arrival[], receipt: Receipt): readonly Arrival[] {
  const first = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    if (hasReached(arrival.position, receipt.position) && !first.has(arrival.view)) first.set(arrival.view, arrival);
  }
  return [...first.values()];
}

function shownIfReached(intent: Intent, reached: Intents["reached"], at: number): Intent {
  const { receipt } = intent;
  if (intent.state !== "stored" || !receipt || intent.effects.length === 0) return intent;
  const isShown = intent.effects.every(({ view }) => hasReached(reached[view] ?? null, receipt.position));
  return isShown ? { ...intent, state: "shown", shownAt: at, isSlow: false } : intent;
}

export function isUnderWay(intent: Pick<Intent, "state">): boolean {
  return intent.state === "sent" || intent.state === "stored";
}

/** Nobody knows what became of it. */
const isOpenEnded = ({ state, canRetry }: Intent): boolean => state === "failed" && canRetry;

/** Whether there is, or may be, a reason to send what was wished once more. */
export function mayBeSentAgain(intent: Intent): boolean {
  return intent.state === "sent" || isOpenEnded(intent) || (intent.state === "refused" && conflictOf(intent) !== null);
}

const MOST_TRIES = 5;

/** Whether it is sent again by itself: at once with a connection that comes back, else after a while. */
export function isTriedAgain(intent: Intent): boolean {
  return isOpenEnded(intent) && intent.tries < MOST_TRIES;
}

export function conflictOf(intent: Intent): Refusal | null {
  return intent.refusals.find((refusal) => refusal.code === "CONFLICT") ?? null;
}
