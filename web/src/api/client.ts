import {
  type Client,
  type CombinedError,
  createClient,
  fetchExchange,
  mapExchange,
  stringifyDocument,
} from "@urql/core";
import type { TadaDocumentNode } from "gql.tada";
import { createClient as createSocket, type Client as Socket } from "graphql-ws";
import { connection, holdBack, hurry, isHeldBack, pause } from "./connection";
import { retryDelay } from "./retry";
import { EXPIRED, endSession, getSession, watchViewer } from "./session";

/** A top-level error: the request failed, and no rule has spoken. */
export interface Problem {
  code: string;
  message: string;
}

function headers(): Record<string, string> {
  const token = getSession()?.token;
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** As the browser's own, unless the plug is pulled: then as in a tunnel. */
export const pluggedFetch: typeof fetch = (input, init) =>
  isHeldBack() ? Promise.reject(new TypeError("The plug is pulled.")) : fetch(input, init);

/**
 * For queries and mutations. Nothing is cached: what is to stay current is followed. Each viewer has one of their own, as
 * it gives the newest answer at once to whoever asks the same while somebody still looks at it.
 */
export let client = openClient();

function openClient(): Client {
  const opened = createClient({
    url: "/graphql",
    preferGetMethod: false,
    fetch: pluggedFetch,
    fetchOptions: () => ({ headers: headers() }),
    exchanges: [
      mapExchange({
        onError(error) {
          // An answer that was for somebody else says nothing about who is signed in now.
          const refusal = error.graphQLErrors[0];
          if (opened !== client || refusal?.extensions.code !== "UNAUTHENTICATED" || !getSession()) return;
          endSession("accountStatus" in refusal.extensions ? refusal.message : EXPIRED);
        },
      }),
      fetchExchange,
    ],
  });
  return opened;
}

export function problemOf(error: CombinedError): Problem {
  const first = error.graphQLErrors[0];
  if (first) return { code: String(first.extensions.code ?? "INTERNAL"), message: first.message };
  return { code: "NETWORK", message: "The server cannot be reached." };
}

// ---------------------------------------------------------------- the socket

const PASSING = ["UNAVAILABLE", "INTERNAL", "RATE_LIMITED"];
const PONG_WITHIN_MS = 5_000;
const refused = new Set<() => void>();
const stranded = new Set<() => void>();
let fatal = 0;
let socket = openSocket();

/** Called when the server does not take the token (any more). */
export function onTokenRefused(listener: () => void): void {
  refused.add(listener);
}

function openSocket(): Socket {
  let pongIsLate: ReturnType<typeof setTimeout> | undefined;
  const opened = createSocket({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    connectionParams: () => {
      const token = getSession()?.token;
      return token ? { Authorization: `Bearer ${token}` } : {};
    },
    lazy: false,
    keepAlive: 10_000,
    connectionAckWaitTimeout: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: pause,
    onNonLazyError: () => void openAgain(),
    on: {
      connecting: () => connection.set({ state: "connecting" }),
      connected() {
        fatal = 0;
        connection.set({ state: "connected" });
      },
      ping(isReceived) {
        if (!isReceived) pongIsLate = setTimeout(() => opened.terminate(), PONG_WITHIN_MS);
      },
      pong(isReceived) {
        if (isReceived) clearTimeout(pongIsLate);
      },
      closed(event) {
        clearTimeout(pongIsLate);
        if (isClose(event) && event.code === 4403) for (const listener of refused) listener();
      },
    },
  });
  return opened;
}

// graphql-ws gives up after the close codes that mean a fault. The desk goes on trying: a server is mended, a page stays.
async function openAgain(): Promise<void> {
  await pause(fatal++);
  socket = openSocket();
  const waiting = [...stranded];
  stranded.clear();
  for (const start of waiting) start();
}

function isClose(event: unknown): event is { code: number } {
  return typeof event === "object" && event !== null && "code" in event && "reason" in event;
}

export interface Sink<R> {
  next(data: R): void;
  /** It failed for the time being, for the nth time in a row from 0, and is asked for again by and by. */
  stumble?(problem: Problem, times: number): void;
  /** The operation is over; it is not asked for again. */
  error?(problem: Problem): void;
  complete?(): void;
}

/**
 * Follow a document over the socket, through every loss of it, until the function that comes back is called. The
 * variables are read anew for each connection, so a getter among them can name where to go on from.
 */
export function subscribe<R, V extends object>(
  document: TadaDocumentNode<R, V>,
  variables: V,
  sink: Sink<R>,
): () => void {
  const query = stringifyDocument(document);
  let stop = () => {};
  let times = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fail = (errors: readonly { message: string; extensions?: Record<string, unknown> | undefined }[]) => {
    const first = errors[0];
    stop();
    const code = String(first?.extensions?.code ?? "INTERNAL");
    const problem = { code, message: first?.message ?? "It failed." };
    if (!PASSING.includes(code)) return sink.error?.(problem);
    sink.stumble?.(problem, times);
    timer = setTimeout(start, retryDelay(times++, Math.random()));
  };
  const start = () => {
    stop = socket.subscribe<R>(
      { query, variables: variables as Record<string, unknown> },
      {
        next({ data, errors }) {
          if (!data) return fail(errors ?? []);
          times = 0;
          sink.next(data);
        },
        error: (reason) => (Array.isArray(reason) ? fail(reason) : stranded.add(start)),
        complete: () => sink.complete?.(),
      },
    );
  };
  start();
  return () => {
    stranded.delete(start);
    clearTimeout(timer);
    stop();
  };
}

/** Cut the connection, as a tunnel does. It comes back by itself. */
export function dropSocket(): void {
  socket.terminate();
}

/** Cut the connection and keep it cut for some seconds, also for queries and commands. */
export function pullPlug(seconds: number): void {
  holdBack(seconds);
  socket.terminate();
}

// A socket belongs to one viewer with one role.
watchViewer(() => {
  client = openClient();
  hurry();
  socket.terminate();
});
