// Monaco before GraphiQL: the later style sheet wins.
import * as monaco from "monaco-graphql/esm/monaco-editor.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./ide.css";
import { useGraphiQL } from "@graphiql/react";
import type { Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { useEffect } from "react";
import { watchViewer } from "../api/session";
import { defineThemes, EDITOR_THEMES } from "./editor-themes";
import { EXAMPLES } from "./examples";
import { linked } from "./linked";
import { plainTabs } from "./plain-tabs";
import { registerWorkers } from "./workers";

registerWorkers();
defineThemes(monaco);

const opened = linked(window.location.search);
const tabs = opened ? [opened, ...EXAMPLES] : EXAMPLES;
// The tab may be edited from here on; a link that stayed would open it again at each reload.
if (opened) window.history.replaceState(null, "", window.location.pathname);

const isNarrow = window.matchMedia("(max-width: 45rem)").matches;

interface Props {
  fetcher: Fetcher;
  theme: "light" | "dark";
}

/** GraphiQL as it comes, with our tabs and the desk's look. */
export default function Ide({ fetcher, theme }: Props) {
  return (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={tabs}
      {...(opened && { initialQuery: opened.query, initialVariables: opened.variables })}
      defaultEditorToolsVisibility={isNarrow ? false : "variables"}
      editorTheme={EDITOR_THEMES}
      forcedTheme={theme}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <Forgetting />
        <PlainTabs />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

/** What one viewer was answered is not for the next, in this tab or in another. */
function Forgetting() {
  const tabs = useGraphiQL((state) => state.tabs);
  const editor = useGraphiQL((state) => state.responseEditor);
  useEffect(
    () =>
      watchViewer(() => {
        for (const tab of tabs) tab.response = null;
        editor?.setValue("");
      }),
    [tabs, editor],
  );
  return null;
}

function PlainTabs() {
  useEffect(() => {
    const list = document.querySelector(".graphiql-tabs");
    return list ? plainTabs(list) : undefined;
  }, []);
  return null;
}
