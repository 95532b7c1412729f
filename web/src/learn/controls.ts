import { useEffect } from "react";
import { pluggedFetch } from "../api/client";
import { connection } from "../api/connection";
import { getSession } from "../api/session";
import { createStore, useStore } from "../api/store";

/** One projection as the server has it. */
export interface Control {
  name: string;
  isPaused: boolean;
  delayMs: number;
}

export type Press = { action: "pause" | "resume" | "rebuild" } | { action: "slow"; delayMs: number };

interface Controls {
  /** Null until the server has told. */
  list: readonly Control[] | null;
  /** Why the last press did nothing. */
  problem: string | null;
}

const URL = "/demo/projections";
// Somebody else may press too: in another tab, or elsewhere.
const LOOK_EVERY_MS = 2_000;
const store = createStore<Controls>({ list: null, problem: null });
let presses = 0;

function take(list: readonly Control[]): void {
  if (JSON.stringify(list) !== JSON.stringify(store.get().list)) store.set({ ...store.get(), list });
}

async function look(): Promise<void> {
  if (document.visibilityState !== "visible" || connection.get().state !== "connected") return;
  const before = presses;
  const answer = await pluggedFetch(URL).catch(() => null);
  // An answer from before a press is not news.
  if (answer?.ok && before === presses) take((await answer.json()) as Control[]);
}

/** The server's controls, up to date while somebody looks. */
export function useControls(): Controls {
  useEffect(() => {
    if (lookers === 0) watch();
    lookers += 1;
    return () => {
      lookers -= 1;
      if (lookers === 0) unwatch();
    };
  }, []);
  return useStore(store);
}

let lookers = 0;
let unwatch = () => {};

function watch(): void {
  void look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  const forget = connection.subscribe(look);
  document.addEventListener("visibilitychange", look);
  unwatch = () => {
    clearInterval(timer);
    forget();
    document.removeEventListener("visibilitychange", look);
  };
}

/** Press a button. What came of it is in the controls. */
export async function press(name: string, action: Press): Promise<boolean> {
  presses += 1;
  const answer = await pluggedFetch(`${URL}/${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${getSession()?.token ?? ""}` },
    body: JSON.stringify(action),
  }).catch(() => null);
  presses += 1;
  if (answer?.ok) {
    store.set({ list: (await answer.json()) as Control[], problem: null });
    return true;
  }
  store.set({ ...store.get(), problem: await reasonOf(answer) });
  return false;
}

async function reasonOf(answer: Response | null): Promise<string> {
  if (!answer) return "The server cannot be reached.";
  const told = (await answer.json().catch(() => null)) as { errors?: { message: string }[] } | null;
  return told?.errors?.[0]?.message ?? `The server answered ${answer.status}.`;
}

export function isDetained({ isPaused, delayMs }: Control): boolean {
  return isPaused || delayMs > 0;
}

/** Every projection as fast as it can, none paused. */
export async function putBack(list: readonly Control[]): Promise<void> {
  for (const { name, isPaused, delayMs } of list) {
    if (delayMs > 0) await press(name, { action: "slow", delayMs: 0 });
    if (isPaused) await press(name, { action: "resume" });
  }
}
