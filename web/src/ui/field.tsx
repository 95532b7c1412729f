import { type ComponentProps, type ReactNode, useId } from "react";
import { classes } from "./classes";
import css from "./field.module.css";

interface Around {
  label: string;
  /** Said below, and read with the field. */
  hint?: ReactNode;
  /** What is wrong with it. */
  error?: string | null | undefined;
  /** The label is there for screen readers only. */
  isLabelHidden?: boolean | undefined;
  className?: string | undefined;
}

function useAround({ label, hint, error, isLabelHidden, className }: Around) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const control = { id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined };
  const wrap = (child: ReactNode) => (
    <div className={classes(css.field, className)}>
      <label htmlFor={id} className={isLabelHidden ? "visually-hidden" : css.label}>
        {label}
      </label>
      {child}
      {hint && (
        <p id={`${id}-hint`} className={css.hint}>
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className={css.error}>
          {error}
        </p>
      )}
    </div>
  );
  return { control, wrap };
}

type Own<K extends "input" | "select" | "textarea"> = Around & Omit<ComponentProps<K>, "className" | "id">;

/** An input with its label, hint and error. */
export function Field({ label, hint, error, isLabelHidden, className, ...rest }: Own<"input">) {
  const { control, wrap } = useAround({ label, hint, error, isLabelHidden, className });
  return wrap(<input {...control} className={css.input} {...rest} />);
}

export function SelectField({ label, hint, error, isLabelHidden, className, ...rest }: Own<"select">) {
  const { control, wrap } = useAround({ label, hint, error, isLabelHidden, className });
  return wrap(<select {...control} className={classes(css.input, css.select)} {...rest} />);
}

export function TextAreaField({ label, hint, error, isLabelHidden, className, ...rest }: Own<"textarea">) {
  const { control, wrap } = useAround({ label, hint, error, isLabelHidden, className });
  return wrap(<textarea {...control} className={css.input} rows={3} {...rest} />);
}

interface CheckProps extends Omit<ComponentProps<"input">, "type"> {
  label: string;
}

export function CheckField({ label, className, ...rest }: CheckProps) {
  return (
    <label className={classes(css.check, className)}>
      <input type="checkbox" {...rest} />
      {label}
    </label>
  );
}
