import { useState } from "react";
import { changes, isUnderWay } from "../api/intent";
import { send } from "../api/intents";
import type { RowState } from "../api/overlay";
import { CommandForm, wholeMistake } from "../ui/command-form";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { formatNumber } from "../ui/text";
import type { Medicine } from "./catalogue";
import { AdjustStock, counted, DiscontinueMedicine, type InventoryItem, ReceiveStock } from "./inventory";
import css from "./stock.module.css";

interface Props {
  medicine: Medicine;
  item: InventoryItem;
  onDone(): void;
}

/** Stock that arrived: added to what there is, whatever that is by then. */
export function ReceiveForm({ medicine, item, onDone }: Props) {
  const what = `${medicine.name} ${medicine.strength}`;
  return (
    <CommandForm
      label={`Receive ${what}`}
      submit="Receive"
      size="small"
      className={css.line}
      fields={["quantity"]}
      check={({ quantity }) => ({ quantity: wholeMistake(quantity) })}
      onSend={(values) => {
        const quantity = Number(values.quantity);
        return send({
          document: ReceiveStock,
          title: `Receipt of ${formatNumber(quantity)} ${what}`,
          input: { medicineId: medicine.id, quantity },
          effects: counted(medicine, item, medicine.stockQuantity + quantity),
        });
      }}
      onDone={onDone}
      onCancel={onDone}
    >
      {(error) => (
        <Field
          label="How many arrived"
          name="quantity"
          inputMode="numeric"
          autoComplete="off"
          autoFocus
          error={error("quantity")}
        />
      )}
    </CommandForm>
  );
}

/** Stock as it was counted, on the total that one has seen: what was sold or received meanwhile is not counted away. */
export function AdjustForm({ medicine, item, state, onDone }: Props & { state: RowState | null }) {
  const [seen, setSeen] = useState({ total: medicine.stockQuantity, version: medicine.version });
  // The version moves with prices and reservations too. What matters here is the total.
  if (medicine.stockQuantity === seen.total && medicine.version !== seen.version) {
    setSeen({ ...seen, version: medicine.version });
  }
  const isOwnPending = state !== null && isUnderWay(state.intent);
  const isChanged = medicine.stockQuantity !== seen.total;
  const what = `${medicine.name} ${medicine.strength}`;
  return (
    <CommandForm
      label={`Adjust ${what}`}
      submit="Adjust"
      size="small"
      className={css.line}
      fields={["quantity", "reason"]}
      check={({ quantity }) => ({ quantity: wholeMistake(quantity) })}
      onSend={({ quantity: text, reason }) => {
        const quantity = Number(text);
        const expectedVersion = isOwnPending ? null : seen.version;
        return send({
          document: AdjustStock,
          title: `Stock of ${what} to ${formatNumber(quantity)}`,
          input: { medicineId: medicine.id, quantity, reason, expectedVersion },
          effects: counted(medicine, item, quantity),
        });
      }}
      onDone={onDone}
      onCancel={onDone}
    >
      {(error) => (
        <>
          <Field
            label="How many there are"
            name="quantity"
            inputMode="numeric"
            autoComplete="off"
            autoFocus
            defaultValue={medicine.stockQuantity}
            hint={isChanged && `Changed meanwhile to ${formatNumber(medicine.stockQuantity)}.`}
            error={error("quantity")}
          />
          <Field
            label="Why it differs"
            name="reason"
            placeholder="Counted, broken, expired"
            className={css.long}
            error={error("reason")}
          />
        </>
      )}
    </CommandForm>
  );
}

interface DiscontinueProps {
  medicine: Medicine;
  item: InventoryItem;
  onClose(): void;
}

/** To give a medicine up, with a reason. */
export function DiscontinueDialog({ medicine, item, onClose }: DiscontinueProps) {
  const what = `${medicine.name} ${medicine.strength}`;
  return (
    <Dialog title={`Discontinue ${what}?`} onClose={onClose}>
      <p>
        It can no longer be ordered, received or priced, and this cannot be undone. {waiting(item.pendingOrders.length)}
      </p>
      <CommandForm
        label={`Discontinue ${what}`}
        submit="Discontinue"
        look="danger"
        cancel="Keep it"
        fields={["reason"]}
        onSend={({ reason }) =>
          send({
            document: DiscontinueMedicine,
            title: `End of ${what}`,
            input: { medicineId: medicine.id, reason },
            effects: [changes<Medicine>("medicines", medicine.id, { isDiscontinued: true, isAvailable: false })],
          })
        }
        onDone={onClose}
        onCancel={onClose}
      >
        {(error) => <Field label="Reason" name="reason" error={error("reason")} />}
      </CommandForm>
    </Dialog>
  );
}

function waiting(count: number): string {
  if (count === 0) return "No order waits for it.";
  return `${count} ${count === 1 ? "order keeps" : "orders keep"} what is set aside for ${count === 1 ? "it" : "them"}.`;
}
