import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { useStore } from "../api/store";
import { Button, IconButton } from "./button";
import { classes } from "./classes";
import css from "./toast-region.module.css";
import { closeToast, type Toast, toasts } from "./toasts";

const ONE_SENTENCE_MS = 1_000;

/** Messages: seen at the edge of the page, heard one sentence a second. */
export function ToastRegion() {
  const list = useStore(toasts);
  return (
    <section aria-label="Messages" className={css.region}>
      <Spoken list={list} />
      <ul className={css.list}>
        {list.map((toast) => (
          <li key={toast.key} className={classes(css.toast, css[toast.tone])}>
            <div className={css.words}>
              <p className={css.text}>{toast.text}</p>
              {toast.detail && <p className={css.detail}>{toast.detail}</p>}
              {(toast.actions.length > 0 || toast.link) && (
                <div className={css.actions}>
                  {toast.actions.map(({ label, run }) => (
                    <Button
                      key={label}
                      size="small"
                      onClick={() => {
                        closeToast(toast.key);
                        run();
                      }}
                    >
                      {label}
                    </Button>
                  ))}
                  {toast.link && <Link href={toast.link.href}>{toast.link.label}</Link>}
                </div>
              )}
            </div>
            <IconButton
              label={`Close message: ${toast.text}`}
              title="Close"
              size="small"
              onClick={() => closeToast(toast.key)}
            >
              <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
                <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" />
              </svg>
            </IconButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Spoken({ list }: { list: readonly Toast[] }) {
  const [sentence, setSentence] = useState("");
  const queue = useRef<string[]>([]);
  const said = useRef(new Set<Toast>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    for (const toast of list) {
      if (said.current.has(toast)) continue;
      queue.current.push(toast.detail ? `${toast.text}. ${toast.detail}` : toast.text);
    }
    said.current = new Set(list);
    const next = () => {
      const words = queue.current.shift();
      if (words) setSentence(words);
      timer.current = words ? setTimeout(next, ONE_SENTENCE_MS) : undefined;
    };
    if (!timer.current) next();
  }, [list]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <p aria-live="polite" className="visually-hidden">
      {sentence}
    </p>
  );
}
