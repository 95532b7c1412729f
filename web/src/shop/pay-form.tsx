import { type FormEvent, useId, useState } from "react";
import type { Outcome } from "../api/intents";
import { otherError } from "../api/refusals";
import { Button } from "../ui/button";
import { formatMoney } from "../ui/text";
import { payOrder } from "./ordering";
import { METHODS, methodsInOrder, type Order, type PaymentMethod, titleOf } from "./orders";
import css from "./pay-form.module.css";

/** How to pay, and one button. It is there as long as there is something to pay. */
export function PayForm({ order }: { order: Pick<Order, "id" | "number" | "total" | "payment"> }) {
  const name = useId();
  const [method, setMethod] = useState<PaymentMethod>("CARD");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  async function pay(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    // The form goes, and the focus stays with the order.
    event.currentTarget.closest<HTMLElement>("[tabindex='-1']")?.focus();
    setOutcome(await payOrder(order, method));
  }
  const error = otherError(outcome, []);
  const isAgain = order.payment?.status === "FAILED";
  return (
    <form className={css.form} onSubmit={pay} aria-label={`Payment of ${titleOf(order)}`}>
      {isAgain && (
        <p role="alert" className={css.error}>
          {order.payment?.statusReason} Nothing was taken; try another way.
        </p>
      )}
      <fieldset className={css.methods}>
        <legend className="visually-hidden">How to pay</legend>
        {methodsInOrder.map((each) => (
          <label key={each} className={css.method}>
            <input type="radio" name={name} checked={method === each} onChange={() => setMethod(each)} />
            <span>{METHODS[each]}</span>
          </label>
        ))}
      </fieldset>
      {error && (
        <p role="alert" className={css.error}>
          {error}
        </p>
      )}
      <Button type="submit" look="primary">
        Pay {formatMoney(order.total)}
      </Button>
    </form>
  );
}
