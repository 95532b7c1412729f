import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { setQuantity, useBasket } from "../api/basket";
import type { Problem } from "../api/client";
import { useDesk } from "../api/desk";
import { useViewer } from "../api/session";
import { signIn } from "../api/signing";
import { Button, IconButton } from "../ui/button";
import { classes } from "../ui/classes";
import { Panel } from "../ui/page";
import { formatMoney, LiveText, MoneyText } from "../ui/text";
import css from "./basket.module.css";
import { leftOf, type Medicine, useCatalogue } from "./catalogue";
import { useCustomer } from "./customer";
import {
  forgetRefusals,
  PANEL_ID,
  placeOrder,
  setPanel,
  times,
  totals,
  usePanel,
  useRefused,
  type Wanted,
} from "./ordering";
import { PlacedOrders } from "./placed";

const MOST_LINES = 50;

/** The basket beside the catalogue; at the foot of a narrow window, where it opens on demand. */
export default function BasketPanel() {
  const isOpen = usePanel();
  const { lines, unknown } = useLines();
  const isEmpty = lines.length === 0 && unknown.length === 0;
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const sum = totals(lines).map(formatMoney).join(" + ");
  return (
    <div className={css.sheet}>
      <button
        type="button"
        className={css.handle}
        aria-expanded={isOpen}
        aria-controls={PANEL_ID}
        onClick={() => setPanel(!isOpen)}
      >
        <span>Basket and orders</span>
        <span className={css.handleSum}>{count === 0 ? "empty" : `${itemCount(count)} · ${sum}`}</span>
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          <path d={isOpen ? "M3 6l5 5 5-5" : "M3 10l5-5 5 5"} stroke="currentColor" strokeWidth="1.75" fill="none" />
        </svg>
      </button>
      <div id={PANEL_ID} tabIndex={-1} className={classes(css.content, isOpen && css.isOpen)}>
        <div className={isEmpty ? css.isEmpty : undefined}>
          <Panel title="Basket">{isEmpty ? <EmptyBasket /> : <Filled lines={lines} unknown={unknown} />}</Panel>
        </div>
        <PlacedOrders />
      </div>
    </div>
  );
}

const itemCount = (count: number): string => `${count} ${count === 1 ? "item" : "items"}`;

/** What is in it, with the names and prices of this moment. Unknown: the catalogue is here and has no such medicine. */
function useLines(): { lines: readonly Wanted[]; unknown: readonly string[] } {
  const basket = useBasket();
  const catalogue = useCatalogue();
  const lines: Wanted[] = [];
  const unknown: string[] = [];
  for (const [id, quantity] of Object.entries(basket)) {
    const medicine = catalogue.rows.get(id);
    if (medicine) lines.push({ medicine, quantity });
    else if (catalogue.status !== "loading") unknown.push(id);
  }
  return { lines, unknown };
}

function EmptyBasket() {
  const { rest } = useRefused();
  return (
    <>
      {rest && (
        <p role="alert" className={css.error}>
          {rest}
        </p>
      )}
      <p className={css.soft}>Nothing is in it yet. Add a medicine from the list.</p>
    </>
  );
}

function Filled({ lines, unknown }: { lines: readonly Wanted[]; unknown: readonly string[] }) {
  const viewer = useViewer();
  const refused = useRefused();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!goesOn || !viewer) return;
    goesOn = false;
    button.current?.focus();
  }, [viewer]);
  const { customer, field } = useCustomer();
  function submit(event: FormEvent) {
    event.preventDefault();
    if (viewer && customer) placeOrder(lines, viewer, customer);
  }
  const problem = lines.length > MOST_LINES ? `An order has at most ${MOST_LINES} lines.` : refused.rest;
  return (
    <form className={css.form} aria-label="Basket" onSubmit={submit}>
      <ul className={css.lines} aria-label="In the basket">
        {lines.map((line) => (
          <Line key={line.medicine.id} line={line} refusal={refused.lines[line.medicine.id] ?? null} />
        ))}
        {unknown.map((id) => (
          <li key={id} className={css.line}>
            <p className={css.name}>A medicine that is not in the catalogue</p>
            <Button size="small" look="quiet" onClick={() => setQuantity(id, 0)}>
              Remove
            </Button>
          </li>
        ))}
      </ul>
      <dl className={css.total}>
        <dt>Total</dt>
        <dd>
          {totals(lines).map((sum) => (
            <LiveText key={sum.currency} value={sum.amount}>
              <MoneyText money={sum} />
            </LiveText>
          ))}
        </dd>
      </dl>
      {field}
      {problem && (
        <p role="alert" className={css.error}>
          {problem}
        </p>
      )}
      {viewer ? (
        <Button
          ref={button}
          type="submit"
          look="primary"
          disabled={!customer || lines.length === 0 || lines.length > MOST_LINES}
        >
          Place order
        </Button>
      ) : (
        <SignInHere />
      )}
    </form>
  );
}

