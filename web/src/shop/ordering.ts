import { type Basket, emptyBasket, getBasket, setQuantity } from "../api/basket";
import { Answer, graphql } from "../api/graphql";
import { makeId } from "../api/ids";
import { changes, type Intent, makes, type Refusal } from "../api/intent";
import { intents, type Outcome, send } from "../api/intents";
import { isAbout, unended } from "../api/outbox";
import { START } from "../api/positions";
import { getViewer, type Viewer, watchSession, watchViewer } from "../api/session";
import { createStore, useStore } from "../api/store";
import { formatMoney } from "../ui/text";
import type { Medicine } from "./catalogue";
import { METHODS, type Order, type Payment, type PaymentMethod, titleOf } from "./orders";

const PlaceOrder = graphql(
  `mutation PlaceOrder($input: PlaceOrderInput!) { placeOrder(input: $input) { ...Answer } }`,
  [Answer],
);
const ProcessPayment = graphql(
  `mutation ProcessPayment($input: ProcessPaymentInput!) { processPayment(input: $input) { ...Answer } }`,
  [Answer],
);
const CancelOrder = graphql(
  `mutation CancelOrder($input: CancelOrderInput!) { cancelOrder(input: $input) { ...Answer } }`,
  [Answer],
);
const ShipOrder = graphql(`mutation ShipOrder($input: ShipOrderInput!) { shipOrder(input: $input) { ...Answer } }`, [
  Answer,
]);
const CompleteOrder = graphql(
  `mutation CompleteOrder($input: CompleteOrderInput!) { completeOrder(input: $input) { ...Answer } }`,
  [Answer],
);
const RefundPayment = graphql(
  `mutation RefundPayment($input: RefundPaymentInput!) { refundPayment(input: $input) { ...Answer } }`,
  [Answer],
);

// ---------------------------------------------------------------- placing

export interface Wanted {
  medicine: Medicine;
  quantity: number;
}

interface Money {
  amount: string;
  currency: string;
}

const units = ({ amount }: Money): number => Math.round(Number(amount) * 100);

export function times(price: Money, quantity: number): Money {
  return { ...price, amount: ((units(price) * quantity) / 100).toFixed(2) };
}

/** What lines come to, a sum for each currency. */
export function totals(lines: readonly Wanted[]): readonly Money[] {
  const sums = new Map<string, number>();
  for (const { medicine, quantity } of lines) {
    const { currency } = medicine.price;
    sums.set(currency, (sums.get(currency) ?? 0) + units(medicine.price) * quantity);
  }
  return [...sums].map(([currency, sum]) => ({ currency, amount: (sum / 100).toFixed(2) }));
}

// ---------------------------------------------------------------- what the panel keeps

/** Whether the panel is open where it lies at the foot of a narrow window. */
const panel = createStore(false);
export const usePanel = (): boolean => useStore(panel);
export const setPanel = (isOpen: boolean): void => panel.set(isOpen);

export const PANEL_ID = "basket";

/** Lead somebody from a row of the catalogue to the basket. */
export function goToBasket(): void {
  setPanel(true);
  requestAnimationFrame(() => document.getElementById(PANEL_ID)?.focus());
}

/** Orders that were placed in this tab since it was opened, the newest first. */
const placed = createStore<readonly string[]>([]);
export const usePlaced = (): readonly string[] => useStore(placed);

export interface Refused {
  /** What is wrong with a line, by the id of its medicine. */
  lines: Readonly<Record<string, string>>;
  /** What is wrong with the rest. */
  rest: string | null;
}

const NOTHING: Refused = { lines: {}, rest: null };
const refused = createStore<Refused>(NOTHING);
export const useRefused = (): Refused => useStore(refused);
export const forgetRefusals = (): void => refused.set(NOTHING);

/** For whom the staff order, by email address; empty for themselves. */
const BUYER = "dispensary.buyer";
const buyerKey = () => `${BUYER}.${getViewer()?.id ?? "nobody"}`;
// With the basket, which outlives the page: what was for a customer must not become one's own.
const buyer = createStore(localStorage.getItem(buyerKey()) ?? "");
export const useBuyer = (): string => useStore(buyer);

export function setBuyer(email: string): void {
  if (email) localStorage.setItem(buyerKey(), email);
  else localStorage.removeItem(buyerKey());
  buyer.set(email);
}

interface Asked {
  userId: string;
  basket: Basket;
  buyer: string;
  /** The medicines of the lines, in their order. */
  ids: readonly string[];
}

// It outlives the page, as the command does.
const ASKED = "dispensary.asked";
const asked = new Map<string, Asked>(loadAsked());

function loadAsked(): [string, Asked][] {
  try {
    return JSON.parse(sessionStorage.getItem(ASKED) ?? "[]") as [string, Asked][];
  } catch {
    return [];
  }
}

function commandOf(orderId: string): Intent | undefined {
  return intents.get().list.find(({ name, effects }) => name === "placeOrder" && effects[0]?.id === orderId);
}

function keepAsked(): void {
  sessionStorage.setItem(ASKED, JSON.stringify([...asked]));
}

/** Somebody who orders, or for whom one orders. */
type Buyer = Pick<Viewer, "id" | "email">;

