import { stringifyDocument } from "@urql/core";
import type { TadaDocumentNode } from "gql.tada";
import { getViewer, watchViewer } from "./session";

/** One subscription and those who look at it. It begins with the first of them, and lingers for a while after the last. */
export interface Entry<S> {
  get(): S | null;
  follow(listener: () => void): () => void;
  reload(): void;
  close(): void;
}

/** Where an entry has it from. */
export interface Source<S> {
  get(): S;
  start(changed: () => void): void;
  stop(): void;
}

const LINGERS_MS = 20_000;
const entries = new Map<string, Entry<unknown>>();
const IDLE: Entry<never> = { get: () => null, follow: () => () => {}, reload() {}, close() {} };
const texts = new WeakMap<object, string>();

/** The entry of whoever looks at the same already, or a new one. With null for variables it is one that stays empty. */
export function shared<R, V extends object, S>(
  document: TadaDocumentNode<R, V>,
  variables: object | null,
  make: (variables: object) => Source<S>,
): Entry<S> {
  if (!variables) return IDLE;
  const text = texts.get(document) ?? stringifyDocument(document);
  texts.set(document, text);
  const viewer = getViewer();
  const key = `${viewer?.id} ${viewer?.role} ${text} ${JSON.stringify(variables)}`;
  const known = entries.get(key) as Entry<S> | undefined;
  if (known) return known;
  const entry = entryOf(make(variables), () => {
    if (entries.get(key) === entry) entries.delete(key);
  });
  entries.set(key, entry);
  return entry;
}

function entryOf<S>(source: Source<S>, forget: () => void): Entry<S> {
  const listeners = new Set<() => void>();
  let isRunning = false;
  let isTold = true;
  let closing: ReturnType<typeof setTimeout> | undefined;
  let shown = source.get();
  // Frames may come faster than a screen can show them. A page in the background gets no animation frames.
  const changed = () => {
    if (!isTold) return;
    isTold = false;
    const tell = () => {
      isTold = true;
      shown = source.get();
      for (const listener of [...listeners]) listener();
    };
    if (globalThis.document.visibilityState === "visible") requestAnimationFrame(tell);
    else setTimeout(tell, 100);
  };
  const close = () => {
    clearTimeout(closing);
    if (isRunning) source.stop();
    isRunning = false;
    forget();
  };
  return {
    get: () => shown,
    follow(listener) {
      clearTimeout(closing);
      listeners.add(listener);
      if (!isRunning) source.start(changed);
      isRunning = true;
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) closing = setTimeout(close, LINGERS_MS);
      };
    },
    reload() {
      if (!isRunning) return;
      source.stop();
      source.start(changed);
    },
    close,
  };
}

// What one viewer sees is not for the next.
watchViewer(() => {
  for (const entry of [...entries.values()]) entry.close();
});
