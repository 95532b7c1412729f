// Apollo Client, queries and mutations by HTTP, subscriptions by graphql-ws: `node apollo.mjs <url> <ws url> <token>`.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, ws, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const socket = createClient({ url: ws, webSocketImpl: WebSocket, connectionParams: headers });
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers }),
  ),
});

const WRITE = gql`
  mutation ($key: String!, $value: String!) {
    writeRecord(input: { key: $key, value: $value }) {
      errors { code }
      record { id key value }
    }
  }
`;
const RECORDS = gql`
  query { records { nodes { id key value } } }
`;

/** The values of a stream, until it gives "three". */
const until = (stream, valueOf) =>
  new Promise((done, failed) => {
    const values = [];
    const subscription = stream.subscribe({
      next(result) {
        if (result.error) return failed(result.error);
        const value = valueOf(result.data);
        if (value === undefined) return;
        values.push(value);
        if (value !== "three") return;
        queueMicrotask(() => subscription.unsubscribe());
        done(values);
      },
      error: failed,
    });
  });

const code = async (promise) => {
  try {
    return await promise;
  } catch (error) {
    return CombinedGraphQLErrors.is(error) ? error.errors.map(({ extensions }) => extensions.code) : String(error);
  }
};

const seen = {};
const written = await client.mutate({ mutation: WRITE, variables: { key: "a", value: "one" } });
seen.written = written.data;
seen.queried = (await client.query({ query: RECORDS })).data;
seen.cached = client.cache.extract()["Record:record_a"];

// What a subscription brings changes what a query shows, through the cache, by type name and id.
const shown = until(client.watchQuery({ query: RECORDS, fetchPolicy: "cache-only" }), (data) => data?.records.nodes[0]?.value);
const pushed = until(
  client.subscribe({ query: gql`subscription { record(key: "a") { id key value } }` }),
  (data) => data.record.value,
);
const followed = until(
  client.subscribe({ query: gql`subscription { records { kind since position upserted { id value } removed } }` }),
  (data) => data.records.upserted[0]?.value,
);
const write = (value) => socket.iterate({ query: WRITE.loc.source.body, variables: { key: "a", value } }).next();
await new Promise((begun) => client.subscribe({ query: gql`subscription { record(key: "a") { id } }` }).subscribe(begun));
await write("two");
await write("three");
seen.shown = (await shown).at(-1);
seen.pushed = (await pushed).at(-1);
seen.followed = (await followed).at(-1);

seen.refused = await code(client.query({ query: gql`query { nothing }` }));
seen.missing = await code(client.query({ query: gql`query ($key: String!) { record(key: $key) { id } }`, variables: {} }));
process.stdout.write(JSON.stringify(seen), () => process.exit());
