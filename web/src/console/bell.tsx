import { Link } from "wouter";
import css from "./bell.module.css";
import { unseenIn, useNotifications } from "./notifications";

const MOST_COUNTED = 50;

/** How many notifications came since one last looked, live, and the way to them. */
export function Bell() {
  const unseen = unseenIn(useNotifications());
  const count = unseen >= MOST_COUNTED ? `${MOST_COUNTED}+` : String(unseen);
  const label = unseen === 0 ? "Notifications" : `Notifications, ${count} new`;
  return (
    <Link href="/console/notifications" className={css.bell} aria-label={label} title={label}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <path
          d="M10 2.75a4.75 4.75 0 0 0-4.75 4.75c0 4.5-1.75 5.75-1.75 5.75h13s-1.75-1.25-1.75-5.75A4.75 4.75 0 0 0 10 2.75zM8.25 16a2 2 0 0 0 3.5 0"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      {unseen > 0 && (
        <span className={css.count} aria-hidden="true">
          {count}
        </span>
      )}
    </Link>
  );
}
