import "../ui/tokens.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { endSession, followOtherTabs, getSession, watchViewer } from "../api/session";
import { endpoint } from "./fetcher";
import { GraphiqlPage } from "./page";

followOtherTabs();

const here = endpoint(() => getSession()?.token ?? null, endSession);

watchViewer(() => here.reconnect());

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <GraphiqlPage fetcher={here.fetcher} />
  </StrictMode>,
);
