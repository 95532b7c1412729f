// Bundled by our own build: the helper that the package offers for this does not survive the dev server.
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphqlWorker from "./graphql.worker?worker";

const workers: Record<string, new (options: { name: string }) => Worker> = { graphql: GraphqlWorker, json: JsonWorker };

export function registerWorkers(): void {
  const environment = {
    getWorker: (_: string, label: string) => new (workers[label] ?? EditorWorker)({ name: label }),
  };
  Object.assign(globalThis, { MonacoEnvironment: environment });
}
