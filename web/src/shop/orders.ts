import { graphql, type ResultOf } from "../api/graphql";
import type { LiveView } from "../api/views";
import { useView } from "../api/views";

const Brief = graphql(`
  fragment OrderBrief on Order {
    id position version number userId userEmail status statusReason placedAt
    total { amount currency }
    lines { medicineId name quantity unitPrice { amount currency } lineTotal { amount currency } }
    payment { id version method status statusReason amount { amount currency } createdAt updatedAt }
  }
`);

export const Orders = graphql(
  `subscription Orders($after: Position, $filter: OrderFilter) {
    orders(after: $after, filter: $filter) { kind since position more removed upserted { ...OrderBrief } }
  }`,
  [Brief],
);

export const OneOrder = graphql(
  `subscription Order($id: ID!) {
    order(id: $id) { ...OrderBrief trackingCode timeline { event at position actorId } }
  }`,
  [Brief],
);

/** The same for GraphiQL, which begins with what can be read at once. */
export const OrderAsQuery = graphql(
  `query Order($id: ID!) {
    order(id: $id) { ...OrderBrief trackingCode timeline { event at position actorId } }
  }`,
  [Brief],
);

export const OrdersAsQuery = graphql(
  `query Orders($filter: OrderFilter) {
    orders(filter: $filter, first: 50) { nodes { ...OrderBrief } pageInfo { hasNextPage endCursor } }
  }`,
  [Brief],
);

export type OrderBrief = ResultOf<typeof Orders>["orders"]["upserted"][number];
export type Order = NonNullable<ResultOf<typeof OneOrder>["order"]>;
export type Payment = NonNullable<Order["payment"]>;
export type OrderStatus = Order["status"];
export type PaymentMethod = Payment["method"];

export interface OrderFilter {
  ids?: string[];
  userId?: string;
  status?: OrderStatus[];
}

/** Orders, live: one's own, for staff everybody's. */
export function useOrders(filter: OrderFilter | null): LiveView<OrderBrief> {
  return useView(Orders, filter && { filter }, (data) => data.orders);
}

export function newestFirst(one: OrderBrief, other: OrderBrief): number {
  return Date.parse(other.placedAt) - Date.parse(one.placedAt) || other.number.localeCompare(one.number);
}

export const titleOf = (order: Pick<Order, "number">): string => (order.number ? `Order ${order.number}` : "New order");

export function itemsOf({ lines }: Pick<Order, "lines">): string {
  const count = lines.reduce((sum, line) => sum + line.quantity, 0);
  return `${count} ${count === 1 ? "item" : "items"}`;
}

type Tone = "neutral" | "good" | "warn" | "bad" | "info" | "accent";

export const STATUSES: Readonly<Record<OrderStatus, { label: string; tone: Tone }>> = {
  INITIATED: { label: "Being checked", tone: "info" },
  VALIDATED: { label: "To be paid", tone: "warn" },
  PAID: { label: "Paid", tone: "accent" },
  SHIPPED: { label: "Shipped", tone: "accent" },
  COMPLETED: { label: "Completed", tone: "good" },
  REJECTED: { label: "Rejected", tone: "bad" },
  CANCELLED: { label: "Cancelled", tone: "neutral" },
  REFUNDED: { label: "Refunded", tone: "neutral" },
};

/** What an order is called and how it looks. One that no projection has yet has no number either. */
export function badgeOf({ number, status }: Pick<Order, "number" | "status">): { label: string; tone: Tone } {
  return number ? STATUSES[status] : { label: "New", tone: "neutral" };
}

export const statusesInOrder = Object.keys(STATUSES) as OrderStatus[];

export const METHODS: Readonly<Record<PaymentMethod, string>> = { CARD: "Card", CASH: "Cash", TRANSFER: "Transfer" };
export const methodsInOrder = Object.keys(METHODS) as PaymentMethod[];

export const PAYMENTS: Readonly<Record<Payment["status"], { label: string; tone: Tone }>> = {
  CREATED: { label: "Waiting for the money", tone: "info" },
  SUCCEEDED: { label: "Received", tone: "good" },
  FAILED: { label: "Failed", tone: "bad" },
  REFUNDED: { label: "Given back", tone: "neutral" },
};

const EVENTS: Readonly<Record<string, string>> = {
  OrderInitiated: "Placed",
  OrderValidated: "Stock reserved",
  OrderRejected: "Rejected",
  OrderPaid: "Paid",
  OrderPaymentDeclined: "Payment not accepted",
  OrderShipped: "Shipped",
  OrderCompleted: "Completed",
  OrderCancelled: "Cancelled",
  OrderRefunded: "Refunded",
  PaymentCreated: "Payment begun",
  PaymentSucceeded: "Money received",
  PaymentFailed: "Payment failed",
  PaymentRefunded: "Money given back",
};

export const eventWords = (event: string): string => EVENTS[event] ?? event;

export interface Step {
  label: string;
  /** now: it is what one waits for. end: it went no further than this. */
  state: "done" | "now" | "open" | "end";
  detail?: string | null;
}

const WAY: readonly OrderStatus[] = ["INITIATED", "VALIDATED", "PAID", "SHIPPED", "COMPLETED"];
const DONE = ["Placed", "Stock reserved", "Paid", "Shipped", "Completed"];

/** How far an order has come, and what it waits for. */
export function stepsOf(order: Pick<Order, "status" | "statusReason" | "payment" | "number">): readonly Step[] {
  const reached = WAY.indexOf(order.status);
  if (reached < 0) {
    return [
      { label: "Placed", state: "done" },
      { label: STATUSES[order.status].label, state: "end", detail: order.statusReason },
    ];
  }
  return DONE.map((label, place) => {
    if (place === 0 && !order.number) return { label, state: "now" };
    if (place <= reached) return { label, state: "done" };
    if (place > reached + 1 || !order.number) return { label, state: "open" };
    return { label, state: "now", detail: waitingFor(order) };
  });
}

function waitingFor({ status, payment }: Pick<Order, "status" | "payment">): string | null {
  if (status === "INITIATED") return "The shop sets the stock aside";
  if (status === "PAID") return "The shop packs it";
  if (status === "SHIPPED") return "It is on its way";
  if (payment?.status === "CREATED") return "Waiting for the money";
  if (payment?.status === "FAILED") return payment.statusReason;
  if (payment?.status === "SUCCEEDED") return "The money is here";
  return "It waits for the payment";
}

/** What may be done with an order as it is, by its customer or by the staff. */
export function mayOf({ status, payment }: Pick<Order, "status" | "payment">, isOfStaff: boolean) {
  return {
    cancel: ["INITIATED", "VALIDATED"].includes(status) || (isOfStaff && status === "PAID"),
    ship: isOfStaff && status === "PAID",
    complete: isOfStaff && status === "SHIPPED",
    refund: isOfStaff && payment?.status === "SUCCEEDED" && ["PAID", "SHIPPED", "COMPLETED"].includes(status),
  };
}

export const isPayable = ({ status, payment }: Pick<Order, "status" | "payment">): boolean =>
  status === "VALIDATED" && (!payment || payment.status === "FAILED");
