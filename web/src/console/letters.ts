import { graphql, type ResultOf } from "../api/graphql";
import { compare } from "../api/positions";

export const DeadLetters = graphql(`
  subscription DeadLetters($process: String) {
    deadLetters(process: $process) {
      process position key parkedAt attempts retryAt isDead error
      event { type stream recordedAt }
    }
  }
`);

export type Letter = ResultOf<typeof DeadLetters>["deadLetters"][number];

/** A letter that failed, and those that wait behind it. */
export interface Queue {
  first: Letter;
  behind: readonly Letter[];
}

/** One or more of one process, in the order of the log. */
export type Queues = readonly [Queue, ...Queue[]];

/** The letters of one process that failed for one reason. */
export interface Group {
  id: string;
  process: string;
  error: string | null;
  /** In the order of the log. */
  queues: readonly Queue[];
}

export function idOf({ process, position, key }: Letter): string {
  return `${process} ${position} ${key}`;
}

/** What a letter is about, for people. */
export const nameOf = ({ event, position }: Letter): string => `${event?.type ?? "event"} at ${position}`;

/** Letters by process and error; each that waits is with the one that it waits for. */
export function grouped(letters: readonly Letter[]): readonly Group[] {
  const groups = new Map<string, Group & { queues: Queue[] }>();
  for (const queue of queuesOf(letters)) {
    const { process, error } = queue.first;
    const id = `${process} ${error}`;
    const group = groups.get(id) ?? { id, process, error, queues: [] };
    group.queues.push(queue);
    groups.set(id, group);
  }
  return [...groups.values()];
}

function queuesOf(letters: readonly Letter[]): readonly Queue[] {
  const byKey = new Map<string, Letter[]>();
  for (const letter of [...letters].sort((one, other) => compare(one.position, other.position))) {
    const key = `${letter.process} ${letter.key}`;
    const same = byKey.get(key);
    if (same) same.push(letter);
    else byKey.set(key, [letter]);
  }
  return [...byKey.values()].flatMap(([first, ...behind]) => (first ? [{ first, behind }] : []));
}

/** How many letters a group holds, those that wait with them. */
export function countOf(group: Group): number {
  return group.queues.reduce((count, { behind }) => count + 1 + behind.length, 0);
}

/** What became of a letter that somebody wanted to be tried again or let go. */
export type Fate = "gone" | "failed" | "waiting";

export function fateOf(before: Letter, letters: readonly Letter[]): Fate {
  const now = letters.find((letter) => idOf(letter) === idOf(before));
  if (!now) return "gone";
  const isSame = now.attempts === before.attempts && now.retryAt === before.retryAt && now.error === before.error;
  return isSame || now.attempts === 0 ? "waiting" : "failed";
}
