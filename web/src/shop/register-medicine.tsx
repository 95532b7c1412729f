import { makeId } from "../api/ids";
import { makes } from "../api/intent";
import { send } from "../api/intents";
import { START } from "../api/positions";
import { amountMistake, CommandForm, wholeMistake } from "../ui/command-form";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import type { Medicine } from "./catalogue";
import { type InventoryItem, inventoryId, RegisterMedicine } from "./inventory";
import css from "./stock.module.css";

const FIELDS = [
  "name",
  "genericName",
  "manufacturer",
  "strength",
  "price",
  "currency",
  "stockQuantity",
  "lowStockThreshold",
] as const;
type Values = Readonly<Record<(typeof FIELDS)[number], string>>;

/** A form for a medicine that the shop did not sell before. */
export function RegisterMedicineDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Register a medicine" onClose={onClose}>
      <CommandForm
        label="Register a medicine"
        submit="Register"
        fields={FIELDS}
        check={({ price, stockQuantity, lowStockThreshold }) => ({
          price: amountMistake(price),
          stockQuantity: wholeMistake(stockQuantity),
          lowStockThreshold: wholeMistake(lowStockThreshold),
        })}
        onSend={register}
        onDone={onClose}
        onCancel={onClose}
      >
        {(error) => (
          <>
            <Field label="Name" name="name" hint="As on the box." error={error("name")} />
            <Field label="Generic name" name="genericName" error={error("genericName")} />
            <Field label="Manufacturer" name="manufacturer" error={error("manufacturer")} />
            <Field label="Strength and form" name="strength" placeholder="500 mg tablet" error={error("strength")} />
            <div className={css.pair}>
              <Field
                label="Price"
                name="price"
                inputMode="decimal"
                autoComplete="off"
                placeholder="9.99"
                error={error("price")}
              />
              <Field label="Currency" name="currency" maxLength={3} defaultValue="USD" error={error("currency")} />
            </div>
            <div className={css.pair}>
              <Field
                label="In stock"
                name="stockQuantity"
                inputMode="numeric"
                autoComplete="off"
                defaultValue="0"
                error={error("stockQuantity")}
              />
              <Field
                label="Low at or below"
                name="lowStockThreshold"
                inputMode="numeric"
                autoComplete="off"
                defaultValue="10"
                error={error("lowStockThreshold")}
              />
            </div>
          </>
        )}
      </CommandForm>
    </Dialog>
  );
}

function register(values: Values) {
  const id = makeId();
  const { name, genericName, manufacturer, strength } = values;
  const currency = values.currency.trim().toUpperCase();
  const price = values.price.trim();
  const stockQuantity = Number(values.stockQuantity);
  const lowStockThreshold = Number(values.lowStockThreshold);
  const medicine: Medicine = {
    id,
    position: START,
    version: 0,
    name,
    genericName,
    manufacturer,
    strength,
    price: { amount: price, currency: /^[A-Z]{3}$/.test(currency) ? currency : "USD" },
    stockQuantity,
    reservedQuantity: 0,
    isAvailable: stockQuantity > 0,
    isDiscontinued: false,
  };
  const item: InventoryItem = {
    id: inventoryId(id),
    position: START,
    medicineId: id,
    medicineName: name,
    availableQuantity: stockQuantity,
    reservedQuantity: 0,
    totalQuantity: stockQuantity,
    lowStockThreshold,
    lowStockAlert: stockQuantity <= lowStockThreshold,
    pendingOrders: [],
  };
  return send({
    document: RegisterMedicine,
    title: `Registration of ${`${name} ${strength}`.trim() || "a medicine"}`,
    input: { id, name, genericName, manufacturer, strength, price, currency, stockQuantity, lowStockThreshold },
    effects: [makes("medicines", medicine), makes("inventory", item)],
  });
}
