import { useSyncExternalStore } from "react";
import { client, type Problem, problemOf, subscribe } from "../api/client";
import { connection } from "../api/connection";
import { graphql, type ResultOf } from "../api/graphql";
import { noteFrame } from "../api/intents";
import { compare, type Position } from "../api/positions";
import { retryDelay } from "../api/retry";
import { getViewer } from "../api/session";
import { createStore } from "../api/store";

const Parts = graphql(`
  fragment NotificationParts on Notification { id position kind recipientId aboutId subject message createdAt }
`);

const Newest = graphql(
  `query NewestNotifications($first: Int!, $after: String) {
    notifications(first: $first, after: $after) {
      nodes { ...NotificationParts }
      position
      pageInfo { hasNextPage endCursor }
    }
  }`,
  [Parts],
);

const New = graphql(
  `subscription NewNotifications($after: Position) {
    notifications(after: $after) { kind since position more removed upserted { ...NotificationParts } }
  }`,
  [Parts],
);

export type Notification = ResultOf<typeof Parts>;

interface Notifications {
  /** Newest first: those that came, and as many of the older ones as were asked for. */
  list: readonly Notification[];
  position: Position | null;
  status: "loading" | "live" | "behind";
  problem: Problem | null;
  /** Where the older ones go on; null when there are none. */
  cursor: string | null;
  isFetching: boolean;
  /** Up to where the viewer has read them. */
  seen: Position | null;
}

const PAGE = 50;
/** More are not kept: with the next one that comes it begins anew with the newest page. */
const KEPT = 1_000;
const NOTHING: Notifications = {
  list: [],
  position: null,
  status: "loading",
  problem: null,
  cursor: null,
  isFetching: false,
  seen: null,
};

// Of all that was ever told nobody reads more than the last pages, so these are asked for, and only what is new followed.
const state = createStore(NOTHING);
let stop = () => {};
let followers = 0;
// Counts the beginnings: an answer to what was asked before the last of them is for somebody else.
let turn = 0;

export function useNotifications(): Notifications {
  return useSyncExternalStore(follow, state.get);
}

export function unseenIn({ list, seen }: Notifications): number {
  return seen === null ? 0 : list.filter(({ position }) => compare(position, seen) > 0).length;
}

/** Everything that is there now has been read. */
export function markSeen(): void {
  const { list, seen } = state.get();
  const newest = list[0]?.position;
  if (!newest || (seen !== null && compare(newest, seen) <= 0)) return;
  localStorage.setItem(seenKey(), newest);
  set({ seen: newest });
}

/** Ask for a page of older ones. */
export async function fetchOlder(): Promise<void> {
  const { cursor, isFetching } = state.get();
  if (isFetching || cursor === null) return;
  set({ isFetching: true });
  const mine = turn;
  const { data, error } = await client.query(Newest, { first: PAGE, after: cursor }).toPromise();
  if (mine !== turn) return;
  set({ isFetching: false });
  if (error) set({ problem: problemOf(error) });
  if (data) add(data.notifications.nodes, { cursor: cursorOf(data), problem: null });
}

/** Read it all from the start. */
export function reload(): void {
  stop();
  begin();
}

const seenKey = (): string => `dispensary.seen.${getViewer()?.id}`;

function set(changes: Partial<Notifications>): void {
  state.set({ ...state.get(), ...changes });
}

function follow(listener: () => void): () => void {
  const unsubscribe = state.subscribe(listener);
  followers += 1;
  if (followers === 1) begin();
  return () => {
    unsubscribe();
    followers -= 1;
    if (followers > 0) return;
    stop();
    turn += 1;
    state.set(NOTHING);
  };
}

function begin(tries = 0): void {
  turn += 1;
  if (state.get().isFetching) set({ isFetching: false });
  let isOver = false;
  let unsubscribe = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const unwatch = connection.subscribe(() => {
    if (connection.get().state !== "connected" && state.get().status === "live") set({ status: "behind" });
  });
  stop = () => {
    isOver = true;
    clearTimeout(timer);
    unwatch();
    unsubscribe();
  };
  const again = (problem: Problem) => {
    const isPassing = ["NETWORK", "UNAVAILABLE", "INTERNAL", "RATE_LIMITED"].includes(problem.code);
    if (!isPassing || tries > 1) set({ problem });
    if (!isPassing) return;
    timer = setTimeout(
      () => {
        stop();
        begin(tries + 1);
      },
      retryDelay(tries, Math.random()),
    );
  };
  void client
    .query(Newest, { first: PAGE, after: null })
    .toPromise()
    .then(({ data, error }) => {
      if (isOver) return;
      if (error) return again(problemOf(error));
      if (!data) return;
      const { nodes, position } = data.notifications;
      // Who is here for the first time is not told of all that ever happened as if it were new.
      const seen = localStorage.getItem(seenKey()) ?? position;
      localStorage.setItem(seenKey(), seen);
      state.set({ ...NOTHING, list: nodes, position, status: "live", cursor: cursorOf(data), seen });
      unsubscribe = followFrom(again);
    });
}

function followFrom(failed: (problem: Problem) => void): () => void {
  const variables = {
    get after() {
      return state.get().position;
    },
  };
  return subscribe(New, variables, {
    next({ notifications: frame }) {
      if (frame.kind === "RESET" || state.get().list.length > KEPT) return reload();
      // A frame in several parts that is cut off is asked for again as a whole.
      if (frame.more) return add(frame.upserted, {});
      add(frame.upserted, { position: frame.position, status: "live", problem: null });
      noteFrame("notifications", frame.position);
    },
    error: failed,
  });
}

function add(more: readonly Notification[], changes: Partial<Notifications>): void {
  const all = new Map(state.get().list.map((each) => [each.id, each]));
  for (const each of more) all.set(each.id, each);
  const list = [...all.values()].sort((one, other) => compare(other.position, one.position));
  set({ ...changes, list });
}

function cursorOf({ notifications: { pageInfo } }: ResultOf<typeof Newest>): string | null {
  return pageInfo.hasNextPage ? (pageInfo.endCursor ?? null) : null;
}
