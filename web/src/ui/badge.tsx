import type { ReactNode } from "react";
import css from "./badge.module.css";
import { classes } from "./classes";

interface Props {
  tone?: "neutral" | "good" | "warn" | "bad" | "info" | "accent";
  children: ReactNode;
}

/** A word about a state. The word says it; the colour only helps. */
export function Badge({ tone = "neutral", children }: Props) {
  return <span className={classes(css.badge, css[tone])}>{children}</span>;
}
