import type { ResultOf } from "../api/graphql";
import { graphql } from "../api/graphql";
import { compare } from "../api/positions";
import { EventParts, type LoggedEvent } from "./log";

export const OneEvent = graphql(
  `query OneEvent($id: ID!) {
    node(id: $id) { __typename ... on Event { ...EventParts data } }
    events(last: 1) { nodes { position } }
  }`,
  [EventParts],
);

export const Story = graphql(
  `query Story($correlationId: ID!) {
    events(first: 100, filter: { correlationId: $correlationId }) {
      nodes { ...EventParts }
      pageInfo { hasNextPage }
    }
  }`,
  [EventParts],
);

export const Neighbours = graphql(`
  query Neighbours($stream: String!, $cursor: String!) {
    before: events(last: 1, before: $cursor, filter: { stream: $stream }) { nodes { position type } }
    after: events(first: 1, after: $cursor, filter: { stream: $stream }) { nodes { position type } }
  }
`);

export type EventWithData = Extract<ResultOf<typeof OneEvent>["node"], { __typename: "Event" }>;

/** A command, what it stored, and the commands that processes sent thereupon. */
export interface CommandNode {
  key: string;
  commandId: string | null;
  actorId: string | null;
  events: readonly EventNode[];
}

export interface EventNode {
  event: LoggedEvent;
  commands: readonly CommandNode[];
}

/** What led to what: the events of one story, by the commands that stored them and the events that these followed from. */
export function storyOf(events: readonly LoggedEvent[]): readonly CommandNode[] {
  const known = new Set(events.map(({ id }) => id));
  const ordered = [...events].sort((one, other) => compare(one.position, other.position));
  const byCause = grouped(ordered, ({ causationId }) =>
    causationId !== null && known.has(causationId) ? causationId : null,
  );
  const commandsAfter = (cause: string | null): readonly CommandNode[] =>
    [...grouped(byCause.get(cause) ?? [], keyOf)].map(([key, stored]) => ({
      key,
      commandId: stored[0]?.commandId ?? null,
      actorId: stored[0]?.actorId ?? null,
      events: stored.map((event) => ({ event, commands: commandsAfter(event.id) })),
    }));
  return commandsAfter(null);
}

// Events of different causes are never of one command, but for one whose command nobody knows.
function keyOf({ commandId, id }: LoggedEvent): string {
  return commandId ?? id;
}

function grouped<K>(events: readonly LoggedEvent[], key: (event: LoggedEvent) => K): Map<K, LoggedEvent[]> {
  const groups = new Map<K, LoggedEvent[]>();
  for (const event of events) {
    const of = key(event);
    const group = groups.get(of);
    if (group) group.push(event);
    else groups.set(of, [event]);
  }
  return groups;
}
