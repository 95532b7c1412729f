import { compare } from "../api/positions";
import type { LoggedEvent } from "./log";

/** The end of the log as a page holds it. */
export interface Tail {
  /** Newest first. */
  events: readonly LoggedEvent[];
  /** What came while it is paused, oldest first. */
  waiting: readonly LoggedEvent[];
  /** How many have come since it was paused. */
  fresh: number;
  isPaused: boolean;
  /** What has come since does not adjoin `events` any more: the way back to the newest is to begin anew. */
  isTorn: boolean;
  /** Whether there are events before the last one here. */
  hasOlder: boolean;
  /** The cursor of the last one here, where it is known. */
  cursor: string | null;
}

/** More than these are not kept: those furthest from where one is are let go. */
export const KEPT = 5_000;

interface Older {
  nodes: readonly LoggedEvent[];
  pageInfo: { hasPreviousPage: boolean; startCursor: string | null };
}

export function begun(page: Older): Tail {
  const { hasPreviousPage, startCursor } = page.pageInfo;
  const events = [...page.nodes].reverse();
  return {
    events,
    waiting: [],
    fresh: 0,
    isPaused: false,
    isTorn: false,
    hasOlder: hasPreviousPage,
    cursor: startCursor,
  };
}

/** Events that came, oldest first. Those that are there already are left out. */
export function arrived(tail: Tail, events: readonly LoggedEvent[]): Tail {
  const newest = tail.waiting.at(-1) ?? tail.events[0];
  const added = newest ? events.filter(({ position }) => compare(position, newest.position) > 0) : events;
  if (added.length === 0) return tail;
  if (!tail.isPaused) return kept({ ...tail, events: [...added.toReversed(), ...tail.events] });
  const fresh = tail.fresh + added.length;
  if (tail.isTorn || tail.waiting.length + added.length > KEPT) {
    return { ...tail, fresh, waiting: added.slice(-1), isTorn: true };
  }
  return { ...tail, fresh, waiting: [...tail.waiting, ...added] };
}

function kept(tail: Tail): Tail {
  if (tail.events.length <= KEPT) return tail;
  return { ...tail, events: tail.events.slice(0, KEPT), hasOlder: true, cursor: null };
}

export function paused(tail: Tail): Tail {
  return { ...tail, isPaused: true };
}

/** As if it had not been paused; null if it must be begun anew. */
export function resumed(tail: Tail): Tail | null {
  if (tail.isTorn) return null;
  const { waiting } = tail;
  return kept({
    ...tail,
    isPaused: false,
    fresh: 0,
    waiting: [],
    events: [...waiting.toReversed(), ...tail.events],
  });
}

/** A page of what was before. Who reads so far back that the newest must be let go has paused thereby. */
export function withOlder(tail: Tail, page: Older): Tail {
  const events = [...tail.events, ...page.nodes.toReversed()];
  const next = { ...tail, hasOlder: page.pageInfo.hasPreviousPage, cursor: page.pageInfo.startCursor };
  if (events.length <= KEPT) return { ...next, events };
  return { ...next, events: events.slice(-KEPT), waiting: [], isPaused: true, isTorn: true };
}
