import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Answer, graphql } from "../api/graphql";
import { changes, isUnderWay } from "../api/intent";
import { send } from "../api/intents";
import type { RowState } from "../api/overlay";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { formatMoney } from "../ui/text";
import type { Medicine } from "./catalogue";
import css from "./catalogue-page.module.css";

const ChangePrice = graphql(
  `mutation ChangeMedicinePrice($input: ChangeMedicinePriceInput!) { changeMedicinePrice(input: $input) { ...Answer } }`,
  [Answer],
);

interface Props {
  medicine: Medicine;
  state: RowState | null;
  onDone(): void;
}

/** A new price, on the price that one has seen: if somebody else was faster, they are not overwritten unawares. */
export function PriceForm({ medicine, state, onDone }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [seen, setSeen] = useState({ price: medicine.price.amount, version: medicine.version });
  const [amount, setAmount] = useState(medicine.price.amount);
  // The version moves with each sale too. What matters here is the price.
  if (medicine.price.amount === seen.price && medicine.version !== seen.version) {
    setSeen({ ...seen, version: medicine.version });
  }
  useEffect(() => form.current?.querySelector("input")?.select(), []);

  function submit(event: FormEvent) {
    event.preventDefault();
    const price = { ...medicine.price, amount: Number(amount).toFixed(2) };
    const isOwnPending = state !== null && isUnderWay(state.intent);
    const expectedVersion = isOwnPending ? null : seen.version;
    void send({
      document: ChangePrice,
      title: `Price of ${medicine.name} to ${formatMoney(price)}`,
      input: { medicineId: medicine.id, price: price.amount, expectedVersion },
      effects: [changes<Medicine>("medicines", medicine.id, { price })],
    });
    onDone();
  }

  const isChanged = medicine.price.amount !== seen.price;
  return (
    <form
      ref={form}
      className={css.priceForm}
      onSubmit={submit}
      onKeyDown={(event: KeyboardEvent) => event.key === "Escape" && onDone()}
      aria-label={`Price of ${medicine.name}`}
    >
      <Field
        label={`New price of ${medicine.name} in ${medicine.price.currency}`}
        isLabelHidden
        type="number"
        inputMode="decimal"
        step="0.01"
        min="0"
        max="1000000"
        required
        value={amount}
        onChange={(event) => setAmount(event.target.value)}
        error={isChanged ? `Changed meanwhile to ${formatMoney(medicine.price)}.` : null}
      />
      <Button type="submit" look="primary" size="small">
        Save
      </Button>
      <Button size="small" onClick={onDone}>
        Cancel
      </Button>
    </form>
  );
}
