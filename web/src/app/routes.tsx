import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { useSignInPath } from "../account/sign-in-path";
import { isStaff, useViewer } from "../api/session";
import { PageHead } from "../ui/page";
import { PartBoundary } from "../ui/part-boundary";
import { Empty, Loading } from "../ui/states";

type Page = () => Promise<{ default: ComponentType }>;

/** Who a page is for. */
type For = "anyone" | "signed in" | "staff";

// One file a page, loaded when it is opened first.
const pages: readonly [path: string, audience: For, page: Page][] = [
  ["/", "anyone", () => import("../shop/catalogue-page")],
  ["/orders", "signed in", () => import("../shop/orders-page")],
  ["/orders/:id", "signed in", () => import("../shop/order-page")],
  ["/stock", "staff", () => import("../shop/stock-page")],
  ["/people", "staff", () => import("../shop/people-page")],
  ["/flow/:commandId?", "anyone", () => import("../flow/flow-page")],
  ["/console/events", "staff", () => import("../console/events-page")],
  ["/console/events/:position", "staff", () => import("../console/event-page")],
  ["/console/projections", "staff", () => import("../console/projections-page")],
  ["/console/dead-letters", "staff", () => import("../console/dead-letters-page")],
  ["/console/statistics", "staff", () => import("../console/statistics-page")],
  ["/console/notifications", "signed in", () => import("../console/notifications-page")],
  ["/account", "signed in", () => import("../account/account-page")],
  ["/sign-in", "anyone", () => import("../account/sign-in-page")],
  ["/register", "anyone", () => import("../account/register-page")],
];

const routes = pages.map(([path, audience, page]) => {
  const Page = lazy(page);
  return (
    <Route key={path} path={path}>
      <Guard audience={audience}>
        <Page />
      </Guard>
    </Route>
  );
});

export function Routes() {
  const [path] = useLocation();
  return (
    <PartBoundary part={path} head={<PageHead title="Not opened" />}>
      <Suspense fallback={<Opening />}>
        <Switch>
          {routes}
          <Route>
            <PageHead title="Not found" />
            <Empty title="There is no such page">
              <Link href="/">To the catalogue</Link>
            </Empty>
          </Route>
        </Switch>
      </Suspense>
    </PartBoundary>
  );
}

// A page that is being loaded cannot say yet how it is called.
function Opening() {
  return (
    <>
      <h1 className="visually-hidden">Opening the page</h1>
      <Loading />
    </>
  );
}

function Guard({ audience, children }: { audience: For; children: ReactNode }) {
  const viewer = useViewer();
  const signInPath = useSignInPath();
  if (audience === "anyone" || (viewer && (audience === "signed in" || isStaff(viewer)))) return children;
  if (!viewer) {
    return (
      <>
        <PageHead title="Sign in" />
        <Empty title="This page is for those who are signed in">
          <Link href={signInPath}>Sign in</Link>
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageHead title="For staff" />
      <Empty title="This page is for the staff">
        <Link href="/">To the catalogue</Link>
      </Empty>
    </>
  );
}
