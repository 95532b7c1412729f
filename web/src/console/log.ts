import { graphql, type ResultOf } from "../api/graphql";

/** An event without its facts. */
export const EventParts = graphql(`
  fragment EventParts on Event { id position stream version type recordedAt commandId correlationId causationId actorId }
`);

export const NewestEvents = graphql(
  `query NewestEvents($filter: EventFilter, $before: String) {
    events(last: 100, before: $before, filter: $filter) {
      nodes { ...EventParts }
      pageInfo { hasPreviousPage startCursor }
      position
    }
  }`,
  [EventParts],
);

export const Events = graphql(
  `subscription Events($filter: EventFilter, $after: Position) {
    events(filter: $filter, after: $after) { since position events { ...EventParts } }
  }`,
  [EventParts],
);

/** The cursor of an event is found among those that its command stored. */
export const CursorOf = graphql(`
  query CursorOf($commandId: ID!) {
    events(first: 100, filter: { commandId: $commandId }) { edges { cursor node { position } } }
  }
`);

export const People = graphql(`
  query Actors($ids: [ID!]!) { users(first: 100, filter: { ids: $ids }) { nodes { id firstName lastName email } } }
`);

export type LoggedEvent = ResultOf<typeof EventParts>;
export type Page = ResultOf<typeof NewestEvents>["events"];

/** Who did it: a process by its name, a user by their id. */
export function actorText(actorId: string | null): string {
  if (actorId === null) return "nobody signed in";
  return actorId.startsWith("process/") ? actorId.slice("process/".length) : actorId;
}

/** Long ids are told by their beginning. The whole one belongs in the title. */
export function shortId(id: string): string {
  return id.length > 14 ? `${id.slice(0, 12)}…` : id;
}
