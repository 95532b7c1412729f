import type { ComponentProps } from "react";
import css from "./button.module.css";
import { classes } from "./classes";

interface Props extends ComponentProps<"button"> {
  look?: "primary" | "plain" | "quiet" | "danger";
  size?: "normal" | "small";
}

export function Button({ look = "plain", size = "normal", className, type = "button", ...rest }: Props) {
  return <button type={type} className={classes(css.button, css[look], css[size], className)} {...rest} />;
}

interface IconProps extends Omit<Props, "children"> {
  /** What it does: its name, and its tooltip. */
  label: string;
  children: React.ReactNode;
}

/** A button that shows a sign only. */
export function IconButton({ label, children, ...rest }: IconProps) {
  return (
    <Button look="quiet" aria-label={label} title={label} {...rest} className={classes(css.icon, rest.className)}>
      {children}
    </Button>
  );
}
