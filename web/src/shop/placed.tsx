import { type Ref, useEffect, useRef } from "react";
import { Link } from "wouter";
import { useIntents } from "../api/intents";
import type { RowState } from "../api/overlay";
import { isStaff, useViewer } from "../api/session";
import { Button } from "../ui/button";
import { Panel } from "../ui/page";
import { RowMark, rowClass } from "../ui/row-state";
import { formatMoney } from "../ui/text";
import css from "./basket.module.css";
import { OrderSteps, StatusBadge } from "./order-steps";
import { putBack, usePlaced } from "./ordering";
import { isPayable, itemsOf, newestFirst, type OrderBrief, titleOf, useOrders } from "./orders";
import { PayForm } from "./pay-form";

const SHOWN = 3;

/** The orders that one has just placed, and those that are still to be paid, with their steps as they happen. */
export function PlacedOrders() {
  const viewer = useViewer();
  const placed = usePlaced();
  const own = useOrders(viewer && { userId: viewer.id });
  // The staff order for others too.
  const forOthers = useOrders(isStaff(viewer) && placed.length > 0 ? { ids: [...placed] } : null);
  const shown = [...newest([...forOthers.rows.values(), ...own.rows.values()]).values()]
    .filter(({ id, status, userId }) => placed.includes(id) || (userId === viewer?.id && status === "VALIDATED"))
    .sort(newestFirst);
  const first = useRef<HTMLLIElement>(null);
  const known = useRef(placed[0]);
  const isNew = placed[0] !== undefined && placed[0] !== known.current && shown.some(({ id }) => id === placed[0]);
  // The button that placed it is gone: the focus goes on with what it made.
  useEffect(() => {
    if (!isNew) return;
    known.current = placed[0];
    first.current?.focus();
  }, [isNew, placed]);
  if (shown.length === 0) return null;
  return (
    <Panel
      title={isStaff(viewer) ? "Orders placed here" : "Your orders"}
      actions={<Link href="/orders">All orders</Link>}
    >
      <ul className={css.placed} aria-label="Orders just placed or to be paid">
        {shown.slice(0, SHOWN).map((order, place) => (
          <PlacedOrder
            key={order.id}
            ref={place === 0 ? first : null}
            order={order}
            state={own.states.get(order.id) ?? null}
            isFirst={place === 0}
          />
        ))}
      </ul>
    </Panel>
  );
}

interface Props {
  ref: Ref<HTMLLIElement>;
  order: OrderBrief;
  state: RowState | null;
  isFirst: boolean;
}

function PlacedOrder({ ref, order, state, isFirst }: Props) {
  const viewer = useViewer();
  const own = useIntents().find(({ effects }) => effects.some(({ view, id }) => view === "orders" && id === order.id));
  const mayPay = isPayable(order) && state?.state !== "sent";
  return (
    <li ref={ref} tabIndex={-1} className={rowClass(state, css.card)} aria-label={titleOf(order)}>
      <div className={css.cardHead}>
        <Link href={`/orders/${order.id}`} className={css.cardTitle}>
          {titleOf(order)}
        </Link>
        <span role="status">
          <StatusBadge order={order} />
        </span>
      </div>
      <p className={css.soft}>
        {itemsOf(order)} · {formatMoney(order.total)}
        {order.userId !== viewer?.id && ` · for ${order.userEmail}`}
      </p>
      <RowMark state={state} />
      {isFirst && <OrderSteps order={order} isSmall />}
      {order.status === "REJECTED" && (
        <Button size="small" onClick={() => putBack(basketOf(order))}>
          Put it back in the basket
        </Button>
      )}
      {order.status === "REJECTED" && isFirst && <p className={css.soft}>There is nothing to pay.</p>}
      {mayPay && (isFirst ? <PayForm order={order} /> : <Link href={`/orders/${order.id}`}>Pay it</Link>)}
      {own && isFirst && (
        <Link href={`/flow/${own.commandId}`} className={css.soft}>
          See the way of the last command
        </Link>
      )}
    </li>
  );
}

/** Of the rows of one order the one that knows more of it. */
function newest(rows: readonly OrderBrief[]): ReadonlyMap<string, OrderBrief> {
  const found = new Map<string, OrderBrief>();
  for (const row of rows) if (row.version >= (found.get(row.id)?.version ?? 0)) found.set(row.id, row);
  return found;
}

function basketOf({ lines }: OrderBrief): Record<string, number> {
  return Object.fromEntries(lines.map(({ medicineId, quantity }) => [medicineId, quantity]));
}
