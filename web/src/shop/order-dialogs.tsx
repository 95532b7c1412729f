import { type FormEvent, type ReactNode, useState } from "react";
import type { Refusal } from "../api/intent";
import { type Outcome, retryOnCurrent } from "../api/intents";
import { errorOf, otherError } from "../api/refusals";
import { isStaff, useViewer } from "../api/session";
import { Button } from "../ui/button";
import { Actions, Dialog } from "../ui/dialog";
import { Field, TextAreaField } from "../ui/field";
import { formatMoney } from "../ui/text";
import css from "./order-page.module.css";
import { cancelOrder, completeOrder, refundOrder, type Seen, shipOrder } from "./ordering";
import { mayOf, type Order, type OrderStatus, type Payment, STATUSES } from "./orders";

interface Props {
  order: Order;
  onClose(): void;
}

/** What was there when the dialog was opened. That is what is decided upon, and the server checks it. */
function useSeen(order: Order, deed: keyof ReturnType<typeof mayOf>): Seen & { meanwhile: Meanwhile | null } {
  const [first] = useState(order);
  const isOfStaff = isStaff(useViewer());
  const isSame = order.version === first.version || order.status === first.status;
  const meanwhile = isSame ? null : { status: order.status, isTooLate: !mayOf(order, isOfStaff)[deed] };
  return { order, version: first.version, meanwhile };
}

interface Meanwhile {
  status: OrderStatus;
  /** What the dialog is for is not possible any more. */
  isTooLate: boolean;
}

interface FormProps {
  title: string;
  submit: string;
  isDanger?: boolean;
  meanwhile: Meanwhile | null;
  /** The field whose refusals stand beside it. */
  field: string;
  onSubmit(value: (name: string) => string): Promise<Outcome>;
  onClose(): void;
  children(error: string | null): ReactNode;
}

/** A dialog that stays until the server has said yes. */
function AskDialog({ title, submit, isDanger, meanwhile, field, onSubmit, onClose, children }: FormProps) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isBusy, setBusy] = useState(false);
  async function ask(answer: Promise<Outcome>) {
    setBusy(true);
    const next = await answer;
    setBusy(false);
    if (next.state === "stored") onClose();
    else setOutcome(next);
  }
  const conflict = outcome?.state === "refused" ? outcome.refusals.find(isConflict) : undefined;
  function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    void ask(onSubmit((name) => String(values.get(name) ?? "").trim()));
  }
  function again() {
    const answer = outcome && retryOnCurrent(outcome.commandId);
    if (answer) void ask(answer);
  }
  const other = otherError(outcome, [field]);
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={send} aria-label={title}>
        {children(errorOf(outcome, field))}
        {meanwhile && !conflict && (
          <p role="alert" className={css.warning}>
            Changed meanwhile: the order is {wordsOf(meanwhile)}
          </p>
        )}
        {conflict ? (
          <div role="alert" className={css.conflict}>
            <p>
              <strong>Changed meanwhile.</strong> Somebody else was faster
              {meanwhile ? `: the order is ${wordsOf(meanwhile)}` : "."} Nothing was done.
            </p>
          </div>
        ) : (
          other && (
            <p role="alert" className={css.error}>
              {other}
            </p>
          )
        )}
        <Actions>
          <Button onClick={onClose}>Close</Button>
          {meanwhile?.isTooLate ? null : conflict ? (
            <Button look="primary" disabled={isBusy} onClick={again}>
              Reload and retry
            </Button>
          ) : (
            <Button type="submit" look={isDanger ? "danger" : "primary"} disabled={isBusy}>
              {submit}
            </Button>
          )}
        </Actions>
      </form>
    </Dialog>
  );
}

function wordsOf({ status, isTooLate }: Meanwhile): string {
  return `${STATUSES[status].label.toLowerCase()} now${isTooLate ? ", and this can no longer be done" : ""}.`;
}

const isConflict = ({ code }: Refusal): boolean => code === "CONFLICT";

export function CancelDialog({ order, onClose }: Props) {
  const seen = useSeen(order, "cancel");
  return (
    <AskDialog
      title={`Cancel order ${order.number}?`}
      submit="Cancel the order"
      isDanger
      meanwhile={seen.meanwhile}
      field="reason"
      onSubmit={(value) => cancelOrder(seen, value("reason"))}
      onClose={onClose}
    >
      {(error) => (
        <>
          <p>
            What is set aside for it goes back into stock{order.status === "PAID" ? ", and the money goes back" : ""}.
          </p>
          <TextAreaField label="Reason" name="reason" required maxLength={500} error={error} />
        </>
      )}
    </AskDialog>
  );
}

export function ShipDialog({ order, onClose }: Props) {
  const seen = useSeen(order, "ship");
  return (
    <AskDialog
      title={`Ship order ${order.number}`}
      submit="Ship the order"
      meanwhile={seen.meanwhile}
      field="trackingCode"
      onSubmit={(value) => shipOrder(seen, value("trackingCode") || null)}
      onClose={onClose}
    >
      {(error) => (
        <Field
          label="Tracking code"
          name="trackingCode"
          autoComplete="off"
          hint="How the customer can follow the parcel; may be left empty."
          error={error}
        />
      )}
    </AskDialog>
  );
}

export function CompleteDialog({ order, onClose }: Props) {
  const seen = useSeen(order, "complete");
  return (
    <AskDialog
      title={`Complete order ${order.number}?`}
      submit="Complete the order"
      meanwhile={seen.meanwhile}
      field=""
      onSubmit={() => completeOrder(seen)}
      onClose={onClose}
    >
      {() => <p>The parcel has arrived.</p>}
    </AskDialog>
  );
}

export function RefundDialog({ order, payment, onClose }: Props & { payment: Payment }) {
  const [seen] = useState(payment);
  return (
    <AskDialog
      title={`Refund order ${order.number}?`}
      submit={`Give ${formatMoney(order.total)} back`}
      isDanger
      meanwhile={null}
      field="reason"
      onSubmit={(value) => refundOrder(order, seen, value("reason"))}
      onClose={onClose}
    >
      {(error) => <TextAreaField label="Reason" name="reason" required maxLength={500} error={error} />}
    </AskDialog>
  );
}