/** Order what is in the basket. It is empty at once; a refusal puts everything back, with the reason. */
export function placeOrder(lines: readonly Wanted[], viewer: Viewer, customer: Buyer = viewer): string {
  const id = makeId();
  const order = orderOf(id, lines, customer);
  const ids = lines.map(({ medicine }) => medicine.id);
  asked.set(id, { userId: viewer.id, basket: getBasket(), buyer: buyer.get(), ids });
  keepAsked();
  refused.set(NOTHING);
  emptyBasket();
  setBuyer("");
  placed.set([id, ...placed.get()]);
  void send({
    document: PlaceOrder,
    title: `Order for ${totals(lines).map(formatMoney).join(" + ")}${customer === viewer ? "" : `, of ${customer.email}`}`,
    input: {
      id,
      userId: customer.id,
      lines: lines.map(({ medicine, quantity }) => ({ medicineId: medicine.id, quantity })),
    },
    effects: [makes("orders", order)],
    isQuiet: true,
  });
  return id;
}

function orderOf(id: string, lines: readonly Wanted[], customer: Buyer): Order {
  return {
    id,
    position: START,
    version: 0,
    number: "",
    userId: customer.id,
    userEmail: customer.email,
    status: "INITIATED",
    statusReason: null,
    placedAt: new Date().toISOString(),
    total: totals(lines)[0] ?? { amount: "0.00", currency: "USD" },
    lines: lines.map(({ medicine: { id: medicineId, name, price }, quantity }) => ({
      medicineId,
      name,
      quantity,
      unitPrice: price,
      lineTotal: times(price, quantity),
    })),
    payment: null,
    trackingCode: null,
    timeline: [],
  };
}

// However an order that was sent comes to nothing, now or after a retry, what was in the basket is in it again.
function settleAsked(): void {
  for (const [id, { userId, basket, buyer: customer, ids }] of asked) {
    const intent = commandOf(id);
    if (getViewer()?.id !== userId) continue;
    const isOpen = intent
      ? intent.state === "sent" || (intent.state === "failed" && intent.canRetry)
      : isAbout("orders", id);
    if (isOpen) continue;
    asked.delete(id);
    keepAsked();
    if (intent?.receipt) continue;
    placed.set(placed.get().filter((each) => each !== id));
    putBack(basket);
    setBuyer(customer);
    if (intent?.state === "failed") refused.set({ lines: {}, rest: intent.problem });
    else if (intent) refused.set(sorted(intent.refusals, ids));
  }
}

placed.set(
  unended()
    .flatMap(({ effects }) => effects.flatMap(({ view, id, made }) => (view === "orders" && made ? id : [])))
    .reverse(),
);
intents.subscribe(settleAsked);
watchSession(settleAsked);
settleAsked();

watchViewer(() => {
  forgetRefusals();
  buyer.set(localStorage.getItem(buyerKey()) ?? "");
});

export function putBack(basket: Basket): void {
  for (const [medicineId, quantity] of Object.entries(basket)) setQuantity(medicineId, quantity);
}

function sorted(refusals: readonly Refusal[], ids: readonly string[]): Refused {
  const lines: Record<string, string> = {};
  const rest: string[] = [];
  for (const { path, message, medicineId } of refusals) {
    const line = medicineId ?? (path[0] === "lines" ? ids[Number(path[1])] : undefined);
    if (line) lines[line] = message;
    else rest.push(message);
  }
  return { lines, rest: rest.join(" ") || null };
}

// ---------------------------------------------------------------- what comes after

export function payOrder(order: Pick<Order, "id" | "number" | "total">, method: PaymentMethod): Promise<Outcome> {
  const id = makeId();
  const now = new Date().toISOString();
  const made = { id, version: 0, method, status: "CREATED", statusReason: null, amount: order.total } as const;
  const payment = { ...made, createdAt: now, updatedAt: now };
  return send({
    document: ProcessPayment,
    title: `Payment of ${formatMoney(order.total)} by ${METHODS[method].toLowerCase()}`,
    // The input's commandId must be there for its type; `send` gives the real one.
    input: { commandId: "", id, orderId: order.id, amount: order.total.amount, method },
    effects: [changes<Order>("orders", order.id, { payment })],
    isQuiet: true,
  });
}

/** An order, and the version of it that one has seen. */
export interface Seen {
  order: Order;
  version: number;
}

export function cancelOrder({ order, version }: Seen, reason: string): Promise<Outcome> {
  return send({
    document: CancelOrder,
    title: `${titleOf(order)} cancelled`,
    input: { orderId: order.id, reason, expectedVersion: version },
    effects: [changes<Order>("orders", order.id, { status: "CANCELLED", statusReason: reason })],
  });
}

export function shipOrder({ order, version }: Seen, trackingCode: string | null): Promise<Outcome> {
  return send({
    document: ShipOrder,
    title: `${titleOf(order)} shipped`,
    input: { orderId: order.id, trackingCode, expectedVersion: version },
    effects: [changes<Order>("orders", order.id, { status: "SHIPPED", trackingCode })],
  });
}

export function completeOrder({ order, version }: Seen): Promise<Outcome> {
  return send({
    document: CompleteOrder,
    title: `${titleOf(order)} completed`,
    input: { orderId: order.id, expectedVersion: version },
    effects: [changes<Order>("orders", order.id, { status: "COMPLETED" })],
  });
}

export function refundOrder(order: Order, payment: Payment, reason: string): Promise<Outcome> {
  return send({
    document: RefundPayment,
    title: `Refund of ${formatMoney(order.total)}`,
    input: { commandId: "", paymentId: payment.id, reason, expectedVersion: payment.version },
    effects: [
      changes<Order>("orders", order.id, { payment: { ...payment, status: "REFUNDED", statusReason: reason } }),
    ],
  });
}
