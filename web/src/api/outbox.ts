import type { Effect } from "./intent";
import { getMessage, getViewer, watchSession } from "./session";

/** A command of this tab whose end is not known yet, as it outlives the page: it can be sent again under the same id. */
export interface Unended {
  commandId: string;
  title: string;
  startedAt: string;
  document: string;
  input: object;
  isQuiet: boolean;
  effects: readonly Effect[];
}

// Of the tab, as its session is: what one tab sends is not for another to send again.
const PREFIX = "dispensary.outbox";
const keyOf = (viewerId: string | undefined) => `${PREFIX}.${viewerId ?? "nobody"}`;

function load(viewerId: string | undefined): readonly Unended[] {
  try {
    return (JSON.parse(sessionStorage.getItem(keyOf(viewerId)) ?? "[]") as Unended[] | null) ?? [];
  } catch {
    return [];
  }
}

let owner = getViewer()?.id;
let list = load(owner);

/** Oldest first. */
export const unended = (): readonly Unended[] => list;

function set(next: readonly Unended[]): void {
  list = next;
  if (next.length > 0) sessionStorage.setItem(keyOf(owner), JSON.stringify(next));
  else sessionStorage.removeItem(keyOf(owner));
}

/** Passwords are not written down: who changes theirs and leaves the page does it anew. */
export function keep(one: Unended): void {
  if (Object.keys(one.input).some((name) => /password/i.test(name))) return;
  set([...list.filter(({ commandId }) => commandId !== one.commandId), one]);
}

export function letGo(commandId: string): void {
  if (list.some((one) => one.commandId === commandId)) set(list.filter((one) => one.commandId !== commandId));
}

/** Whether one that is not ended is about this row. */
export const isAbout = (view: string, id: string): boolean =>
  list.some(({ effects }) => effects.some((each) => each.view === view && each.id === id));

// Whoever is signed out unasked finds it when they are back. Whoever signs out has left it.
watchSession(() => {
  const viewer = getViewer()?.id;
  if (viewer === owner) return;
  if (viewer === undefined && getMessage() === null) set([]);
  owner = viewer;
  list = load(owner);
});
