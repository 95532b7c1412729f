import { parse, print } from "graphql";

export interface Tab {
  query: string;
  variables: string;
}

/** The tab that a link asks for, if it does. See api/graphiql-link.ts, which makes such links. */
export function linked(search: string): Tab | null {
  const parameters = new URLSearchParams(search);
  const query = parameters.get("query");
  return query ? { query: laidOut(query), variables: indented(parameters.get("variables") ?? "") } : null;
}

// Comments would be lost: who wrote them has laid out the query too.
function laidOut(query: string): string {
  if (query.includes("#")) return query;
  try {
    return print(parse(query));
  } catch {
    return query;
  }
}

function indented(variables: string): string {
  try {
    return JSON.stringify(JSON.parse(variables), null, 2);
  } catch {
    return variables;
  }
}
