import { intents } from "../api/intents";
import { getMessage, getViewer, watchViewer } from "../api/session";
import { createStore, useStore } from "../api/store";
import { type Journey, journeyOf, merged } from "./journey";

// For each viewer their own. It outlives the page and the end of a session, and goes when they sign out.
const PREFIX = "dispensary.journal";
const keyOf = (viewerId: string | undefined) => `${PREFIX}.${viewerId ?? "nobody"}`;

function load(viewerId: string | undefined): readonly Journey[] {
  try {
    return (JSON.parse(localStorage.getItem(keyOf(viewerId)) ?? "[]") as Journey[] | null) ?? [];
  } catch {
    return [];
  }
}

let owner = getViewer()?.id;
const journal = createStore(load(owner));

/** The commands of this browser, newest first. */
export const useJournal = (): readonly Journey[] => useStore(journal);

export function useJourney(commandId: string): Journey | null {
  return useJournal().find((journey) => journey.commandId === commandId) ?? null;
}

let seen = intents.get().list;
intents.subscribe(() => {
  const { list } = intents.get();
  if (list === seen) return;
  seen = list;
  if (list.length === 0) return;
  // Another tab of the same viewer writes into the same journal.
  const next = merged(list.map(journeyOf), load(owner));
  localStorage.setItem(keyOf(owner), JSON.stringify(next));
  journal.set(next);
});

watchViewer(() => {
  const isTheirWish = getViewer() === null && getMessage() === null;
  if (isTheirWish) localStorage.removeItem(keyOf(owner));
  owner = getViewer()?.id;
  journal.set(load(owner));
});

window.addEventListener("storage", (event) => {
  if (event.key === keyOf(owner)) journal.set(merged(intents.get().list.map(journeyOf), load(owner)));
});
