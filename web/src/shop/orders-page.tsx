import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { graphiqlLink } from "../api/graphiql-link";
import type { RowState } from "../api/overlay";
import { isStaff, useViewer } from "../api/session";
import { Freshness } from "../ui/freshness";
import { countOf } from "../ui/list";
import { PageHead } from "../ui/page";
import { RowMark, rowClass } from "../ui/row-state";
import { Empty, Failure, Loading } from "../ui/states";
import { MoneyText, TimeText } from "../ui/text";
import { StatusBadge } from "./order-steps";
import {
  itemsOf,
  newestFirst,
  type OrderBrief,
  type OrderStatus,
  OrdersAsQuery,
  PAYMENTS,
  STATUSES,
  statusesInOrder,
  titleOf,
  useOrders,
} from "./orders";
import css from "./orders-page.module.css";

export default function OrdersPage() {
  const viewer = useViewer();
  const [params] = useSearchParams();
  const status = statusesInOrder.find((each) => each === params.get("status"));
  const filter = useMemo(() => (status ? { status: [status] } : {}), [status]);
  const orders = useOrders(filter);
  // One's own writes may have moved a row out of the filter, or into it, before the server says so.
  const shown = useMemo(
    () => [...orders.rows.values()].filter((order) => !status || order.status === status).sort(newestFirst),
    [orders.rows, status],
  );
  const isThere = orders.status !== "loading" || orders.rows.size > 0;
  const title = isStaff(viewer) ? "Orders" : "My orders";
  return (
    <>
      <PageHead
        title={title}
        aside={<Freshness view={orders} what="The list" />}
        actions={
          <a href={graphiqlLink(OrdersAsQuery, { filter })} target="_blank" rel="noreferrer">
            Open this as a query
          </a>
        }
      />
      <div className={css.tools}>
        <StatusFilter chosen={status} />
        <p role="status" className={css.count}>
          {isThere && countOf(shown.length, "order", "orders")}
        </p>
      </div>
      {orders.problem && <Failure problem={orders.problem} onRetry={orders.reload} />}
      {!isThere && !orders.problem && <Loading label="Loading the orders" rows={8} />}
      {isThere && shown.length === 0 && <NoOrders status={status} />}
      {shown.length > 0 && <OrderList orders={shown} states={orders.states} hasCustomers={isStaff(viewer)} />}
    </>
  );
}

function NoOrders({ status }: { status: OrderStatus | undefined }) {
  if (status) {
    return (
      <Empty title={`No order is “${STATUSES[status].label.toLowerCase()}”`}>
        <Link href="/orders">Show all orders</Link>
      </Empty>
    );
  }
  return (
    <Empty title="No orders yet">
      <Link href="/">Order something from the catalogue</Link>
    </Empty>
  );
}

function StatusFilter({ chosen }: { chosen: OrderStatus | undefined }) {
  const choices = [{ status: undefined, label: "All" }, ...statusesInOrder.map(labelled)];
  return (
    <nav aria-label="Orders by status" className={css.filter}>
      <ul>
        {choices.map(({ status, label }) => (
          <li key={label}>
            <Link
              href={status ? `/orders?status=${status}` : "/orders"}
              className={css.choice}
              aria-current={chosen === status ? "page" : undefined}
            >
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const labelled = (status: OrderStatus) => ({ status, label: STATUSES[status].label });

interface ListProps {
  orders: readonly OrderBrief[];
  states: ReadonlyMap<string, RowState>;
  hasCustomers: boolean;
}

/** Only the rows that can be seen are in the page, however many there are. */
function OrderList({ orders, states, hasCustomers }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY), []);
  const virtual = useWindowVirtualizer({
    count: orders.length,
    estimateSize: () => 56,
    getItemKey: (place) => orders[place]?.id ?? place,
    overscan: 12,
    scrollMargin: top,
  });
  return (
    <ul ref={list} className={css.rows} aria-label="Orders" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const order = orders[index];
        if (!order) return null;
        return (
          <li
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            aria-setsize={orders.length}
            aria-posinset={index + 1}
            className={rowClass(states.get(order.id), css.row)}
            style={{ transform: `translateY(${start - top}px)` }}
          >
            <Row order={order} state={states.get(order.id) ?? null} hasCustomer={hasCustomers} />
          </li>
        );
      })}
    </ul>
  );
}

interface RowProps {
  order: OrderBrief;
  state: RowState | null;
  hasCustomer: boolean;
}

const Row = memo(function Row({ order, state, hasCustomer }: RowProps) {
  const { payment } = order;
  const hasNews = payment && payment.status !== "SUCCEEDED" && ["VALIDATED", "CANCELLED"].includes(order.status);
  return (
    <>
      <div className={css.what}>
        <Link href={`/orders/${order.id}`} className={css.title}>
          {titleOf(order)}
        </Link>
        <p className={css.soft}>
          {hasCustomer ? `${order.userEmail} · ` : ""}
          {itemsOf(order)}: {order.lines.map(({ name }) => name).join(", ")}
        </p>
        <RowMark state={state} />
      </div>
      <div className={css.status}>
        <StatusBadge order={order} />
        {hasNews && <span className={css.soft}>Payment: {PAYMENTS[payment.status].label.toLowerCase()}</span>}
      </div>
      <div className={css.time}>
        <TimeText at={order.placedAt} />
      </div>
      <div className={css.total}>
        <MoneyText money={order.total} />
      </div>
    </>
  );
});
