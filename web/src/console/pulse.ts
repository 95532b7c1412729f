import { graphql, type ResultOf } from "../api/graphql";

export const Projections = graphql(`
  subscription Projections {
    projections {
      name position head lagEvents lagSeconds state eventsPerSecond deadLetters lastError rebuildPosition asOf
    }
  }
`);

export type Projection = ResultOf<typeof Projections>["projections"][number];

/** How a projection was at a moment. */
export interface Sample {
  /** Milliseconds since 1970, by the server's clock. */
  at: number;
  lag: number;
  rebuilt: number | null;
}

export const LOOKED_BACK_MS = 5 * 60_000;
const SPEED_OVER_MS = 15_000;

/** The samples with one more, without those that are too old. */
export function sampled(samples: readonly Sample[], projection: Projection): readonly Sample[] {
  const { asOf, lagEvents, rebuildPosition } = projection;
  const at = Date.parse(asOf);
  const before = samples.filter((sample) => sample.at < at && sample.at >= at - LOOKED_BACK_MS);
  return [...before, { at, lag: lagEvents, rebuilt: rebuildPosition === null ? null : Number(rebuildPosition) }];
}

/** Seconds until it is where the log ends, if it goes on as it did; null when nobody can tell. */
export function secondsLeft(projection: Projection, samples: readonly Sample[]): number | null {
  const { state, head, rebuildPosition, lagEvents, eventsPerSecond } = projection;
  if (state === "CATCHING_UP") return eventsPerSecond > 0 ? lagEvents / eventsPerSecond : null;
  if (state !== "REBUILDING" || rebuildPosition === null) return null;
  const last = samples.at(-1);
  const first = samples.find(({ at, rebuilt }) => rebuilt !== null && last && at >= last.at - SPEED_OVER_MS);
  if (!first || !last || first === last || first.rebuilt === null || last.rebuilt === null) return null;
  const perSecond = (last.rebuilt - first.rebuilt) / ((last.at - first.at) / 1000);
  return perSecond > 0 ? (Number(head) - last.rebuilt) / perSecond : null;
}

/** How much of the log is folded anew, from 0 to 1. */
export function rebuiltPart({ rebuildPosition, head }: Projection): number | null {
  if (rebuildPosition === null) return null;
  return head === "0" ? 1 : Math.min(1, Number(rebuildPosition) / Number(head));
}

/** The points of a line over the last minutes, in a box of this size. The line holds its height until the next sample. */
export function points(samples: readonly Sample[], width: number, height: number): string {
  const last = samples.at(-1);
  if (!last) return "";
  const most = Math.max(1, ...samples.map(({ lag }) => lag));
  const x = (at: number) => width - ((last.at - at) / LOOKED_BACK_MS) * width;
  const y = (lag: number) => height - (lag / most) * height;
  return samples
    .flatMap(({ at, lag }, index) => {
      const before = samples[index - 1];
      return before
        ? [
            [x(at), y(before.lag)],
            [x(at), y(lag)],
          ]
        : [[x(at), y(lag)]];
    })
    .map((point) => point.map((value) => value.toFixed(1)).join(","))
    .join(" ");
}

/** A length of time in a few letters: 850 ms, 3.2 s, 4 min, 2 h, 3 d. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
