import { type Position, START } from "./positions";

export interface Frame<T> {
  kind: "SNAPSHOT" | "CHANGES" | "RESET";
  since: Position;
  position: Position;
  more: boolean;
  upserted: readonly T[];
  removed: readonly string[];
}

export interface View<T> {
  rows: ReadonlyMap<string, T>;
  /** Up to where the rows are exact; null until a whole snapshot came. What the next subscription goes on from. */
  position: Position | null;
  /** loading: no whole snapshot yet. behind: the connection is gone, or what was missed is still to come. */
  status: "loading" | "live" | "behind";
  /** How often a frame did not go on from the one before it. */
  gaps: number;
  /** What `since` of the next frame must be. */
  chain: Position;
  /** A snapshot whose last chunk has not come. */
  incoming: ReadonlyMap<string, T> | null;
}

export function emptyView<T>(): View<T> {
  return { rows: new Map(), position: null, status: "loading", gaps: 0, chain: START, incoming: null };
}

/** The view as the next subscription finds it. A snapshot that was cut off cannot be gone on with. */
export function resumed<T>(view: View<T>): View<T> {
  const chain = view.position ?? START;
  return { ...view, chain, incoming: null, status: view.position === null ? "loading" : "behind" };
}

/** The view does not hear anything for now. */
export function interrupted<T>(view: View<T>): View<T> {
  return view.status === "live" ? { ...view, status: "behind" } : view;
}

export interface Applied<T> {
  view: View<T>;
  /** The frame does not follow the one before it: the view has to be read from the start. */
  isBroken: boolean;
}

export function apply<T extends { id: string }>(view: View<T>, frame: Frame<T>): Applied<T> {
  if (frame.kind === "RESET") {
    return { view: { ...view, position: null, status: "loading", chain: START, incoming: null }, isBroken: false };
  }
  if (frame.since !== view.chain) {
    const broken: View<T> = { ...view, position: null, status: "loading", chain: START, incoming: null };
    return { view: { ...broken, gaps: view.gaps + 1 }, isBroken: true };
  }
  return { view: frame.kind === "SNAPSHOT" ? withSnapshot(view, frame) : withChanges(view, frame), isBroken: false };
}

// Until the last chunk of a snapshot is there the rows of before stay: old is better than nothing.
function withSnapshot<T extends { id: string }>(view: View<T>, frame: Frame<T>): View<T> {
  const rows = changed(view.incoming ?? new Map(), frame);
  if (frame.more) return { ...view, incoming: rows, chain: frame.position };
  return { ...view, rows, incoming: null, position: frame.position, chain: frame.position, status: "live" };
}

function withChanges<T extends { id: string }>(view: View<T>, frame: Frame<T>): View<T> {
  const isSame = frame.upserted.length === 0 && frame.removed.length === 0;
  const rows = isSame ? view.rows : changed(view.rows, frame);
  if (frame.more) return { ...view, rows };
  return { ...view, rows, position: frame.position, chain: frame.position, status: "live" };
}

function changed<T extends { id: string }>(rows: ReadonlyMap<string, T>, frame: Frame<T>): Map<string, T> {
  const next = new Map(rows);
  for (const row of frame.upserted) next.set(row.id, row);
  for (const id of frame.removed) next.delete(id);
  return next;
}
