import type { Projected, Receipt, StoredEvent } from "../api/intent";
import type { Journey } from "./journey";

/** Whose clock measured it. */
export type Clock = "browser" | "server";

/** Where it happened: the lanes of one place stand together. */
export type Place = "request" | "log" | "projections" | "frames" | "processes";

/** waiting: it is still to come. unknown: it has happened, and nobody remembers when. */
export type LaneState = "done" | "waiting" | "refused" | "failed" | "unknown";

export interface Lane {
  key: string;
  place: Place;
  label: string;
  /** Said smaller, behind the label. */
  note: string | null;
  state: LaneState;
  clock: Clock;
  /** As it was measured: after it was sent for the browser's clock, after it was stored for the server's. */
  milliseconds: number | null;
  /** On the common axis. */
  from: number;
  until: number;
}

export interface Timeline {
  lanes: readonly Lane[];
  /** The length of the axis. */
  total: number;
  /** Where on the axis the server's clock begins, and by how much that may be wrong; null without the browser's part. */
  zero: { at: number; give: number } | null;
  /** The last thing that is known to have happened. */
  end: number;
}

export interface Known {
  receipt: Receipt | null;
  events: readonly StoredEvent[];
  projections: readonly Projected[];
  isComplete: boolean;
  followUps: readonly StoredEvent[];
}

/**
 * One axis for two clocks. How long something took is measured by one clock alone; where the server's times begin is not
 * measured by any, but it lies between the sending and the answer, and so that no frame is there before its projection.
 */
export function timelineOf(journey: Journey | null, known: Known | null, elapsed: number): Timeline {
  const receipt = known?.receipt ?? journey?.receipt ?? null;
  const zero = zeroOf(journey, known);
  const start = zero?.at ?? 0;
  const lanes = [
    ...requestLanes(journey, elapsed),
    ...(receipt ? logLanes(receipt, known, start) : []),
    ...(known ? projectionLanes(known, start, elapsed) : []),
    ...(journey && receipt ? frameLanes(journey, known, start, elapsed) : []),
  ];
  const end = furthest(lanes.filter(({ state }) => state !== "waiting"));
  const length = Math.max(furthest(lanes), LEAST);
  const all = receipt && known ? [...lanes, ...processLanes(receipt, known, start, length)] : lanes;
  return { lanes: all, total: Math.max(furthest(all), LEAST), zero, end };
}

const LEAST = 1;
const furthest = (lanes: readonly Lane[]) => Math.max(0, ...lanes.map(({ until }) => until));

function zeroOf(journey: Journey | null, known: Known | null): Timeline["zero"] {
  if (journey?.answeredAfter == null) return null;
  const latest = journey.arrivals.map(({ view, after }) => after - (lagOf(known, view) ?? 0));
  const within = Math.max(0, Math.min(journey.answeredAfter, ...latest));
  return { at: within / 2, give: within / 2 };
}

