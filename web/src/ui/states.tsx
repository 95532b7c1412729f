import type { ReactNode } from "react";
import type { Problem } from "../api/client";
import { Button } from "./button";
import css from "./states.module.css";

interface EmptyProps {
  title: string;
  children?: ReactNode;
}

/** Nothing is there, and why, and what to do about it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div className={css.state}>
      <p className={css.title}>{title}</p>
      {children && <div className={css.text}>{children}</div>}
    </div>
  );
}

/** The shape of what is to come. */
export function Loading({ label = "Loading", rows = 6 }: { label?: string; rows?: number }) {
  const lines = Array.from({ length: rows }, (_, line) => `line-${line}`);
  return (
    <div className={css.loading} role="status">
      <span className="visually-hidden">{label}…</span>
      {lines.map((line) => (
        <span key={line} className={css.bone} aria-hidden="true" />
      ))}
    </div>
  );
}

/** It did not work, and what can be done. */
export function Failure({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div className={css.state} role="alert">
      <p className={css.title}>{titleOf(problem)}</p>
      <p className={css.text}>{problem.message}</p>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

function titleOf({ code }: Problem): string {
  if (code === "FORBIDDEN") return "Your role may not see this";
  if (code === "UNAUTHENTICATED") return "Sign in to see this";
  if (code === "NETWORK") return "The server cannot be reached";
  return "This did not work";
}
