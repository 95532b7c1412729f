import { retryDelay } from "./retry";
import { createStore, useStore } from "./store";

/** waiting: the socket is gone and is tried again at `until`. offline: so, and the device says that it has no network. */
export type Connection =
  | { state: "connecting" }
  | { state: "connected" }
  | { state: "waiting" | "offline"; until: number };

export const connection = createStore<Connection>({ state: "connecting" });
export const useConnection = (): Connection => useStore(connection);

let heldUntil = 0;
let isHurried = false;
let wake: (() => void) | null = null;

/** The pause before the next try. Ends early when somebody asks for it, or when the device is back on a network. */
export async function pause(tries: number): Promise<void> {
  const delay = isHurried ? 0 : retryDelay(tries, Math.random());
  isHurried = false;
  const until = Math.max(Date.now() + delay, heldUntil);
  connection.set({ state: navigator.onLine ? "waiting" : "offline", until });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, until - Date.now());
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  wake = null;
}

/** Connect now, without the rest of the pause. */
export function connectNow(): void {
  heldUntil = 0;
  if (wake) wake();
}

/** The next try comes at once: the one that is waited for, or that after the connection is lost. */
export function hurry(): void {
  if (wake && !isHeldBack()) wake();
  else isHurried = wake === null;
}

/** No try before then. */
export function holdBack(seconds: number): void {
  heldUntil = Date.now() + seconds * 1000;
}

/** Whether the plug is pulled: nothing may go out. */
export function isHeldBack(): boolean {
  return Date.now() < heldUntil;
}

window.addEventListener("online", connectNow);
window.addEventListener("offline", () => {
  const now = connection.get();
  if (now.state === "waiting") connection.set({ ...now, state: "offline" });
});
