import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./button";
import css from "./dialog.module.css";

interface Props {
  title: string;
  /** Also called when it is closed with Escape. */
  onClose(): void;
  children: ReactNode;
}

/** A native modal dialog: rendered means open. The focus goes back to where it was. */
export function Dialog({ title, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    // Where there is something to fill in, one begins with that; else with the button that closes it.
    dialog?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={css.dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header className={css.head}>
        <h2 id={id}>{title}</h2>
        <IconButton label="Close" size="small" onClick={onClose}>
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" />
          </svg>
        </IconButton>
      </header>
      <div className={css.body}>{children}</div>
    </dialog>
  );
}

/** The buttons at the end of a form or a dialog. */
export function Actions({ children }: { children: ReactNode }) {
  return <div className={css.actions}>{children}</div>;
}
