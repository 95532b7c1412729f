import { useEffect, useMemo } from "react";
import { client, type Problem, problemOf, subscribe } from "../api/client";
import { connection } from "../api/connection";
import { caughtUp } from "../api/notices";
import { hasReached, type Position } from "../api/positions";
import { createStore, useStore } from "../api/store";
import { CursorOf, Events, type LoggedEvent, NewestEvents } from "./log";
import { arrived, begun, KEPT, paused, resumed, type Tail, withOlder } from "./tail";

export interface Filter {
  stream: string;
  types: readonly string[];
  commandId: string;
  correlationId: string;
}

interface State {
  /** Null until the newest page is there. */
  tail: Tail | null;
  status: "loading" | "live" | "behind";
  problem: Problem | null;
  isFetching: boolean;
  /** Why the page before could not be had. */
  olderProblem: Problem | null;
}

const LOADING: State = { tail: null, status: "loading", problem: null, isFetching: false, olderProblem: null };

export interface LiveTail extends State {
  pause(): void;
  resume(): void;
  loadOlder(): void;
  reload(): void;
}

// The screen is drawn no more often than this, however fast the log grows.
const DRAWN_EVERY_MS = 100;
const MISSED_WITHIN_MS = 500;
const PAGE = 100;
/** So often it may fail in a row before it is worth a word. */
const PATIENCE = 2;
const UNKNOWN: Problem = { code: "INTERNAL", message: "The place of the last event was not found." };

/** The newest events that meet a filter, and each that comes. */
export function useTail(filter: Filter): LiveTail {
  const key = JSON.stringify(filter);
  const live = useMemo(() => openTail(JSON.parse(key) as Filter), [key]);
  useEffect(() => {
    live.start();
    return live.stop;
  }, [live]);
  return { ...useStore(live.store), ...live.ways };
}

function openTail(filter: Filter) {
  const store = createStore<State>(LOADING);
  const { stream, types, commandId, correlationId } = filter;
  const conditions = {
    stream: stream || null,
    types: types.length > 0 ? [...types] : null,
    commandId: commandId || null,
    correlationId: correlationId || null,
  };
  let inbox: LoggedEvent[] = [];
  let drawing: ReturnType<typeof setTimeout> | undefined;
  let stops: (() => void)[] = [];
  let turn = 0;

  const set = (changes: Partial<State>) => store.set({ ...store.get(), ...changes });

  function draw(): void {
    clearTimeout(drawing);
    drawing = undefined;
    const { tail } = store.get();
    const events = inbox;
    inbox = [];
    if (tail) set({ tail: arrived(tail, events) });
  }

  function take(events: readonly LoggedEvent[]): void {
    inbox.push(...events);
    // A page in the background draws rarely; what it has not drawn is bounded too.
    if (inbox.length > KEPT) draw();
    else if (inbox.length > 0) drawing ??= setTimeout(draw, DRAWN_EVERY_MS);
  }

  async function start(): Promise<void> {
    stop();
    const mine = turn;
    set(LOADING);
    const { data, error } = await client.query(NewestEvents, { filter: conditions }).toPromise();
    if (mine !== turn) return;
    if (!data) return set({ problem: error ? problemOf(error) : null });
    set({ tail: begun(data.events), status: connection.get().state === "connected" ? "live" : "behind" });
    follow(data.events.position);
  }

  function follow(from: Position): void {
    let position = from;
    let isFirst = true;
    let missed: number | null = null;
    let counting: ReturnType<typeof setTimeout> | undefined;
    const variables = {
      filter: conditions,
      // Read anew for each connection.
      get after(): Position {
        if (!isFirst) {
          missed = 0;
          clearTimeout(counting);
          counting = setTimeout(() => {
            caughtUp(missed ?? 0);
            missed = null;
          }, MISSED_WITHIN_MS);
        }
        isFirst = false;
        return position;
      },
    };
    const unsubscribe = subscribe(Events, variables, {
      next({ events: frame }) {
        if (!hasReached(position, frame.since)) return void start();
        position = frame.position;
        if (store.get().status === "behind") set({ status: "live", problem: null });
        if (missed !== null) missed += frame.events.length;
        take(frame.events);
      },
      stumble: (problem, times) => set({ status: "behind", problem: times < PATIENCE ? null : problem }),
      error: (problem) => set({ status: "behind", problem }),
    });
    const unwatch = connection.subscribe(() => {
      set({ status: connection.get().state === "connected" ? "live" : "behind" });
    });
    stops.push(unsubscribe, unwatch, () => clearTimeout(counting));
  }

  function stop(): void {
    turn += 1;
    for (const each of stops) each();
    stops = [];
    clearTimeout(drawing);
    drawing = undefined;
    inbox = [];
  }

  function pause(): void {
    draw();
    const { tail } = store.get();
    if (tail) set({ tail: paused(tail) });
  }

  function resume(): void {
    draw();
    const { tail } = store.get();
    const next = tail && resumed(tail);
    if (next) set({ tail: next });
    else void start();
  }

  async function loadOlder(): Promise<void> {
    const mine = turn;
    const { tail, isFetching } = store.get();
    const last = tail?.events.at(-1);
    if (!tail || !last || isFetching) return;
    // A full tail lets its last ones go with each that comes: what is read now would not adjoin them.
    if (tail.events.length + PAGE > KEPT) pause();
    set({ isFetching: true, olderProblem: null });
    const before = tail.cursor ?? (await cursorOf(last));
    const result = before ? await client.query(NewestEvents, { filter: conditions, before }).toPromise() : null;
    if (mine !== turn) return;
    set({ isFetching: false });
    const now = store.get().tail;
    if (!result?.data) set({ olderProblem: result?.error ? problemOf(result.error) : UNKNOWN });
    else if (now?.events.at(-1)?.position === last.position) set({ tail: withOlder(now, result.data.events) });
  }

  const ways = { pause, resume, loadOlder: () => void loadOlder(), reload: () => void start() };
  return { store, start: () => void start(), stop, ways };
}

/** The place of an event for the pages of a list; null when its command is not to be found. */
export async function cursorOf(event: { position: Position; commandId: string | null }): Promise<string | null> {
  if (event.commandId === null) return null;
  const { data } = await client.query(CursorOf, { commandId: event.commandId }).toPromise();
  return data?.events.edges.find(({ node }) => node.position === event.position)?.cursor ?? null;
}
