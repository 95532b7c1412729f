import { describe, expect, it } from "vitest";
import { formatSeconds, LOOKED_BACK_MS, type Projection, points, rebuiltPart, sampled, secondsLeft } from "./pulse";

const NOON = Date.parse("2030-01-31T12:00:00Z");

const status = (afterMs: number, changed: Partial<Projection> = {}): Projection => ({
  name: "orders",
  position: "100",
  head: "1000",
  lagEvents: 0,
  lagSeconds: 0,
  state: "LIVE",
  eventsPerSecond: 0,
  deadLetters: 0,
  lastError: null,
  rebuildPosition: null,
  asOf: new Date(NOON + afterMs).toISOString(),
  ...changed,
});

describe("the pulse of a projection", () => {
  it("goes back some minutes and no further, and has each moment once", () => {
    const first = sampled([], status(0));
    const again = sampled(sampled(first, status(1000, { lagEvents: 7 })), status(1000, { lagEvents: 7 }));
    expect(again.map(({ lag }) => lag)).toEqual([0, 7]);
    expect(sampled(again, status(LOOKED_BACK_MS + 500)).map(({ lag }) => lag)).toEqual([7, 0]);
  });

  it("tells how long a rebuild takes from how fast it was", () => {
    const rebuilding = (afterMs: number, at: string) => status(afterMs, { state: "REBUILDING", rebuildPosition: at });
    const first = sampled([], rebuilding(0, "200"));
    expect(secondsLeft(rebuilding(0, "200"), first)).toBeNull();
    expect(secondsLeft(rebuilding(2000, "400"), sampled(first, rebuilding(2000, "400")))).toBe(6);
    expect(rebuiltPart(rebuilding(0, "400"))).toBe(0.4);
  });

  it("tells how long it takes to catch up, if it moves", () => {
    expect(secondsLeft(status(0, { state: "CATCHING_UP", lagEvents: 90, eventsPerSecond: 30 }), [])).toBe(3);
    expect(secondsLeft(status(0, { state: "CATCHING_UP", lagEvents: 90 }), [])).toBeNull();
    expect(secondsLeft(status(0, { state: "STALLED", lagEvents: 90, eventsPerSecond: 30 }), [])).toBeNull();
  });

  it("is drawn as a line that ends at the right", () => {
    const samples = sampled(sampled([], status(0)), status(LOOKED_BACK_MS / 2, { lagEvents: 4 }));
    expect(points(samples, 100, 20)).toBe("50.0,20.0 100.0,20.0 100.0,0.0");
  });

  it("gives lengths of time in a few letters", () => {
    expect([0.85, 3.21, 30, 240, 7200, 259_200].map(formatSeconds)).toEqual([
      "850 ms",
      "3.2 s",
      "30 s",
      "4 min",
      "2 h",
      "3 d",
    ]);
  });
});
