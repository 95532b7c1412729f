interface Shown {
  label: string;
  /** What to do, and where it is to be seen that the projection is late. */
  look: string;
}

const SHOWN: Readonly<Record<string, Shown>> = {
  medicines: { label: "Catalogue", look: "change a price: its row stays outlined until the catalogue has it." },
  inventory: { label: "Stock", look: "receive some stock: its row stays outlined until the stock list has it." },
  orders: { label: "Orders", look: "place an order: it is in the list at once, outlined until the projection has it." },
  payments: { label: "Payments", look: "pay an order: the payment stays outlined until the projection has it." },
  users: { label: "People", look: "change your name in the account: it stays outlined until the projection has it." },
  user_orders: { label: "Orders of each person", look: "place an order: a person's sums move only later." },
  order_statistics: { label: "Order statistics", look: "place an order: the charts of the console move only later." },
  notifications: { label: "Notifications", look: "place an order: its notifications come only later." },
  records: { label: "Records", look: "write a record in GraphiQL: a query finds it only later." },
  record_statistics: { label: "Record statistics", look: "write a record in GraphiQL: the sums move only later." },
};

export function labelOf(name: string): string {
  return SHOWN[name]?.label ?? name;
}

export function lookOf(name: string): string {
  return SHOWN[name]?.look ?? "send a command that it handles, and look at its bar in the picture of the last command.";
}
