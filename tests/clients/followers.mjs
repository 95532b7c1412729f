// Followers of the records, with graphql-ws: `node followers.mjs <[{url, token}] as JSON>`. Each goes on from its position.
// A line of the input reads `terminate <number>`; `until <position>` asks for the report, once all have come that far.
import { createInterface } from "node:readline";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const FOLLOW = `subscription ($after: Position) {
  records(after: $after) { kind since position more upserted { id value writeCount } removed }
}`;

class Follower {
  rows = {};
  position = null;
  connections = 0;
  frames = { SNAPSHOT: 0, CHANGES: 0, RESET: 0 };
  holes = [];
  ended = null;
  moved = () => {};

  constructor({ url, token }) {
    this.client = createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: `Bearer ${token}` },
      shouldRetry: () => true,
      retryAttempts: Infinity,
      retryWait: () => new Promise((done) => setTimeout(done, 100)),
      on: { connected: () => this.connections++ },
    });
    const follower = this;
    const variables = {
      // Read anew for each connection, when the message is made.
      get after() {
        return follower.position;
      },
    };
    this.client.subscribe(
      { query: FOLLOW, variables },
      {
        next: ({ data, errors }) => (data ? this.apply(data.records) : (this.ended = errors)),
        error: (error) => (this.ended = Array.isArray(error) ? error : String(error.code ?? error)),
        complete: () => (this.ended ??= "complete"),
      },
    );
  }

  apply({ kind, since, position, upserted, removed }) {
    this.frames[kind]++;
    if (this.position !== null && since !== this.position) this.holes.push([this.position, since, kind]);
    for (const row of upserted) this.rows[row.id] = row;
    for (const id of removed) delete this.rows[id];
    this.position = position;
    this.moved();
  }

  async until(position) {
    while (BigInt(this.position ?? 0) < BigInt(position)) await new Promise((moved) => (this.moved = moved));
    const { rows, connections, frames, holes, ended } = this;
    return { rows, connections, frames, holes, ended };
  }
}

const followers = JSON.parse(process.argv[2]).map((each) => new Follower(each));
for await (const line of createInterface({ input: process.stdin })) {
  const [word, value] = line.split(" ");
  if (word === "terminate") followers[value].client.terminate();
  if (word === "until") {
    const reports = await Promise.all(followers.map((each) => each.until(value)));
    process.stdout.write(JSON.stringify(reports), () => process.exit());
  }
}
