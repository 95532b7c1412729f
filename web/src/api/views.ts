import type { TadaDocumentNode } from "gql.tada";
import { useMemo, useSyncExternalStore } from "react";
import { type Problem, subscribe } from "./client";
import { connection } from "./connection";
import { type Source, shared } from "./entries";
import { apply, emptyView, type Frame, interrupted, resumed, type View } from "./frames";
import { rootField } from "./graphql";
import type { Row } from "./intent";
import { noteFrame, useIntents } from "./intents";
import { caughtUp, readAfresh } from "./notices";
import { overlay, type RowState } from "./overlay";
import type { Position } from "./positions";

export interface LiveView<T> extends Omit<View<T>, "chain" | "incoming"> {
  /** The name of the subscription, which is that of the view in effects. */
  name: string;
  /** What is being done to a row: see RowMark in ui/. */
  states: ReadonlyMap<string, RowState>;
  /** Own writes that are stored and that this view does not show yet. */
  behind: number;
  /** Why the server does not give this view. */
  problem: Problem | null;
  /** Read it from the start. */
  reload(): void;
}

export interface LiveValue<T> {
  /** undefined until it came; null is an answer. */
  value: T | undefined;
  status: "loading" | "live" | "behind" | "ended";
  problem: Problem | null;
}

/**
 * A plural subscription as rows that stay current. The document declares `$after: Position`, which is filled in here, and
 * selects `kind since position more removed upserted { id ... }`. Components that ask for the same share one subscription,
 * so `pick` is taken from the first. With null for variables nothing is followed.
 */
export function useView<R, V extends { after?: Position | null }, T extends Row>(
  document: TadaDocumentNode<R, V>,
  variables: Omit<V, "after"> | null,
  pick: (data: R) => Frame<T>,
): LiveView<T> {
  const entry = shared(document, variables, (given) => viewSource(document, given, pick));
  const followed = useSyncExternalStore(entry.follow, entry.get);
  const list = useIntents();
  return useMemo(() => {
    const { view, problem } = followed ?? { view: emptyView<T>(), problem: null };
    const { position, status, gaps } = view;
    const name = rootField(document);
    return { name, ...overlay(name, view, list), position, status, gaps, problem, reload: entry.reload };
  }, [document, entry, followed, list]);
}

/**
 * A singular subscription: the newest state. Shared like `useView`. With the name of the view that its rows belong to,
 * a row that comes also ends the intents that it shows.
 */
export function useLive<R, V extends object, T>(
  document: TadaDocumentNode<R, V>,
  variables: V | null,
  pick: (data: R) => T,
  view?: string,
): LiveValue<T> {
  const noted = (data: R) => {
    const value = pick(data);
    if (view && hasPosition(value)) noteFrame(view, value.position);
    return value;
  };
  const entry = shared(document, variables, (given) => valueSource(document, given, noted));
  return useSyncExternalStore(entry.follow, entry.get) ?? (LOADING as LiveValue<T>);
}

/**
 * One row that did not come by `useView`, with one's own writes to that view over it. With an id, a row that one has
 * just made oneself is there before the server shows it.
 */
export function useOwnWrites<T extends Row>(
  name: string,
  row: T | null | undefined,
  id: string | undefined = row?.id,
): { row: T | null; state: RowState | null } {
  const list = useIntents();
  return useMemo(() => {
    if (id === undefined) return { row: null, state: null };
    const known = new Map<string, T>(row ? [[id, row]] : []);
    const { rows, states } = overlay(name, { rows: known, position: null }, list);
    return { row: rows.get(id) ?? null, state: states.get(id) ?? null };
  }, [name, row, id, list]);
}

function hasPosition(value: unknown): value is { position: Position } {
  return typeof value === "object" && value !== null && "position" in value && typeof value.position === "string";
}

/** So often something may fail in a row before it is worth a word. */
const PATIENCE = 2;
const LOADING: LiveValue<never> = { value: undefined, status: "loading", problem: null };

// ---------------------------------------------------------------- plural

interface Followed<T> {
  view: View<T>;
  problem: Problem | null;
}

function viewSource<R, V extends { after?: Position | null }, T extends Row>(
  document: TadaDocumentNode<R, V>,
  given: object,
  pick: (data: R) => Frame<T>,
): Source<Followed<T>> {
  const name = rootField(document);
  let now: Followed<T> = { view: emptyView(), problem: null };
  let stop = () => {};
  let missed: number | null = null;

  function start(changed: () => void): void {
    const set = (view: View<T>, problem: Problem | null = null) => {
      now = { view, problem };
      changed();
    };
    let isNew = true;
    // Read once for each connection, so each goes on from where the last one ended.
    const variables = Object.defineProperty({ ...given }, "after", {
      enumerable: true,
      get() {
        if (!isNew && now.view.position !== null) missed = 0;
        isNew = false;
        set(resumed(now.view), now.problem);
        return now.view.position;
      },
    }) as V;
    const unsubscribe = subscribe(document, variables, {
      next(data) {
        const frame = pick(data);
        const { view, isBroken } = apply(now.view, frame);
        set(view);
        if (isBroken) return again();
        count(frame);
        if (view.position !== null) noteFrame(name, view.position);
      },
      stumble: (problem, times) => set(interrupted(now.view), times < PATIENCE ? null : problem),
      error: (problem) => set(interrupted(now.view), problem),
    });
    const unwatch = connection.subscribe(() => {
      if (connection.get().state !== "connected") set(interrupted(now.view), now.problem);
    });
    stop = () => {
      unwatch();
      unsubscribe();
    };
    const again = () => {
      stop();
      start(changed);
    };
  }

  function count(frame: Frame<T>): void {
    if (missed === null) return;
    if (frame.kind === "RESET") readAfresh();
    else if (frame.kind === "CHANGES") missed += frame.upserted.length + frame.removed.length;
    if (frame.kind === "CHANGES" && frame.more) return;
    if (frame.kind === "CHANGES") caughtUp(missed);
    missed = null;
  }

  return {
    get: () => now,
    start(changed) {
      now = { view: { ...emptyView<T>(), rows: now.view.rows, gaps: now.view.gaps }, problem: null };
      start(changed);
    },
    stop: () => stop(),
  };
}

// ---------------------------------------------------------------- singular

function valueSource<R, V extends object, T>(
  document: TadaDocumentNode<R, V>,
  given: object,
  pick: (data: R) => T,
): Source<LiveValue<T>> {
  let now: LiveValue<T> = LOADING;
  let stop = () => {};
  return {
    get: () => now,
    start(changed) {
      const set = (next: LiveValue<T>) => {
        now = next;
        changed();
      };
      const unsubscribe = subscribe(document, given as V, {
        next: (data) => set({ value: pick(data), status: "live", problem: null }),
        stumble: (problem, times) => set({ ...now, status: "behind", problem: times < PATIENCE ? null : problem }),
        error: (problem) => set({ ...now, status: "ended", problem }),
        complete: () => set({ ...now, status: "ended" }),
      });
      const unwatch = connection.subscribe(() => {
        if (connection.get().state !== "connected" && now.status === "live") set({ ...now, status: "behind" });
      });
      stop = () => {
        unwatch();
        unsubscribe();
      };
    },
    stop: () => stop(),
  };
}
