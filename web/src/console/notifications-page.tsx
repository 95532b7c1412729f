import { useEffect, useState } from "react";
import { Link } from "wouter";
import { compare, type Position } from "../api/positions";
import { isStaff, useViewer } from "../api/session";
import { Badge } from "../ui/badge";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { SelectField } from "../ui/field";
import { Freshness } from "../ui/freshness";
import { countOf, Tools } from "../ui/list";
import { PageHead } from "../ui/page";
import { useParam } from "../ui/params";
import { Empty, Failure, Loading } from "../ui/states";
import { TimeText } from "../ui/text";
import { fetchOlder, markSeen, type Notification, reload, useNotifications } from "./notifications";
import css from "./notifications.module.css";

type Kind = Notification["kind"];

const KINDS: Readonly<Record<Kind, { label: string; tone: "neutral" | "good" | "warn" | "bad" | "info" | "accent" }>> =
  {
    ORDER_STATUS: { label: "Order", tone: "accent" },
    PAYMENT_STATUS: { label: "Payment", tone: "info" },
    LOW_STOCK: { label: "Low stock", tone: "warn" },
    WELCOME: { label: "Welcome", tone: "good" },
    EMAIL_CHANGED: { label: "Email changed", tone: "neutral" },
    USER_SUSPENDED: { label: "Suspended", tone: "bad" },
  };

export default function NotificationsPage() {
  const viewer = useViewer();
  const notifications = useNotifications();
  const { list, status, problem, cursor, isFetching } = notifications;
  const [kind, setKind] = useParam("kind");
  const found = kind ? list.filter((each) => each.kind === kind) : list;
  const newSince = useNewSince(notifications.seen);
  const isThere = status !== "loading";

  // What arrives while one looks at the page is read; while it is in the background it is not.
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && list.length > 0 && markSeen();
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [list]);

  return (
    <>
      <PageHead
        title="Notifications"
        aside={<Freshness view={{ name: "notifications", status, behind: 0, problem }} what="What is told" />}
      >
        {isStaff(viewer) && "What everybody is told. What is for nobody else is for the administrators."}
      </PageHead>
      {problem && <Failure problem={problem} onRetry={reload} />}
      {!isThere && !problem && <Loading label="Loading the notifications" rows={8} />}
      {isThere && list.length === 0 && <Empty title="Nothing to tell yet">What becomes of orders is told here.</Empty>}
      {list.length > 0 && (
        <>
          <Tools count={`${countOf(found.length, "notification", "notifications")}${cursor ? ", and older ones" : ""}`}>
            <SelectField label="Kind" isLabelHidden value={kind} onChange={(event) => setKind(event.target.value)}>
              <option value="">Every kind</option>
              {Object.entries(KINDS).map(([value, { label }]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </SelectField>
          </Tools>
          {found.length === 0 && (
            <Empty title="None of this kind among those shown">
              <Button onClick={() => setKind("")}>Show every kind</Button>
            </Empty>
          )}
          {found.length > 0 && (
            <ol className={css.list} aria-label="Notifications">
              {found.map((each) => (
                <Item
                  key={each.id}
                  notification={each}
                  isNew={newSince !== null && compare(each.position, newSince) > 0}
                />
              ))}
            </ol>
          )}
          {cursor && (
            <div className={css.more}>
              <Button onClick={() => void fetchOlder()} disabled={isFetching}>
                {isFetching ? "Fetching…" : "Show older ones"}
              </Button>
            </div>
          )}
        </>
      )}
    </>
  );
}

/** What was new when the page was opened stays marked for as long as it is open. */
function useNewSince(seen: Position | null): Position | null {
  const [first, setFirst] = useState(seen);
  if (first === null && seen !== null) setFirst(seen);
  return first;
}

function Item({ notification, isNew }: { notification: Notification; isNew: boolean }) {
  const viewer = useViewer();
  const { kind, subject, message, createdAt, position } = notification;
  const { label, tone } = KINDS[kind];
  const place = placeOf(notification, isStaff(viewer));
  return (
    <li className={classes(css.item, isNew && css.isNew)}>
      <div className={css.kind}>
        <Badge tone={tone}>{label}</Badge>
        {isNew && <Badge>New</Badge>}
      </div>
      <div className={css.words}>
        <p className={css.subject}>{place ? <Link href={place}>{subject}</Link> : subject}</p>
        <p className={css.message}>{message}</p>
      </div>
      <p className={css.when}>
        <TimeText at={createdAt} />
        {isStaff(viewer) && <Link href={`/console/events/${position}`}>Event {position}</Link>}
      </p>
    </li>
  );
}

/** The page of what it is about, if the viewer may see it. */
function placeOf({ kind, aboutId }: Notification, isForStaff: boolean): string | null {
  const id = encodeURIComponent(aboutId);
  switch (kind) {
    case "ORDER_STATUS":
    case "PAYMENT_STATUS":
      return `/orders/${id}`;
    case "LOW_STOCK":
      return isForStaff ? `/stock?medicine=${id}` : null;
    case "WELCOME":
    case "EMAIL_CHANGED":
    case "USER_SUSPENDED":
      return isForStaff ? `/people?who=${id}` : "/account";
  }
}
