import type { Fetcher, FetcherParams } from "@graphiql/toolkit";
import { type ExecutionResult, GraphQLError, getOperationAST, Kind, OperationTypeNode, parse } from "graphql";
import { createClient } from "graphql-ws";
import { retryDelay } from "../api/retry";

const PATH = "/graphql";

type Headers = Record<string, string>;

export interface Endpoint {
  fetcher: Fetcher;
  /** A running subscription starts again on a new socket, with the token that there is now. */
  reconnect: () => void;
}

/** The endpoint of this origin. `token` is asked for each request and each socket; `refused` hears that it was not good. */
export function endpoint(token: () => string | null, refused: () => void): Endpoint {
  // What the headers editor held at the last run: GraphiQL runs one operation at a time, so one socket serves it.
  let typed: Headers = {};
  const authorization = (): Headers => {
    const current = token();
    return current === null ? {} : { Authorization: `Bearer ${current}` };
  };
  const url = new URL(PATH, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const client = createClient({
    url: url.href,
    connectionParams: () => ({ ...authorization(), ...typed }),
    retryWait: (tries) => new Promise((resolve) => setTimeout(resolve, retryDelay(tries, Math.random()))),
  });
  return {
    fetcher: async (given, options) => {
      const params = meant(given);
      typed = options?.headers ?? {};
      // Its errors are as they travelled, which is all that GraphiQL wants of them: it prints them.
      if (isSubscription(params)) return explained(client.iterate(params) as AsyncIterableIterator<ExecutionResult>);
      // The schema is the same for everybody: a token that has ended must not take it away.
      const own = given.operationName === "IntrospectionQuery" ? {} : authorization();
      const result = await post(params, { ...own, ...typed });
      const isRefused = result.errors?.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED");
      if (isRefused && "Authorization" in own && !("Authorization" in typed)) refused();
      return result;
    },
    reconnect: () => client.terminate(),
  };
}

/** GraphiQL learns an operation's name a moment after the text: the only one of a text is meant, whatever its name was. */
export function meant(params: FetcherParams): FetcherParams {
  const { operationName, ...unnamed } = params;
  try {
    const operations = parse(params.query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? unnamed : params;
  } catch {
    return params;
  }
}

/** Whether an operation is a subscription. What cannot be parsed is not: the server says what is wrong with it. */
export function isSubscription({ query, operationName }: FetcherParams): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === OperationTypeNode.SUBSCRIPTION;
  } catch {
    return false;
  }
}

// What is thrown, GraphiQL shows with a stack: whoever looks at it wants the sentence.
const failure = (sentence: string): ExecutionResult => ({ errors: [new GraphQLError(sentence)] });

async function post(params: FetcherParams, headers: Headers): Promise<ExecutionResult> {
  const response = await fetch(PATH, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json;q=0.9",
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(params),
  }).catch(() => null);
  if (!response) return failure("The server cannot be reached.");
  if (response.headers.get("Content-Type")?.includes("json")) return response.json();
  return failure(`The server answered ${response.status}: ${await response.text()}`);
}

/** The same frames. Of a socket that was closed for good a sentence is the last of them. */
function explained(frames: AsyncIterableIterator<ExecutionResult>): AsyncIterableIterator<ExecutionResult> {
  const explain = (cause: unknown): IteratorResult<ExecutionResult> => {
    if (Array.isArray(cause)) return { done: false, value: { errors: cause } };
    const isClosed = cause instanceof CloseEvent && cause.code !== 1006;
    const why = isClosed ? `The connection was closed: ${cause.code} ${cause.reason}` : "The server cannot be reached.";
    return { done: false, value: failure(why) };
  };
  const same: AsyncIterableIterator<ExecutionResult> = {
    [Symbol.asyncIterator]: () => same,
    next: () => frames.next().catch(explain),
    // Not a generator: one that waits for the next frame would not stop until that frame is there.
    return: async () => (await frames.return?.()) ?? { done: true, value: undefined },
  };
  return same;
}
