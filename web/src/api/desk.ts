import { retryDelay } from "./retry";
import { createStore, useStore } from "./store";

export interface DemoAccount {
  email: string;
  name: string;
  role: string;
}

export interface Desk {
  product: string;
  /** Null unless the server runs with the demo's data. */
  demo: { password: string; accounts: readonly DemoAccount[] } | null;
}

const desk = createStore<Desk>({ product: "Dispensary", demo: null });
export const useDesk = (): Desk => useStore(desk);

/** What the server tells the desk about itself. Until it does, the desk does without the demo's buttons. */
export async function loadDesk(tries = 0): Promise<void> {
  const answer = await fetch("/desk.json").catch(() => null);
  if (answer?.ok) desk.set((await answer.json()) as Desk);
  else if (!answer || answer.status >= 500) setTimeout(loadDesk, retryDelay(tries, Math.random()), tries + 1);
}
