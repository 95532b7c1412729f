/** A place in the log: a decimal string, which may be larger than a number can hold exactly. */
export type Position = string;

export const START: Position = "0";

export function compare(one: Position, other: Position): number {
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

export function hasReached(position: Position | null, goal: Position): boolean {
  return position !== null && compare(position, goal) >= 0;
}

export function latest(one: Position, other: Position): Position {
  return compare(one, other) >= 0 ? one : other;
}
