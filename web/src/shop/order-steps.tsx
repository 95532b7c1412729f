import { Badge } from "../ui/badge";
import { classes } from "../ui/classes";
import css from "./order-steps.module.css";
import { badgeOf, type Order, type Step, stepsOf } from "./orders";

export function StatusBadge({ order }: { order: Pick<Order, "number" | "status"> }) {
  const { label, tone } = badgeOf(order);
  return <Badge tone={tone}>{label}</Badge>;
}

const SAID: Readonly<Record<Step["state"], string>> = {
  done: "done",
  now: "waited for",
  open: "to come",
  end: "the end",
};

/** The way of an order, from left to right where there is room. */
export function OrderSteps({
  order,
  isSmall = false,
}: {
  order: Pick<Order, "status" | "statusReason" | "payment" | "number">;
  isSmall?: boolean;
}) {
  const steps = stepsOf(order);
  return (
    <ol className={classes(css.steps, isSmall && css.small)} aria-label="Steps">
      {steps.map(({ label, state, detail }) => (
        <li key={label} className={classes(css.step, css[state])} aria-current={state === "now" ? "step" : undefined}>
          <span className={css.sign}>
            <Sign state={state} />
          </span>
          <span className={css.label}>
            {label} <span className="visually-hidden">({SAID[state]})</span>
          </span>
          {detail && <span className={css.detail}>{detail}</span>}
        </li>
      ))}
    </ol>
  );
}

function Sign({ state }: { state: Step["state"] }) {
  const path = state === "done" ? "M3.5 8.5l3 3 6-7" : "M4.5 4.5l7 7M11.5 4.5l-7 7";
  if (state === "now" || state === "open") return null;
  return (
    <svg viewBox="0 0 16 16" width="10" height="10" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
    </svg>
  );
}
