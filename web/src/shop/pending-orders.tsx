import { Link } from "wouter";
import { graphql } from "../api/graphql";
import { useView } from "../api/views";
import { Failure, Loading } from "../ui/states";
import { TimeText } from "../ui/text";
import css from "./stock.module.css";

const OrdersById = graphql(`
  subscription OrdersById($ids: [ID!], $after: Position) {
    orders(filter: { ids: $ids }, after: $after) {
      kind since position more removed
      upserted { id position number status userEmail placedAt }
    }
  }
`);

/** For whom a medicine is set aside, the oldest order first. */
export function PendingOrders({ ids, what }: { ids: readonly string[]; what: string }) {
  const orders = useView(OrdersById, { ids: [...ids] }, (data) => data.orders);
  if (ids.length === 0) return <p className={css.soft}>Nobody waits for it any more.</p>;
  if (orders.problem) return <Failure problem={orders.problem} onRetry={orders.reload} />;
  if (orders.status === "loading" && orders.rows.size === 0) return <Loading label="Loading the orders" rows={1} />;
  return (
    <ul className={css.orders} aria-label={`Pending orders for ${what}`}>
      {ids.map((id) => {
        const order = orders.rows.get(id);
        return (
          <li key={id}>
            <Link href={`/orders/${id}`}>{order?.number ?? id}</Link>{" "}
            {order && (
              <span className={css.soft}>
                {order.status.toLowerCase()}, {order.userEmail || "a deleted user"}, <TimeText at={order.placedAt} />
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