function Line({ line: { medicine, quantity }, refusal }: { line: Wanted; refusal: string | null }) {
  const { id, name, strength, price } = medicine;
  const what = `${name} ${strength}`;
  const change = (next: number) => {
    forgetRefusals();
    setQuantity(id, next);
  };
  return (
    <li className={css.line}>
      <p className={css.name}>
        {name} <span className={css.strength}>{strength}</span>
      </p>
      <span className={css.lineTotal}>
        <LiveText value={price.amount}>
          <MoneyText money={times(price, quantity)} />
        </LiveText>
      </span>
      <Amount what={what} quantity={quantity} onChange={change} />
      <IconButton label={`Remove ${what}`} size="small" onClick={() => change(0)} className={css.remove}>
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" />
        </svg>
      </IconButton>
      <LineProblem medicine={medicine} quantity={quantity} refusal={refusal} onChange={change} />
    </li>
  );
}

/** How many: typed or counted up and down. What is typed counts once the field is left, or with Enter. */
function Amount({ what, quantity, onChange }: { what: string; quantity: number; onChange(next: number): void }) {
  const [typed, setTyped] = useState<string | null>(null);
  const settle = () => {
    const next = Number(typed);
    if (typed !== null && typed.trim() !== "" && Number.isFinite(next) && next >= 1) onChange(next);
    setTyped(null);
  };
  return (
    <div className={css.amount}>
      <IconButton size="small" look="plain" label={`Take one ${what} out`} onClick={() => onChange(quantity - 1)}>
        −
      </IconButton>
      <input
        className={css.input}
        type="text"
        inputMode="numeric"
        aria-label={`Quantity of ${what}`}
        value={typed ?? quantity}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => setTyped(event.target.value.replace(/\D/g, "").slice(0, 5))}
        onBlur={settle}
        onKeyDown={(event) => {
          if (event.key === "Escape") setTyped(null);
          if (event.key !== "Enter" || typed === null) return;
          event.preventDefault();
          settle();
        }}
      />
      <IconButton size="small" look="plain" label={`Put one ${what} in`} onClick={() => onChange(quantity + 1)}>
        +
      </IconButton>
    </div>
  );
}

interface ProblemProps {
  medicine: Medicine;
  quantity: number;
  refusal: string | null;
  onChange(next: number): void;
}

/** What is known to be wrong with a line. It only warns: the log decides, and it may know more than this page. */
function LineProblem({ medicine, quantity, refusal, onChange }: ProblemProps) {
  const left = leftOf(medicine);
  if (refusal) {
    return (
      <p role="alert" className={classes(css.problem, css.error)}>
        {refusal}
      </p>
    );
  }
  if (medicine.isDiscontinued) {
    return <p className={classes(css.problem, css.warning)}>No longer sold: an order with it will be refused.</p>;
  }
  if (quantity <= left) return null;
  return (
    <p className={classes(css.problem, css.warning)}>
      {left === 0 ? "Out of stock" : `Only ${left} left`}: an order for {quantity} will be rejected.{" "}
      {left > 0 && (
        <Button size="small" onClick={() => onChange(left)}>
          Take {left}
        </Button>
      )}
    </p>
  );
}

// Who has signed in here goes on here: the page is built anew for them, and the focus would be at its start.
let goesOn = false;

/** Where nobody is signed in: one click in the demo, else the page for it. */
function SignInHere() {
  const { demo } = useDesk();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const customer = demo?.accounts.find(({ role }) => role === "CUSTOMER");
  async function enter() {
    if (!demo || !customer) return;
    setBusy(true);
    goesOn = true;
    const refusal = await signIn(customer.email, demo.password);
    if (refusal) goesOn = false;
    setProblem(refusal);
    setBusy(false);
  }
  return (
    <div className={css.signIn}>
      {customer && (
        <Button look="primary" disabled={isBusy} onClick={enter}>
          {isBusy ? "Signing in…" : `Sign in as ${customer.name}`}
        </Button>
      )}
      {problem && (
        <p role="alert" className={css.error}>
          {problem.message}
        </p>
      )}
      <p className={css.soft}>
        {customer ? "A customer of the demo, with one click. " : "An order needs an account. "}
        <Link href="/sign-in">{customer ? "Somebody else" : "Sign in"}</Link>
      </p>
    </div>
  );
}
