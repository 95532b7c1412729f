const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** How long to wait before try `tries` (from 0): growing, capped, and spread so that clients do not come all at once. */
export function retryDelay(tries: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 30));
  return Math.round(ceiling * (0.5 + random / 2));
}
