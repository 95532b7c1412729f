// The client of the package graphql-ws: `node graphql_ws.mjs <scenario> <url> <tokens as JSON>`.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [scenario, url, tokens] = process.argv.slice(2);
const token = JSON.parse(tokens);

const RECORDS = "subscription { records { kind upserted { key value } removed } }";
const WRITE = `mutation ($key: String!, $value: String!, $id: ID!) {
  writeRecord(input: { key: $key, value: $value, commandId: $id }) { receipt { version } errors { code } record { key value } }
}`;

/** A client that writes down what happens to its socket. */
function connected(as, options = {}) {
  const events = [];
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: async () => (token[as] ? { Authorization: `Bearer ${token[as]}` } : undefined),
    retryAttempts: 0,
    onNonLazyError: () => {},
    on: {
      connected: (_socket, payload, again) => events.push(["connected", payload ?? null, again]),
      closed: ({ code, reason }) => events.push(["closed", code, reason]),
    },
    ...options,
  });
  return { client, events };
}

/** Close a client's socket, and wait until it is. */
async function close(client) {
  const closed = new Promise((done) => client.on("closed", done));
  await client.dispose();
  await closed;
}

/** All that an operation gives, and how it ends. */
async function whole(client, query, variables) {
  const results = [];
  try {
    for await (const result of client.iterate({ query, variables })) results.push(result);
    return { results, end: "complete" };
  } catch (error) {
    return { results, end: Array.isArray(error) ? error : { code: error.code, reason: error.reason } };
  }
}

const data = async (client, query, variables) => (await whole(client, query, variables)).results[0].data;

const scenarios = {
  /** Every kind of operation, on one socket that is there from the start. */
  async everything() {
    const { client, events } = connected("staff", { lazy: false });
    const seen = { me: await whole(client, "{ me { id } }") };
    const records = client.iterate({ query: RECORDS });
    seen.snapshot = (await records.next()).value;
    seen.written = await whole(client, WRITE, { key: "a", value: "1", id: "c" });
    seen.change = (await records.next()).value;
    await records.return();
    seen.progress = await whole(client, `subscription { command(id: "c") { isComplete events { type } } }`);
    seen.unknown = await whole(client, "{ nothing }");
    seen.unreadable = await whole(client, "{ ");
    seen.missing = await whole(client, "query ($key: String!) { record(key: $key) { key } }");
    const many = Array.from({ length: 50 }, (_, number) => number);
    const answers = many.map((number) =>
      data(client, "query ($key: String!) { record(key: $key) { value } }", { key: number % 2 ? "a" : "b" }),
    );
    seen.many = await Promise.all(answers);
    await close(client);
    return { ...seen, events };
  },

  /** A socket that is opened for the first operation and closed after the last. */
  async lazy() {
    const { client, events } = connected("nobody");
    const before = [...events];
    const closed = () => new Promise((done) => client.on("closed", done));
    const [first] = await Promise.all([whole(client, "{ __typename }"), closed()]);
    const [second] = await Promise.all([whole(client, "{ __typename }"), closed()]);
    return { before, first, second, events };
  },

  /** What the server does not let this viewer do, while the socket lives on. */
  async forbidden() {
    const { client, events } = connected("customer", { lazy: false });
    const subscription = await whole(client, "subscription { events { position } }");
    const mutation = await whole(client, WRITE, { key: "a", value: "1", id: "c" });
    const me = await whole(client, "{ me { id } }");
    await close(client);
    return { subscription, mutation, me, events };
  },

  /** A token that is none. */
  async stranger() {
    const { client, events } = connected("forged");
    return { ended: await whole(client, "{ __typename }"), events };
  },

  /** The client's own pings, while nothing else happens. */
  async pings() {
    const { client, events } = connected("nobody", { lazy: false, keepAlive: 20 });
    const pongs = [];
    await new Promise((enough) =>
      client.on("pong", (received, payload) => {
        pongs.push([received, payload ?? null]);
        if (pongs.length === 5) enough();
      }),
    );
    await close(client);
    return { pongs, events };
  },

  /** One id for all operations, one after another, each given up by the client. */
  async reuse() {
    const { client, events } = connected("nobody", { lazy: false, generateID: () => "the one" });
    const kinds = [];
    for (let turn = 0; turn < 50; turn++) {
      const records = client.iterate({ query: RECORDS });
      kinds.push((await records.next()).value.data.records.kind);
      await records.return();
    }
    await close(client);
    return { kinds, events };
  },

  /** Followers that go on, or give up, after the server has closed their sockets, each with the code that it is named by. */
  async closed() {
    const codes = Object.keys(token).filter((name) => name !== "staff");
    const followers = codes.map((code) => {
      const { client, events } = connected(code, { retryAttempts: 1, retryWait: async () => {} });
      const records = client.iterate({ query: RECORDS });
      return { code, client, events, records, first: records.next() };
    });
    await Promise.all(followers.map(({ first }) => first));
    await data(connected("staff").client, WRITE, { key: "ready", value: "", id: "c" });
    const outcomes = followers.map(async ({ code, client, events, records }) => {
      let outcome = "CHANGES"; // which says ready, and comes before the close or not at all
      try {
        while (outcome === "CHANGES") outcome = (await records.next()).value.data.records.kind;
      } catch {
        outcome = "given up";
      }
      await client.dispose();
      return [code, { outcome, closed: events.find(([event]) => event === "closed").slice(1) }];
    });
    return Object.fromEntries(await Promise.all(outcomes));
  },
};

process.stdout.write(JSON.stringify(await scenarios[scenario]()), () => process.exit());
