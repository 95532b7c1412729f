import { useEffect, useRef, useState } from "react";
import css from "./text.module.css";

interface Money {
  amount: string;
  currency: string;
}

const formats = new Map<string, Intl.NumberFormat>();

export function formatMoney({ amount, currency }: Money): string {
  let format = formats.get(currency);
  if (!format) {
    format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    formats.set(currency, format);
  }
  return format.format(Number(amount));
}

export function MoneyText({ money }: { money: Money }) {
  return <span className={css.number}>{formatMoney(money)}</span>;
}

const whole = new Intl.NumberFormat();

export function formatNumber(value: number): string {
  return whole.format(value);
}

const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Local time; today without the date. In UTC, to the microsecond, in the title. */
export function TimeText({ at, isExact = false }: { at: string; isExact?: boolean }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const text = (isToday ? today : isExact ? exact : dayAndTime).format(date);
  return (
    <time dateTime={at} title={`${at.replace("T", " ").replace("Z", "")} UTC`} className={css.number}>
      {text}
    </time>
  );
}

/** A value that flashes when it changes while one looks at it. */
export function LiveText({ value, children }: { value: string | number; children: React.ReactNode }) {
  const [times, setTimes] = useState(0);
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    setTimes((count) => count + 1);
  }, [value]);
  return (
    <span key={times} className={times > 0 ? css.flash : undefined}>
      {children}
    </span>
  );
}
