import { useState } from "react";
import { Link, useParams } from "wouter";
import { graphiqlLink } from "../api/graphiql-link";
import { isUnderWay } from "../api/intent";
import { useIntents } from "../api/intents";
import { isStaff, useViewer } from "../api/session";
import { useLive, useOwnWrites } from "../api/views";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { Freshness } from "../ui/freshness";
import { PageHead, Panel } from "../ui/page";
import { RowMark, rowClass } from "../ui/row-state";
import { Empty, Failure, Loading } from "../ui/states";
import table from "../ui/table.module.css";
import { MoneyText, TimeText } from "../ui/text";
import { CancelDialog, CompleteDialog, RefundDialog, ShipDialog } from "./order-dialogs";
import css from "./order-page.module.css";
import { OrderSteps, StatusBadge } from "./order-steps";
import { Timeline } from "./order-timeline";
import { badgeOf, isPayable, METHODS, mayOf, OneOrder, type Order, OrderAsQuery, PAYMENTS, titleOf } from "./orders";
import { PayForm } from "./pay-form";

export default function OrderPage() {
  const { id = "" } = useParams<{ id: string }>();
  const live = useLive(OneOrder, { id }, (data) => data.order, "orders");
  const { row: order, state } = useOwnWrites<Order>("orders", live.value, id);
  if (!order) {
    return (
      <>
        <PageHead title="Order" />
        {live.problem && <Failure problem={live.problem} />}
        {live.status === "loading" && !live.problem && <Loading label="Loading the order" />}
        {live.value === null && (
          <Empty title="There is no such order">
            {state?.state === "refused" ? <RowMark state={state} /> : "Or it is not yours. "}
            <Link href="/orders">To the orders</Link>
          </Empty>
        )}
      </>
    );
  }
  const status = live.status === "ended" ? "behind" : live.value ? live.status : "live";
  const freshness = { name: "orders", status, behind: 0, problem: live.problem } as const;
  return (
    <>
      <PageHead
        title={titleOf(order)}
        aside={
          <>
            <StatusBadge order={order} />
            <Freshness view={freshness} what="The order" />
          </>
        }
        actions={
          <a href={graphiqlLink(OrderAsQuery, { id })} target="_blank" rel="noreferrer">
            Open this as a query
          </a>
        }
      />
      <div className={css.columns}>
        <div className={css.column}>
          <section tabIndex={-1} className={rowClass(state, css.way)} aria-label="Progress">
            <p role="status" className="visually-hidden">
              {badgeOf(order).label}. {order.statusReason}
            </p>
            <OrderSteps order={order} />
            <RowMark state={state} />
            {isPayable(order) && state?.state !== "sent" && (
              <div className={css.pay}>
                <PayForm order={order} />
              </div>
            )}
          </section>
          <Lines order={order} />
          <Timeline order={order} />
        </div>
        <div className={css.column}>
          <PaymentPanel order={order} />
          <What order={order} isBusy={state !== null && isUnderWay(state.intent)} />
          <Commands orderId={order.id} />
        </div>
      </div>
    </>
  );
}