/** The projection that a view is read from. */
export function projectionOf(view: string): string {
  return view.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function lagOf(known: Known | null, view: string): number | null {
  const name = projectionOf(view);
  return known?.projections.find(({ projection }) => projection === name)?.lagMilliseconds ?? null;
}

function requestLanes(journey: Journey | null, elapsed: number): Lane[] {
  if (!journey) return [];
  const { answeredAfter, state, tries, receipt } = journey;
  const note = tries > 1 ? `sent ${tries} times` : null;
  const lane = {
    key: "request",
    place: "request",
    note,
    clock: "browser",
    milliseconds: answeredAfter,
    from: 0,
  } as const;
  if (state === "refused") return [{ ...lane, label: "Sent, refused", state: "refused", until: answeredAfter ?? 0 }];
  if (answeredAfter !== null) return [{ ...lane, label: "Sent, answered", state: "done", until: answeredAfter }];
  if (receipt?.replayed) return [{ ...lane, label: "Sent, answered", state: "unknown", until: 0 }];
  if (state === "failed") return [{ ...lane, label: "Sent, no answer", state: "failed", until: LEAST }];
  return [{ ...lane, label: "Sent", state: "waiting", until: elapsed }];
}

function logLanes(receipt: Receipt, known: Known | null, start: number): Lane[] {
  const point = { place: "log", clock: "server", state: "done" } as const;
  const isNoOp = known?.events.length === 0;
  const label = isNoOp ? "Nothing to store" : "Stored";
  const note = `${isNoOp ? "decided at" : "position"} ${receipt.position}`;
  const stored: Lane = { ...point, key: "stored", label, note, milliseconds: 0, from: start, until: start };
  const events = known?.events ?? [];
  return [stored, ...events.map((event) => eventLane(event, receipt, start, point.place))];
}

function eventLane(event: StoredEvent, receipt: Receipt, start: number, place: "log" | "processes"): Lane {
  const milliseconds = between(receipt.acceptedAt, event.recordedAt);
  const at = start + Math.max(0, milliseconds);
  const note = event.position === receipt.position ? null : `position ${event.position}`;
  return {
    key: event.id,
    place,
    label: event.type,
    note,
    state: "done",
    clock: "server",
    milliseconds,
    from: at,
    until: at,
  };
}

function projectionLanes(known: Known, start: number, elapsed: number): Lane[] {
  return known.projections.map(({ projection, lagMilliseconds }) => {
    const state = lagMilliseconds !== null ? "done" : known.isComplete ? "unknown" : "waiting";
    const until = lagMilliseconds !== null ? start + lagMilliseconds : state === "waiting" ? elapsed : start;
    return {
      ...{
        key: `projection ${projection}`,
        place: "projections",
        label: projection,
        note: null,
        state,
        clock: "server",
      },
      ...{ milliseconds: lagMilliseconds, from: start, until: Math.max(until, start) },
    };
  });
}

function frameLanes(journey: Journey, known: Known | null, start: number, elapsed: number): Lane[] {
  const lane = { place: "frames", note: null, clock: "browser" } as const;
  const here = journey.arrivals.map(({ view, after }): Lane => {
    const from = Math.min(after, start + (lagOf(known, view) ?? 0));
    return { ...lane, key: `frame ${view}`, label: view, state: "done", milliseconds: after, from, until: after };
  });
  const isShown = journey.state !== "stored";
  const missing = journey.awaits.filter((view) => !journey.arrivals.some((arrival) => arrival.view === view));
  const coming = missing.map((view): Lane => {
    const lag = lagOf(known, view);
    const from = start + (lag ?? 0);
    const until = isShown ? from : Math.max(from, elapsed);
    const state = isShown ? "unknown" : "waiting";
    return { ...lane, key: `frame ${view}`, label: view, state, milliseconds: null, from, until };
  });
  return [...here, ...coming];
}

const SOON_MS = 1_000;

// What a story goes on with a week later has no place on an axis of milliseconds.
function processLanes(receipt: Receipt, known: Known, start: number, length: number): Lane[] {
  const soon = Math.max(length, SOON_MS);
  return known.followUps
    .filter(({ recordedAt }) => between(receipt.acceptedAt, recordedAt) <= soon)
    .map((event) => eventLane(event, receipt, start, "processes"));
}

/** From one of the server's instants to another, in milliseconds: to the microsecond, which Date does not have. */
export function between(earlier: string, later: string): number {
  return (microseconds(later) - microseconds(earlier)) / 1000;
}

function microseconds(instant: string): number {
  const fraction = /\.(\d+)/.exec(instant)?.[1] ?? "";
  const seconds = Date.parse(instant.replace(/\.\d+/, ""));
  return seconds * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds >= 60_000) return `${(milliseconds / 60_000).toFixed(1)} min`;
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

/** Round numbers for the axis, a few of them, nought first. */
export function ticksOf(total: number): readonly number[] {
  const rough = total / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step);
}
