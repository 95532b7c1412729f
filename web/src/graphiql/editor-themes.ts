import type * as Monaco from "monaco-graphql/esm/monaco-editor.js";

export const EDITOR_THEMES = { light: "desk-light", dark: "desk-dark" };

// Those of Monaco's that are too pale to read on the desk's surfaces, and what GraphiQL adds.
const RULES = {
  light: [
    { token: "number", foreground: "0a6b48" },
    { token: "argument.identifier.gql", foreground: "6d28d9" },
  ],
  dark: [
    { token: "comment", foreground: "83b56c" },
    { token: "argument.identifier.gql", foreground: "c4b5fd" },
  ],
};
const LINE_NUMBERS = { light: "#52625f", dark: "#9fb0af" };
const ACCENTS = { light: "#0f766e", dark: "#2dd4bf" };
const TEXTS = { light: "#132021", dark: "#e6eded" };
const GROUNDS = { light: "#ffffff", dark: "#1b2526" };

/** The colours of the editors, which take none from a style sheet. */
export function defineThemes({ editor }: Pick<typeof Monaco, "editor">): void {
  for (const theme of ["light", "dark"] as const) {
    const accent = ACCENTS[theme];
    const ground = GROUNDS[theme];
    editor.defineTheme(EDITOR_THEMES[theme], {
      base: theme === "light" ? "vs" : "vs-dark",
      inherit: true,
      rules: RULES[theme],
      colors: {
        "editor.background": "#00000000",
        "editorLineNumber.foreground": LINE_NUMBERS[theme],
        "editorLineNumber.dimmedForeground": LINE_NUMBERS[theme],
        "scrollbar.shadow": "#00000000",
        "editorWidget.background": ground,
        "editorHoverWidget.background": ground,
        "editorSuggestWidget.background": ground,
        "editorSuggestWidget.selectedBackground": `${accent}33`,
        "editorSuggestWidget.selectedForeground": TEXTS[theme],
        "editorSuggestWidget.selectedIconForeground": TEXTS[theme],
        "editorSuggestWidget.highlightForeground": accent,
        "editorSuggestWidget.focusHighlightForeground": accent,
        "list.hoverBackground": `${accent}19`,
        "textLink.foreground": accent,
        "textLink.activeForeground": accent,
        "editorLink.activeForeground": accent,
        "menu.background": ground,
        "menu.selectionBackground": `${accent}33`,
        "menu.selectionForeground": TEXTS[theme],
        "quickInput.background": ground,
        "quickInputList.focusBackground": `${accent}33`,
        "quickInputList.focusForeground": TEXTS[theme],
        focusBorder: accent,
      },
    });
  }
}