function Lines({ order }: { order: Order }) {
  return (
    <div className={table.frame}>
      <table className={table.table} aria-label="Lines">
        <thead>
          <tr>
            <th scope="col">Medicine</th>
            <th scope="col" className={table.number}>
              Quantity
            </th>
            <th scope="col" className={classes(table.number, css.each)}>
              Each
            </th>
            <th scope="col" className={table.number}>
              Sum
            </th>
          </tr>
        </thead>
        <tbody>
          {order.lines.map(({ medicineId, name, quantity, unitPrice, lineTotal }) => (
            <tr key={medicineId}>
              <td className={table.main}>{name}</td>
              <td className={table.number}>{quantity}</td>
              <td className={classes(table.number, css.each)}>
                <MoneyText money={unitPrice} />
              </td>
              <td className={table.number}>
                <MoneyText money={lineTotal} />
              </td>
            </tr>
          ))}
        </tbody>
        <tfoot className={css.foot}>
          <tr>
            <th scope="row" colSpan={2}>
              Total
            </th>
            <td className={css.each} />
            <td className={table.number}>
              <MoneyText money={order.total} />
            </td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

// ---------------------------------------------------------------- money

function PaymentPanel({ order }: { order: Order }) {
  const { payment, status } = order;
  return (
    <Panel title="Payment">
      {payment && (
        <dl className={css.facts}>
          <dt>Status</dt>
          <dd>
            <Badge tone={PAYMENTS[payment.status].tone}>{PAYMENTS[payment.status].label}</Badge>
          </dd>
          {payment.statusReason && (
            <>
              <dt>Reason</dt>
              <dd>{payment.statusReason}</dd>
            </>
          )}
          <dt>Amount</dt>
          <dd>
            <MoneyText money={payment.amount} /> · {METHODS[payment.method].toLowerCase()}
          </dd>
          <dt>Since</dt>
          <dd>
            <TimeText at={payment.updatedAt} />
          </dd>
        </dl>
      )}
      {!payment && <p className={css.soft}>{noPayment(status)}</p>}
    </Panel>
  );
}

function noPayment(status: Order["status"]): string {
  if (status === "INITIATED") return "It can be paid once the stock is set aside.";
  return status === "VALIDATED" ? "Nothing is paid yet." : "Nothing was paid.";
}

// ---------------------------------------------------------------- what can be done

type Asking = "cancel" | "ship" | "complete" | "refund";

function What({ order, isBusy }: { order: Order; isBusy: boolean }) {
  const viewer = useViewer();
  const [asking, setAsking] = useState<Asking | null>(null);
  const close = () => setAsking(null);
  const { payment } = order;
  const can = mayOf(order, isStaff(viewer));
  const isAny = Object.values(can).some(Boolean) && order.number !== "";
  return (
    <Panel title="Order">
      <dl className={css.facts}>
        <dt>Placed</dt>
        <dd>
          <TimeText at={order.placedAt} />
        </dd>
        <dt>Customer</dt>
        <dd className={css.long}>{order.userId === viewer?.id ? "You" : order.userEmail}</dd>
        {order.statusReason && (
          <>
            <dt>Reason</dt>
            <dd>{order.statusReason}</dd>
          </>
        )}
        {order.trackingCode && (
          <>
            <dt>Tracking code</dt>
            <dd className={css.long}>
              <code>{order.trackingCode}</code>
            </dd>
          </>
        )}
        <dt>Version</dt>
        <dd>{order.version}</dd>
      </dl>
      {isAny && (
        <div className={css.actions}>
          {can.ship && (
            <Button look="primary" disabled={isBusy} onClick={() => setAsking("ship")}>
              Ship…
            </Button>
          )}
          {can.complete && (
            <Button look="primary" disabled={isBusy} onClick={() => setAsking("complete")}>
              Complete…
            </Button>
          )}
          {can.refund && (
            <Button disabled={isBusy} onClick={() => setAsking("refund")}>
              Refund…
            </Button>
          )}
          {can.cancel && (
            <Button disabled={isBusy} onClick={() => setAsking("cancel")}>
              Cancel the order…
            </Button>
          )}
        </div>
      )}
      {asking === "cancel" && <CancelDialog order={order} onClose={close} />}
      {asking === "ship" && <ShipDialog order={order} onClose={close} />}
      {asking === "complete" && <CompleteDialog order={order} onClose={close} />}
      {asking === "refund" && payment && <RefundDialog order={order} payment={payment} onClose={close} />}
    </Panel>
  );
}

/** What one did to this order oneself, since this tab was opened. */
function Commands({ orderId }: { orderId: string }) {
  const own = useIntents().filter(({ effects }) => effects.some(({ view, id }) => view === "orders" && id === orderId));
  if (own.length === 0) return null;
  return (
    <Panel title="Your commands">
      <ul className={css.commands}>
        {own.map(({ commandId, title, state }) => (
          <li key={commandId}>
            <Link href={`/flow/${commandId}`}>{title}</Link> <span className={css.soft}>{state}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
