// urql: `node urql.mjs <url> <ws url> <token>`. Subscriptions once by graphql-ws and once by server-sent events.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

// What it says when its own reader leaves a stream.
process.on("unhandledRejection", (error) => {
  if (error.name !== "AbortError") throw error;
});
const [url, ws, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const socket = createClient({ url: ws, webSocketImpl: WebSocket, connectionParams: headers });
const options = { url, preferGetMethod: false, fetchOptions: { headers } };
const bySocket = new Client({
  ...options,
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? "", variables }, sink) }),
      }),
    }),
  ],
});
const byStream = new Client({ ...options, fetchSubscriptions: true, exchanges: [fetchExchange] });
const byGet = new Client({ ...options, preferGetMethod: "force", exchanges: [fetchExchange] });

const WRITE = `mutation ($key: String!, $value: String!) {
  writeRecord(input: { key: $key, value: $value }) { errors { code } record { id key value } }
}`;
const FOLLOW = `subscription { records { kind upserted { id value } removed } }`;

const write = (key, value) => bySocket.mutation(WRITE, { key, value }).toPromise();

/** The snapshot, and the frame that a write brings then. */
function followed(client, key) {
  return new Promise((done, failed) => {
    const frames = [];
    const { unsubscribe } = client.subscription(FOLLOW, {}).subscribe(({ data, error }) => {
      if (error) return failed(error);
      frames.push(data.records);
      if (frames.length === 1) write(key, "1");
      if (frames.length === 2) {
        unsubscribe();
        done(frames);
      }
    });
  });
}

const codes = ({ error }) => error?.graphQLErrors.map(({ extensions }) => extensions.code);
const seen = { written: (await write("a", "1")).data };
seen.queried = (await bySocket.query("{ records { nodes { id value } } }", {}).toPromise()).data;
seen.byGet = (await byGet.query("{ records { nodes { id value } } }", {}).toPromise()).data;
seen.bySocket = await followed(bySocket, "b");
seen.byStream = await followed(byStream, "c");
seen.refused = codes(await bySocket.query("{ nothing }", {}).toPromise());
const forbidden = (client) =>
  new Promise((done) => {
    const { unsubscribe } = client.subscription("subscription { nothing }", {}).subscribe((result) => {
      queueMicrotask(() => unsubscribe());
      done(codes(result));
    });
  });
seen.unknown = [await forbidden(bySocket), await forbidden(byStream)];
process.stdout.write(JSON.stringify(seen), () => process.exit());
