import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSignInPath } from "../account/sign-in-path";
import { useConnection } from "../api/connection";
import { useDesk } from "../api/desk";
import { useDeadLetterCount } from "../api/lag";
import { isStaff, nameOf, useViewer, type Viewer } from "../api/session";
import { signOut } from "../api/signing";
import { Bell } from "../console/bell";
import FlowPanel from "../flow/flow-panel";
import { DetainedBanner } from "../learn/detained-banner";
import LearnPanel from "../learn/learn-panel";
import { ConnectionBanner, SessionBanner } from "../ui/banner";
import { Button } from "../ui/button";
import { classes } from "../ui/classes";
import { ThemeSwitch } from "../ui/theme";
import { ToastRegion } from "../ui/toast-region";
import { Routes } from "./routes";
import css from "./shell.module.css";

interface Place {
  href: string;
  label: string;
  /** How many of them there are. */
  count?: number;
}

function shopPlaces(viewer: Viewer | null): readonly Place[] {
  const places = [{ href: "/", label: "Catalogue" }];
  if (viewer) places.push({ href: "/orders", label: isStaff(viewer) ? "Orders" : "My orders" });
  if (isStaff(viewer)) {
    places.push({ href: "/stock", label: "Stock" }, { href: "/people", label: "People" });
    places.push({ href: "/console/events", label: "Console" });
  } else if (viewer) places.push({ href: "/console/notifications", label: "Notifications" });
  return places;
}

const consolePlaces = (deadLetters: number): readonly Place[] => [
  { href: "/console/events", label: "Events" },
  { href: "/console/projections", label: "Projections" },
  { href: "/console/dead-letters", label: "Dead letters", count: deadLetters },
  { href: "/console/statistics", label: "Statistics" },
  { href: "/console/notifications", label: "Notifications" },
];

export function Shell() {
  const viewer = useViewer();
  const { product, demo } = useDesk();
  const [path] = useLocation();
  const isConsole = path.startsWith("/console") && isStaff(viewer);
  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>
        Skip to the content
      </a>
      <header className={css.header}>
        <Link href="/" className={css.brand} aria-label={`${product}, to the catalogue`}>
          <img src="/icon.svg" alt="" width="26" height="26" />
          <span className={css.product}>{product}</span>
        </Link>
        <Nav label="Main" places={shopPlaces(viewer)} className={css.nav} />
        <div className={css.end}>
          <ConnectionChip />
          {viewer && <Bell />}
          <UserMenu viewer={viewer} />
        </div>
      </header>
      {isConsole && <ConsoleNav />}
      <SessionBanner />
      <ConnectionBanner />
      {demo && <DetainedBanner />}
      <div className={css.columns}>
        <main id="main" tabIndex={-1} className={css.main}>
          <Routes />
        </main>
        <Side>
          <FlowPanel />
          {demo && viewer && <LearnPanel />}
        </Side>
      </div>
      <ToastRegion />
    </div>
  );
}

function ConsoleNav() {
  return <Nav label="Console" places={consolePlaces(useDeadLetterCount())} className={css.subnav} />;
}

