import type { DocumentInput } from "@urql/core";
import { stringifyDocument } from "@urql/core";

/** A link that opens an operation in GraphiQL, in a tab of its own. */
export function graphiqlLink<Variables extends object>(
  document: DocumentInput<unknown, Variables>,
  variables?: Variables,
): string {
  const parameters = new URLSearchParams({ query: stringifyDocument(document) });
  if (variables && Object.keys(variables).length > 0) parameters.set("variables", JSON.stringify(variables));
  return `/graphiql?${parameters}`;
}
