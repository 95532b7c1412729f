import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./ui/tokens.css";
import "./api/signing";
import "./app/expiry";
import { loadDesk } from "./api/desk";
import { App } from "./app/app";

void loadDesk();

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
