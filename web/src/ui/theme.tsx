import { useSyncExternalStore } from "react";
import { createStore, useStore } from "../api/store";
import css from "./theme.module.css";

type Theme = "auto" | "light" | "dark";

const KEY = "dispensary.theme";
const themes: readonly Theme[] = ["auto", "light", "dark"];

const kept = (): Theme => themes.find((each) => each === localStorage.getItem(KEY)) ?? "auto";

const theme = createStore<Theme>(kept());

// What public/theme.js does before the first paint.
function applyTheme(): void {
  const chosen = theme.get();
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  theme.set(kept());
  applyTheme();
});

function choose(next: Theme): void {
  localStorage.setItem(KEY, next);
  theme.set(next);
  applyTheme();
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Whether what is seen is dark, for what takes its colours from no style sheet. */
export function useIsDark(): boolean {
  const chosen = useStore(theme);
  const isSystemDark = useSyncExternalStore(watchSystem, () => dark.matches);
  return chosen === "auto" ? isSystemDark : chosen === "dark";
}

function watchSystem(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

export function ThemeSwitch() {
  const chosen = useStore(theme);
  return (
    <fieldset className={css.switch}>
      <legend className="visually-hidden">Theme</legend>
      {themes.map((each) => (
        <label key={each} className={css.choice}>
          <input
            type="radio"
            name="theme"
            className="visually-hidden"
            checked={chosen === each}
            onChange={() => choose(each)}
          />
          <span>{each === "auto" ? "Auto" : each === "light" ? "Light" : "Dark"}</span>
        </label>
      ))}
    </fieldset>
  );
}
