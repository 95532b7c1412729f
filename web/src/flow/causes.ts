import type { StoredEvent } from "../api/intent";

export interface FollowUp extends StoredEvent {
  causationId: string | null;
  commandId: string | null;
  actorId: string | null;
}

/** An event and what it brought about. */
export interface Cause {
  event: FollowUp;
  effects: readonly Cause[];
}

/** Events as trees of causes. One whose cause is not among them begins a tree of its own. */
export function causesOf(events: readonly FollowUp[]): readonly Cause[] {
  const ids = new Set(events.map(({ id }) => id));
  // An event is stored after its cause, so no tree bites its tail.
  const grow = (event: FollowUp): Cause => ({
    event,
    effects: events.filter(({ causationId }) => causationId === event.id).map(grow),
  });
  return events.filter(({ causationId }) => causationId === null || !ids.has(causationId)).map(grow);
}

/** "process/fulfilment" did it by itself; anybody else is a person. */
export function processOf(actorId: string | null): string | null {
  return actorId?.startsWith("process/") ? actorId.slice("process/".length) : null;
}
