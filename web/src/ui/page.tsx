import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { classes } from "./classes";
import css from "./page.module.css";

interface Props {
  title: string;
  /** What is beside the title: how current the page is. */
  aside?: ReactNode;
  /** What can be done on the page. */
  actions?: ReactNode;
  children?: ReactNode;
}

let isFirstPage = true;

/** The head of a page: its one h1, which is also the title of the tab, and where the focus goes on the way here. */
export function PageHead({ title, aside, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Dispensary`;
  }, [title]);
  // With the page, not some time after it: who types at once types there.
  useLayoutEffect(() => {
    if (!isFirstPage) heading.current?.focus();
    isFirstPage = false;
  }, []);
  return (
    <div className={css.head}>
      <div className={css.titles}>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {actions && <div className={css.actions}>{actions}</div>}
      {children && <p className={css.text}>{children}</p>}
    </div>
  );
}

interface PanelProps {
  title?: string;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A part of a page on a surface of its own. */
export function Panel({ title, actions, className, children }: PanelProps) {
  return (
    <section className={classes(css.panel, className)} aria-label={title}>
      {title && (
        <div className={css.panelHead}>
          <h2>{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
