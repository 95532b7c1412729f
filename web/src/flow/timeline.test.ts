import { expect, test } from "vitest";
import type { Journey } from "./journey";
import { between, formatDuration, type Known, projectionOf, ticksOf, timelineOf } from "./timeline";

const STORED = "2026-11-21T19:26:10.865747Z";
const receipt = {
  commandId: "c1",
  position: "7",
  stream: "medicine-m1",
  version: 3,
  acceptedAt: STORED,
  replayed: false,
};
const event = {
  id: "event_7",
  position: "7",
  type: "PriceChanged",
  stream: "medicine-m1",
  version: 3,
  recordedAt: STORED,
};

function journey(changes: Partial<Journey>): Journey {
  const sent = { commandId: "c1", name: "changePrice", title: "Price", startedAt: STORED, tries: 1 };
  const nothing = {
    receipt: null,
    refusals: [],
    problem: null,
    canRetry: false,
    answeredAfter: null,
    arrivals: [],
    awaits: ["medicines"],
  };
  return { ...sent, ...nothing, state: "sent", ...changes };
}

function known(changes: Partial<Known>): Known {
  const step = { projection: "medicines", projectedAt: STORED, lagMilliseconds: 4 };
  return { receipt, events: [event], projections: [step], isComplete: true, followUps: [], ...changes };
}

const arrived = journey({
  state: "shown",
  receipt,
  answeredAfter: 20,
  arrivals: [{ view: "medicines", position: "7", after: 16 }],
});

test("the server's times begin where they fit: after the sending, before the answer, and before the frame", () => {
  const { zero, lanes, total, end } = timelineOf(arrived, known({}), 0);
  // Before 16 - 4 ms, or the frame would have been here before its projection had it.
  expect(zero).toEqual({ at: 6, give: 6 });
  expect(lanes.map(({ key, from, until }) => [key, from, until])).toEqual([
    ["request", 0, 20],
    ["stored", 6, 6],
    ["event_7", 6, 6],
    ["projection medicines", 6, 10],
    ["frame medicines", 10, 16],
  ]);
  expect([total, end]).toEqual([20, 20]);
});

test("a lane says what was measured, by the clock that measured it", () => {
  const { lanes } = timelineOf(arrived, known({}), 0);
  expect(lanes.map(({ clock, milliseconds }) => [clock, milliseconds])).toEqual([
    ["browser", 20],
    ["server", 0],
    ["server", 0],
    ["server", 4],
    ["browser", 16],
  ]);
});

test("without the browser's part the axis is the server's", () => {
  const { zero, lanes, total } = timelineOf(null, known({}), 0);
  expect(zero).toBeNull();
  expect(lanes.map(({ place }) => place)).toEqual(["log", "log", "projections"]);
  expect(total).toBe(4);
});

test("what is still to come grows with the time, and is not taken for the end", () => {
  const late = known({
    isComplete: false,
    projections: [{ projection: "medicines", projectedAt: null, lagMilliseconds: null }],
  });
  const stored = journey({ state: "stored", receipt, answeredAfter: 20 });
  const { lanes, end, total } = timelineOf(stored, late, 1_500);
  expect(lanes.filter(({ state }) => state === "waiting").map(({ key }) => key)).toEqual([
    "projection medicines",
    "frame medicines",
  ]);
  expect([end, total]).toEqual([20, 1_500]);
});

test("what a projection did before the server's last start has no time", () => {
  const forgotten = known({ projections: [{ projection: "medicines", projectedAt: null, lagMilliseconds: null }] });
  const lane = timelineOf(null, forgotten, 0).lanes.at(-1);
  expect(lane).toMatchObject({ state: "unknown", milliseconds: null });
});

test("a refused command ends with its answer", () => {
  const { lanes } = timelineOf(journey({ state: "refused", answeredAfter: 9 }), null, 0);
  expect(lanes).toMatchObject([{ key: "request", state: "refused", milliseconds: 9, until: 9 }]);
});

test("what follows soon is on the axis, and what follows much later is not", () => {
  const soon = {
    ...event,
    id: "event_8",
    position: "8",
    type: "StockReserved",
    recordedAt: "2026-11-21T19:26:10.906237Z",
  };
  const later = { ...event, id: "event_9", position: "9", recordedAt: "2026-11-22T09:00:00.000000Z" };
  const { lanes } = timelineOf(null, known({ followUps: [soon, later] }), 0);
  expect(lanes.filter(({ place }) => place === "processes")).toMatchObject([{ key: "event_8", milliseconds: 40.49 }]);
});

test("a command with nothing to do stores nothing", () => {
  const { lanes } = timelineOf(null, known({ events: [], projections: [] }), 0);
  expect(lanes).toMatchObject([{ label: "Nothing to store", note: "decided at 7" }]);
});

test("instants are told apart to the microsecond", () => {
  expect(between(STORED, "2026-11-21T19:26:11.000001Z")).toBeCloseTo(134.254, 6);
  expect(between("2026-11-21T19:26:11Z", "2026-11-21T19:26:11.5Z")).toBe(500);
});

test("a view is read from the projection of its name", () => {
  expect(projectionOf("orderStatistics")).toBe("order_statistics");
});

test("durations are as exact as one can read", () => {
  expect([4.04, 140.6, 2_345, 90_000].map(formatDuration)).toEqual(["4.0 ms", "141 ms", "2.35 s", "1.5 min"]);
});

test("the axis has a few round numbers", () => {
  expect(ticksOf(52)).toEqual([0, 20, 40]);
  expect(ticksOf(5_200)).toEqual([0, 2_000, 4_000]);
});
