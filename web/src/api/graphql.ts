import { initGraphQLTada, type TadaDocumentNode } from "gql.tada";
import type { introspection } from "./graphql-env";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { Position: string; Decimal: string; DateTime: string; ID: string; JSON: unknown };
}>();

/** The field that an operation asks for first. */
export function rootField(document: TadaDocumentNode<unknown, never>): string {
  const operation = document.definitions.find((definition) => definition.kind === "OperationDefinition");
  const field = operation?.selectionSet.selections[0];
  return field && "name" in field ? field.name.value : "";
}

export type { FragmentOf, ResultOf, VariablesOf } from "gql.tada";

/** What every mutation selects of its payload, so that an intent can be made of it. */
export const Answer = graphql(`
  fragment Answer on CommandPayload {
    receipt { commandId position stream version acceptedAt replayed }
    errors {
      __typename
      code
      message
      path
      ... on VersionConflict { expected actual }
      ... on NotAllowedNow { state }
      ... on InsufficientStock { medicineId requested available }
    }
  }
`);

/** Somebody as the desk needs to know them while they are signed in. */
export const ViewerParts = graphql(`
  fragment ViewerParts on User { id email firstName lastName role }
`);
