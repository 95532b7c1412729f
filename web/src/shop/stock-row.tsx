import { memo, useState } from "react";
import type { RowState } from "../api/overlay";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { RowMark, rowClass } from "../ui/row-state";
import table from "../ui/table.module.css";
import { formatMoney, formatNumber, LiveText, MoneyText } from "../ui/text";
import type { Medicine } from "./catalogue";
import type { InventoryItem } from "./inventory";
import { PendingOrders } from "./pending-orders";
import { PriceForm } from "./price-form";
import css from "./stock.module.css";
import { AdjustForm, DiscontinueDialog, ReceiveForm } from "./stock-forms";

/** What can be open below a line. */
export type Part = "receive" | "adjust" | "price" | "orders";

interface Props {
  item: InventoryItem;
  medicine: Medicine | null;
  state: RowState | null;
  open: Part | null;
  onOpen(id: string, part: Part | null): void;
}

/** One medicine's stock: how much there is, for whom, and what one can do about it. */
export const StockRow = memo(function StockRow({ item, medicine, state, open, onOpen }: Props) {
  const [isDiscontinuing, setDiscontinuing] = useState(false);
  const what = nameOf(item, medicine);
  const isDiscontinued = medicine?.isDiscontinued ?? false;
  const isLow = item.lowStockAlert && !isDiscontinued;
  const toggle = (part: Part) => onOpen(item.id, open === part ? null : part);
  const done = () => onOpen(item.id, null);
  return (
    <>
      <tr className={rowClass(state, classes(isLow && css.low, open && css.isOpen))}>
        <td className={table.whole}>
          <p className={css.name}>
            {item.medicineName} <span className={css.strength}>{medicine?.strength}</span>
          </p>
          <p className={css.generic}>
            {medicine?.genericName}
            {medicine && ` · ${medicine.manufacturer}`}
          </p>
          {isDiscontinued && <Badge>Discontinued</Badge>}
          <RowMark state={state} />
        </td>
        <td className={table.number} data-label="Price">
          {medicine && (
            <Button
              look="quiet"
              size="small"
              className={css.price}
              disabled={isDiscontinued}
              aria-expanded={open === "price"}
              aria-label={`Change the price of ${what}, ${formatMoney(medicine.price)}`}
              title="Change the price"
              onClick={() => toggle("price")}
            >
              <LiveText value={medicine.price.amount}>
                <MoneyText money={medicine.price} />
              </LiveText>
            </Button>
          )}
        </td>
        <td className={table.number} data-label="Available">
          <Available item={item} isLow={isLow} />
        </td>
        <td className={table.number} data-label="Reserved">
          <LiveText value={item.reservedQuantity}>{formatNumber(item.reservedQuantity)}</LiveText>
        </td>
        <td className={table.number} data-label="Total">
          <LiveText value={item.totalQuantity}>{formatNumber(item.totalQuantity)}</LiveText>
        </td>
        <td data-label="Pending">
          <Pending item={item} what={what} isOpen={open === "orders"} onToggle={() => toggle("orders")} />
        </td>
        <td className={table.whole}>
          <div className={css.actions}>
            <Button
              size="small"
              disabled={isDiscontinued || !medicine}
              aria-expanded={open === "receive"}
              aria-label={`Receive ${what}`}
              onClick={() => toggle("receive")}
            >
              Receive
            </Button>
            <Button
              size="small"
              disabled={!medicine}
              aria-expanded={open === "adjust"}
              aria-label={`Adjust ${what}`}
              onClick={() => toggle("adjust")}
            >
              Adjust
            </Button>
            <Button
              size="small"
              look="quiet"
              disabled={isDiscontinued || !medicine}
              aria-label={`Discontinue ${what}`}
              title="Discontinue"
              onClick={() => setDiscontinuing(true)}
            >
              <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
                <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
                <path d="M4 12l8-8" stroke="currentColor" strokeWidth="1.5" />
              </svg>
            </Button>
          </div>
        </td>
      </tr>
      {open && medicine && (
        <tr className={classes(table.attached, css.attached)}>
          <td colSpan={7} className={table.wide}>
            {open === "receive" && <ReceiveForm medicine={medicine} item={item} onDone={done} />}
            {open === "adjust" && <AdjustForm medicine={medicine} item={item} state={state} onDone={done} />}
            {open === "price" && <PriceForm medicine={medicine} state={state} onDone={done} />}
            {open === "orders" && <PendingOrders ids={item.pendingOrders} what={what} />}
          </td>
        </tr>
      )}
      {isDiscontinuing && medicine && (
        <DiscontinueDialog medicine={medicine} item={item} onClose={() => setDiscontinuing(false)} />
      )}
    </>
  );
});

export function nameOf(item: InventoryItem, medicine: Medicine | null): string {
  return `${item.medicineName} ${medicine?.strength ?? ""}`.trim();
}

// The sign, the word and the bar beside the row say it too.
function Available({ item, isLow }: { item: InventoryItem; isLow: boolean }) {
  return (
    <div className={css.available}>
      <LiveText value={item.availableQuantity}>
        <span className={isLow ? css.few : undefined}>{formatNumber(item.availableQuantity)}</span>
      </LiveText>
      {isLow && (
        <Badge tone={item.availableQuantity <= 0 ? "bad" : "warn"}>
          <span aria-hidden="true">▼</span>
          {item.availableQuantity <= 0 ? "None left" : `Low, ≤ ${formatNumber(item.lowStockThreshold)}`}
        </Badge>
      )}
    </div>
  );
}

interface PendingProps {
  item: InventoryItem;
  what: string;
  isOpen: boolean;
  onToggle(): void;
}

function Pending({ item, what, isOpen, onToggle }: PendingProps) {
  const count = item.pendingOrders.length;
  if (count === 0) return <span className={css.none}>none</span>;
  const words = `${count} ${count === 1 ? "order" : "orders"}`;
  return (
    <Button
      look="quiet"
      size="small"
      className={css.pending}
      aria-expanded={isOpen}
      aria-label={`${words} pending for ${what}`}
      onClick={onToggle}
    >
      <LiveText value={count}>{words}</LiveText>
    </Button>
  );
}
