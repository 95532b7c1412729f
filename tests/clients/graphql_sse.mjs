// The client of the package graphql-sse, in its distinct connections mode: `node graphql_sse.mjs <scenario> <url> <token>`.
import { createClient } from "graphql-sse";

const [scenario, url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const client = createClient({ url, headers, retryAttempts: 0 });

const WRITE = `mutation ($key: String!, $id: ID!) {
  writeRecord(input: { key: $key, value: "1", commandId: $id }) { errors { code } }
}`;
const RECORDS = "subscription { records { kind since position upserted { key } removed } }";

async function whole(query, variables) {
  const results = [];
  try {
    for await (const result of client.iterate({ query, variables })) {
      const { data, errors } = result; // not what is said of the cost
      results.push(errors ? { data, errors } : { data });
    }
    return { results, end: "complete" };
  } catch (error) {
    return { results, end: error.response ? error.response.status : String(error) };
  }
}

/** The events of a response, of which each may have an id, until one has rows. */
async function events(headersToo = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, ...headersToo, accept: "text/event-stream", "content-type": "application/json" },
    body: JSON.stringify({ query: RECORDS }),
  });
  const found = [];
  let text = "";
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = block.split("\n").map((line) => line.split(/: ?/, 1).concat(line.replace(/^[^:]*: ?/, "")));
      const event = Object.fromEntries(fields.filter(([name]) => name));
      if (event.data) found.push({ ...event, data: JSON.parse(event.data).data.records });
      if (found.at(-1)?.data.upserted.length) return found;
    }
  }
  return found;
}

const write = (key) => whole(WRITE, { key, id: key });
const scenarios = {
  async everything() {
    const seen = { written: await write("a"), queried: await whole("{ records { nodes { key } } }") };
    const records = client.iterate({ query: RECORDS });
    seen.frames = [(await records.next()).value.data.records];
    await write("b");
    seen.frames.push((await records.next()).value.data.records);
    await records.return();
    seen.progress = await whole(`subscription { command(id: "b") { isComplete } }`);
    seen.unknown = await whole("subscription { nothing }");

    // By hand, as EventSource does it: the id of the last event goes back when the connection was lost.
    const [snapshot] = await events();
    await write("c");
    const missed = await events({ "last-event-id": snapshot.id });
    seen.resumed = { snapshot, missed };
    return seen;
  },

  /** A follower whose stream the server ends over and over: with each it goes on from its position, until it sees the last step. */
  async ended() {
    let position = null;
    let connections = 0;
    const variables = {
      get after() {
        return position;
      },
    };
    const patient = createClient({ url, headers, retryAttempts: Infinity, retry: async () => {}, on: { connected: () => connections++ } });
    const query = "subscription ($after: Position) { records(after: $after, prefix: \"step\") { kind since position upserted { key } } }";
    const chain = [];
    // Not iterate(), which takes in frames ahead of whoever goes through them: the position would lag behind at a new start.
    await new Promise((resolve, reject) => {
      const next = ({ data }) => {
        const { kind, since, upserted } = data.records;
        if (upserted.length) chain.push([kind, position === null || since === position, upserted.map(({ key }) => key)]);
        position = data.records.position;
        write(`seen-${connections}`).catch(reject);
        if (upserted.some(({ key }) => key === "step-3")) resolve();
      };
      patient.subscribe({ query, variables }, { next, error: reject, complete: resolve });
    });
    return { connections, chain };
  },
};

process.stdout.write(JSON.stringify(await scenarios[scenario]()), () => process.exit());
