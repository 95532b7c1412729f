import type { Fetcher } from "@graphiql/toolkit";
import { lazy, Suspense } from "react";
import { nameOf, useViewer } from "../api/session";
import { PartBoundary } from "../ui/part-boundary";
import { ThemeSwitch, useIsDark } from "../ui/theme";
import css from "./page.module.css";

// The heading and the way back are there at once; the editors take a second.
const Ide = lazy(() => import("./ide"));

export function GraphiqlPage({ fetcher }: { fetcher: Fetcher }) {
  const isDark = useIsDark();
  return (
    <div className={css.page}>
      <header className={css.head}>
        <a href="/">
          <span aria-hidden="true">←</span> Desk
        </a>
        <h1>GraphiQL</h1>
        <SignedIn />
        <ThemeSwitch />
      </header>
      <main className={css.main}>
        <PartBoundary>
          <Suspense fallback={<Loading />}>
            <Ide fetcher={fetcher} theme={isDark ? "dark" : "light"} />
          </Suspense>
        </PartBoundary>
      </main>
    </div>
  );
}

function SignedIn() {
  const viewer = useViewer();
  return (
    <p className={css.viewer} role="status">
      {viewer ? (
        <>
          Signed in as <strong>{nameOf(viewer)}</strong> ({viewer.role.toLowerCase()})
        </>
      ) : (
        <>
          Not signed in. <a href="/sign-in?next=/graphiql">Sign in</a>
        </>
      )}
    </p>
  );
}

function Loading() {
  return (
    <p className={css.loading} role="status">
      Loading the editors …
    </p>
  );
}
