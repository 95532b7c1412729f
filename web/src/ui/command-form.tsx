import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Outcome } from "../api/intents";
import { errorOf, otherError } from "../api/refusals";
import { Button } from "./button";
import { classes } from "./classes";
import css from "./command-form.module.css";

interface Props<F extends string> {
  /** What it is for: its name. */
  label: string;
  submit: string;
  look?: "primary" | "danger";
  size?: "normal" | "small";
  /** The names of its fields, as in the input of the command. */
  fields: readonly F[];
  /** What the server could not even read, such as a number that is none. */
  check?(values: Readonly<Record<F, string>>): Partial<Record<F, string | null>>;
  onSend(values: Readonly<Record<F, string>>): Promise<Outcome>;
  /** It is stored, or will be sent again: nothing is left to do here. */
  onDone(outcome: Outcome): void;
  onCancel?: () => void;
  cancel?: string;
  isDisabled?: boolean;
  className?: string | undefined;
  children(error: (field: F) => string | null): ReactNode;
}

/** A form that sends one command. It stays until there is an answer, and has each refusal beside the field it is about. */
export function CommandForm<F extends string>(props: Props<F>) {
  const { label, submit, look = "primary", size = "normal", fields, onSend, onDone } = props;
  const { onCancel, cancel = "Cancel" } = props;
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [mistakes, setMistakes] = useState<Partial<Record<F, string | null>>>({});

  useEffect(() => {
    if (isBusy || (!outcome && Object.keys(mistakes).length === 0)) return;
    const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid]") ?? null;
    (wrong ?? form.current?.querySelector<HTMLElement>("[type=submit]"))?.focus();
  }, [outcome, mistakes, isBusy]);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const values = Object.fromEntries(fields.map((name) => [name, String(given.get(name) ?? "")])) as Record<F, string>;
    const found = props.check?.(values) ?? {};
    setMistakes(found);
    setOutcome(null);
    if (Object.values(found).some(Boolean)) return;
    setBusy(true);
    const answer = await onSend(values);
    setBusy(false);
    // To offer a form whose command may yet arrive is to have it sent twice.
    if (answer.state === "stored" || (answer.state === "failed" && answer.canRetry)) onDone(answer);
    else setOutcome(answer);
  }

  const other = otherError(outcome, fields);
  return (
    <form
      ref={form}
      noValidate
      aria-label={label}
      className={classes(css.form, props.className)}
      onSubmit={send}
      onKeyDown={(event: KeyboardEvent) => event.key === "Escape" && onCancel?.()}
    >
      {props.children((field) => mistakes[field] ?? errorOf(outcome, field))}
      {other && (
        <p role="alert" className={css.error}>
          {other}
        </p>
      )}
      <div className={css.actions}>
        {onCancel && (
          <Button size={size} onClick={onCancel}>
            {cancel}
          </Button>
        )}
        <Button type="submit" look={look} size={size} disabled={isBusy || props.isDisabled === true}>
          {isBusy ? "Sending…" : submit}
        </Button>
      </div>
    </form>
  );
}

/** For `check`: what is wrong with a text that should be a whole number. */
export function wholeMistake(text: string): string | null {
  return /^\s*[-+]?\d{1,9}\s*$/.test(text) ? null : "A whole number, for example 12.";
}

/** The same for an amount of money. */
export function amountMistake(text: string): string | null {
  return /^\s*[-+]?\d{1,12}(\.\d+)?\s*$/.test(text) ? null : "An amount, for example 9.99.";
}
