import { describe, expect, it } from "vitest";
import type { LoggedEvent } from "./log";
import { arrived, begun, KEPT, paused, resumed, type Tail, withOlder } from "./tail";

const event = (position: number): LoggedEvent => ({
  id: `event_${position}`,
  position: String(position),
  stream: "record-a",
  version: position,
  type: "RecordWritten",
  recordedAt: "2030-01-31T12:00:00Z",
  commandId: `c${position}`,
  correlationId: `c${position}`,
  causationId: null,
  actorId: null,
});

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => event(first + index));

const page = (first: number, last: number, startCursor: string | null = `at ${first}`) => ({
  nodes: range(first, last),
  pageInfo: { hasPreviousPage: first > 1, startCursor },
});

const positions = (tail: Tail | null) => tail?.events.map(({ position }) => Number(position));

describe("the tail of the log", () => {
  it("has the newest first", () => {
    expect(positions(arrived(begun(page(1, 3)), range(4, 5)))).toEqual([5, 4, 3, 2, 1]);
  });

  it("shows nothing twice, also where numbers grow by a digit", () => {
    expect(positions(arrived(begun(page(8, 9)), range(9, 11)))).toEqual([11, 10, 9, 8]);
  });

  it("stands still while it is paused, and counts what is new", () => {
    const tail = arrived(paused(begun(page(1, 2))), range(3, 5));
    expect(positions(tail)).toEqual([2, 1]);
    expect(tail.fresh).toBe(3);
    expect(positions(resumed(tail))).toEqual([5, 4, 3, 2, 1]);
  });

  it("keeps no more than its bound, and knows that there was more", () => {
    const tail = arrived(begun(page(1, 10)), range(11, KEPT + 20));
    expect(tail.events.length).toBe(KEPT);
    expect(positions(tail)?.at(-1)).toBe(21);
    expect(tail).toMatchObject({ hasOlder: true, cursor: null });
  });

  it("that is paused for long keeps no more either, goes on counting, and begins anew", () => {
    const tail = arrived(arrived(paused(begun(page(1, 2))), range(3, KEPT)), range(KEPT + 1, KEPT + 10));
    expect(tail.waiting.length).toBeLessThanOrEqual(1);
    expect(tail.fresh).toBe(KEPT + 8);
    expect(resumed(tail)).toBeNull();
  });

  it("goes back by pages", () => {
    const tail = withOlder(begun(page(5, 6)), page(3, 4));
    expect(positions(tail)).toEqual([6, 5, 4, 3]);
    expect(tail).toMatchObject({ hasOlder: true, cursor: "at 3", isPaused: false });
    expect(withOlder(tail, page(1, 2)).hasOlder).toBe(false);
  });

  it("that goes back beyond its bound lets the newest go and stands still", () => {
    const tail = withOlder(begun(page(101, KEPT + 100)), page(1, 100));
    expect(tail.events.length).toBe(KEPT);
    expect(positions(tail)?.[0]).toBe(KEPT);
    expect(tail.isPaused).toBe(true);
    expect(resumed(tail)).toBeNull();
  });
});
