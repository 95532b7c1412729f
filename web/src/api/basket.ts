import { getViewer, watchViewer } from "./session";
import { createStore, useStore } from "./store";

/** How many of each medicine, by its id. Names and prices are those of the catalogue, as it is now. */
export type Basket = Readonly<Record<string, number>>;

const KEY = "dispensary.basket";
const key = () => `${KEY}.${getViewer()?.id ?? "nobody"}`;
const MOST_OF_ONE = 1_000;

function load(): Basket {
  try {
    return (JSON.parse(localStorage.getItem(key()) ?? "{}") as Basket | null) ?? {};
  } catch {
    return {};
  }
}

const basket = createStore<Basket>(load());
export const useBasket = (): Basket => useStore(basket);
export const getBasket = (): Basket => basket.get();

/** Nought takes the medicine out. */
export function setQuantity(medicineId: string, quantity: number): void {
  const next: Record<string, number> = { ...basket.get() };
  if (quantity > 0) next[medicineId] = Math.min(MOST_OF_ONE, Math.floor(quantity));
  else delete next[medicineId];
  keep(next);
}

export function addToBasket(medicineId: string, quantity = 1): void {
  setQuantity(medicineId, (basket.get()[medicineId] ?? 0) + quantity);
}

export function emptyBasket(): void {
  keep({});
}

function keep(next: Basket): void {
  localStorage.setItem(key(), JSON.stringify(next));
  basket.set(next);
}

// What somebody put in before they signed in comes along.
watchViewer((before) => {
  const brought = before === null ? basket.get() : {};
  if (before === null) localStorage.removeItem(`${KEY}.nobody`);
  keep({ ...load(), ...brought });
});

window.addEventListener("storage", (event) => {
  if (event.key === key()) basket.set(load());
});