function Nav({ label, places, className }: { label: string; places: readonly Place[]; className: string | undefined }) {
  const [path] = useLocation();
  const isHere = (href: string) => {
    if (href === "/") return path === "/";
    return label === "Main" && href === "/console/events" ? path.startsWith("/console") : path.startsWith(href);
  };
  const list = useRef<HTMLUListElement>(null);
  // Where there is no room for all, the one that is shown is in sight.
  useEffect(() => {
    if (path)
      list.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return (
    <nav aria-label={label} className={className}>
      <ul ref={list}>
        {places.map(({ href, label: text, count = 0 }) => (
          <li key={href}>
            <Link href={href} aria-current={isHere(href) ? "page" : undefined} className={css.place}>
              {text}
              {count > 0 && (
                <span className={css.count} title={`${count} set aside`}>
                  {count > 999 ? "999+" : count}
                </span>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function ConnectionChip() {
  const { state } = useConnection();
  const words = state === "connected" ? "Live" : state === "connecting" ? "Connecting" : "Not live";
  return (
    <span className={classes(css.chip, state === "connected" ? css.isLive : css.isAway)}>
      <span className={css.lamp} aria-hidden="true" />
      {words}
    </span>
  );
}

function UserMenu({ viewer }: { viewer: Viewer | null }) {
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();
  const [path] = useLocation();
  // A link in the menu leads elsewhere, and the menu does not come along.
  useEffect(() => {
    if (path) menu.current?.hidePopover();
  }, [path]);
  const signInPath = useSignInPath();
  return (
    <>
      {!viewer && (
        <Link href={signInPath} className={css.signIn}>
          Sign in
        </Link>
      )}
      <Button look="quiet" popoverTarget={id} className={css.user}>
        <span className="visually-hidden">{viewer ? "Menu of " : "Menu"}</span>
        {viewer ? (
          <>
            <span className={css.initials} aria-hidden="true">
              {initials(viewer)}
            </span>
            <span className={css.who}>
              <span>{nameOf(viewer)}</span> <span className={css.role}>{viewer.role.toLowerCase()}</span>
            </span>
          </>
        ) : (
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M2 4h12M2 8h12M2 12h12" stroke="currentColor" strokeWidth="1.75" strokeLinecap="round" />
          </svg>
        )}
      </Button>
      <div ref={menu} id={id} popover="auto" className={css.menu}>
        {viewer && (
          <p className={css.menuHead}>
            <strong>{nameOf(viewer)}</strong>
            <span>{viewer.email}</span>
          </p>
        )}
        <div className={css.menuTheme}>
          <span aria-hidden="true">Theme</span>
          <ThemeSwitch />
        </div>
        <ul>
          {viewer && (
            <li>
              <Link href="/account">Account</Link>
            </li>
          )}
          <li>
            <a href="/graphiql">GraphiQL</a>
          </li>
          {!viewer && (
            <li>
              <Link href="/register">Open an account</Link>
            </li>
          )}
          {viewer && (
            <li>
              <Link href="/sign-in?another">Be somebody else in this tab</Link>
            </li>
          )}
          {viewer && (
            <li>
              <button type="button" onClick={signOut}>
                Sign out
              </button>
            </li>
          )}
        </ul>
      </div>
    </>
  );
}

function initials({ firstName, lastName, email }: Viewer): string {
  return `${firstName.slice(0, 1)}${lastName.slice(0, 1)}`.toUpperCase() || email.slice(0, 1).toUpperCase();
}

// Where there is room it is open unless somebody closed it; a sheet over the page is closed unless somebody opened it.
const ROOMY = window.matchMedia("(min-width: 68.0625rem)");
const sideKey = () => (ROOMY.matches ? "dispensary.side" : "dispensary.sheet");

function isSideOpen(): boolean {
  return (localStorage.getItem(sideKey()) ?? (ROOMY.matches ? "open" : "closed")) === "open";
}

/** What happens under the hood: beside the page, or a sheet over its lower end where there is no room. */
function Side({ children }: { children: ReactNode }) {
  const [isOpen, setOpen] = useState(isSideOpen);
  useEffect(() => {
    const look = () => setOpen(isSideOpen());
    ROOMY.addEventListener("change", look);
    return () => ROOMY.removeEventListener("change", look);
  }, []);
  const toggle = () => {
    localStorage.setItem(sideKey(), isOpen ? "closed" : "open");
    setOpen(!isOpen);
  };
  return (
    <aside aria-label="Under the hood" className={classes(css.side, !isOpen && css.isClosed)}>
      <Button look="quiet" size="small" aria-expanded={isOpen} onClick={toggle} className={css.sideToggle}>
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true" className={css.chevron}>
          <path d="M6 3l5 5-5 5" stroke="currentColor" strokeWidth="1.75" fill="none" strokeLinecap="round" />
        </svg>
        Under the hood
      </Button>
      {isOpen && <div className={css.sideBody}>{children}</div>}
    </aside>
  );
}
