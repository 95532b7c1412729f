import { memo, useEffect, useRef, useState } from "react";
import { addToBasket, setQuantity, useBasket } from "../api/basket";
import type { RowState } from "../api/overlay";
import { Badge } from "../ui/badge";
import { Button, IconButton } from "../ui/button";
import { RowMark, rowClass } from "../ui/row-state";
import { formatMoney, formatNumber, LiveText, MoneyText } from "../ui/text";
import { leftOf, type Medicine } from "./catalogue";
import css from "./catalogue-page.module.css";
import { goToBasket } from "./ordering";
import { PriceForm } from "./price-form";

interface Props {
  medicine: Medicine;
  state: RowState | null;
  mayPrice: boolean;
}

/** One medicine: what it is, how much is left, what it costs, and what one can do with it. */
export const CatalogueRow = memo(function CatalogueRow({ medicine, state, mayPrice }: Props) {
  const [isPricing, setPricing] = useState(false);
  const priced = useFocusAfter<HTMLButtonElement>(isPricing, false);
  const { name, genericName, manufacturer, strength } = medicine;
  return (
    <li className={rowClass(state, css.row)}>
      <div className={css.what}>
        <p className={css.name}>
          {name} <span className={css.strength}>{strength}</span>
        </p>
        <div className={css.second}>
          <p className={css.generic}>
            {genericName} · {manufacturer}
          </p>
          <RowMark state={state} />
        </div>
      </div>
      <Stock medicine={medicine} />
      <div className={css.price}>
        {mayPrice && !isPricing ? (
          <Button
            ref={priced}
            look="quiet"
            size="small"
            className={css.priceButton}
            disabled={medicine.isDiscontinued}
            aria-label={`Change the price of ${name} ${strength}, ${formatMoney(medicine.price)}`}
            title="Change the price"
            onClick={() => setPricing(true)}
          >
            <Price medicine={medicine} />
            <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
              <path d="M3 13l.6-2.8L11 2.8l2.2 2.2-7.4 7.4z" fill="none" stroke="currentColor" strokeWidth="1.4" />
            </svg>
          </Button>
        ) : (
          !isPricing && <Price medicine={medicine} />
        )}
      </div>
      <Ordering medicine={medicine} />
      {isPricing && <PriceForm medicine={medicine} state={state} onDone={() => setPricing(false)} />}
    </li>
  );
});

function Price({ medicine: { price } }: { medicine: Medicine }) {
  return (
    <LiveText value={price.amount}>
      <MoneyText money={price} />
    </LiveText>
  );
}

const FEW = 10;

function Stock({ medicine }: { medicine: Medicine }) {
  const left = leftOf(medicine);
  return (
    <div className={css.stock}>
      {medicine.isDiscontinued ? (
        <Badge>Discontinued</Badge>
      ) : left === 0 ? (
        <Badge tone="bad">Out of stock</Badge>
      ) : (
        <LiveText value={left}>
          {left <= FEW ? <Badge tone="warn">{left} left</Badge> : <span>{formatNumber(left)} in stock</span>}
        </LiveText>
      )}
    </div>
  );
}

function Ordering({ medicine }: { medicine: Medicine }) {
  const quantity = useBasket()[medicine.id] ?? 0;
  const what = `${medicine.name} ${medicine.strength}`;
  const isIn = quantity > 0;
  const add = useFocusAfter<HTMLButtonElement>(isIn, false);
  const more = useFocusAfter<HTMLButtonElement>(isIn, true);
  if (!isIn) {
    return (
      <div className={css.order}>
        <Button
          ref={add}
          size="small"
          disabled={!medicine.isAvailable}
          aria-label={`Add ${what} to the basket`}
          onClick={() => addToBasket(medicine.id)}
        >
          Add
        </Button>
      </div>
    );
  }
  return (
    <fieldset className={css.order}>
      <legend className="visually-hidden">{what} in the basket</legend>
      <IconButton
        size="small"
        look="plain"
        label={`One ${what} less`}
        onClick={() => setQuantity(medicine.id, quantity - 1)}
      >
        −
      </IconButton>
      <output aria-label={`In the basket: ${what}`} className={css.quantity}>
        {quantity}
      </output>
      <IconButton
        size="small"
        look="plain"
        ref={more}
        label={`One ${what} more`}
        onClick={() => addToBasket(medicine.id)}
      >
        +
      </IconButton>
      <Button size="small" className={css.toBasket} aria-label={`To the basket, from ${what}`} onClick={goToBasket}>
        To the basket
      </Button>
    </fieldset>
  );
}

// When the control that was used gives way to another, the focus goes to that one and not to nowhere.
function useFocusAfter<E extends HTMLElement>(value: boolean, wanted: boolean) {
  const element = useRef<E>(null);
  const before = useRef(value);
  useEffect(() => {
    if (before.current !== value && value === wanted && isFocusLost()) element.current?.focus();
    before.current = value;
  }, [value, wanted]);
  return element;
}

function isFocusLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
