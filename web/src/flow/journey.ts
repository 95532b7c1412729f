import { type Intent, type IntentState, isUnderWay, type Receipt, type Refusal } from "../api/intent";

/** What this browser knows of a command it sent. All times in milliseconds after it was sent. */
export interface Journey {
  commandId: string;
  name: string;
  title: string;
  /** By the clock of this device. */
  startedAt: string;
  state: IntentState;
  receipt: Receipt | null;
  refusals: readonly Refusal[];
  problem: string | null;
  /** It is sent again, under the same id, once the connection is back. */
  canRetry: boolean;
  tries: number;
  answeredAfter: number | null;
  arrivals: readonly { view: string; position: string; after: number }[];
  /** The views that are to show it. */
  awaits: readonly string[];
}

export function journeyOf(intent: Intent): Journey {
  const { commandId, name, title, startedAt, state, receipt, refusals, problem, canRetry, tries } = intent;
  const { sentAt, answeredAt } = intent;
  // It was stored by an earlier try, whose times nobody has.
  const isTimed = !receipt?.replayed;
  return {
    ...{ commandId, name, title, startedAt, state, receipt, refusals, problem, canRetry, tries },
    answeredAfter: isTimed && answeredAt !== null ? answeredAt - sentAt : null,
    arrivals: isTimed ? intent.arrivals.map(({ view, position, at }) => ({ view, position, after: at - sentAt })) : [],
    awaits: [...new Set(intent.effects.map(({ view }) => view))],
  };
}

/** As it is remembered: whoever left the page while it was under way has not seen the end of it. */
export function isOpenEnded(journey: Journey, isHere: boolean): boolean {
  return !isHere && isUnderWay({ state: journey.state });
}

const KEPT = 30;

/** The newer journeys in front; what is known of one takes the place of what was known of it. */
export function merged(newer: readonly Journey[], older: readonly Journey[]): readonly Journey[] {
  const ids = new Set(newer.map(({ commandId }) => commandId));
  const known = new Map(older.map((journey) => [journey.commandId, journey]));
  return [
    ...newer.map((journey) => timedAs(journey, known.get(journey.commandId))),
    ...older.filter(({ commandId }) => !ids.has(commandId)),
  ]
    .sort((one, other) => (one.startedAt < other.startedAt ? 1 : one.startedAt > other.startedAt ? -1 : 0))
    .slice(0, KEPT);
}

// A page that was left has measured what this one cannot.
function timedAs(journey: Journey, before: Journey | undefined): Journey {
  if (!journey.receipt?.replayed || before?.answeredAfter == null) return journey;
  const { answeredAfter, arrivals } = before;
  return { ...journey, answeredAfter, arrivals };
}
