import { parse } from "graphql";
import { expect, test } from "vitest";
import { linked } from "../graphiql/linked";
import { graphiqlLink } from "./graphiql-link";

const opened = (link: string) => linked(new URL(link, "http://here").search);

test("a document and its variables arrive as a person would write them", () => {
  const document = parse(
    "query Medicine($id: ID!) { medicine(id: $id) { ...Parts } } fragment Parts on Medicine { name }",
  );
  expect(opened(graphiqlLink(document, { id: "a&b=ü" }))).toEqual({
    query: `query Medicine($id: ID!) {
  medicine(id: $id) {
    ...Parts
  }
}

fragment Parts on Medicine {
  name
}`,
    variables: '{\n  "id": "a&b=ü"\n}',
  });
});

test("a link that somebody wrote keeps its comments and needs no variables", () => {
  const query = "# What the shop sells\n{ medicines { nodes { name } } }";
  expect(opened(`/graphiql?${new URLSearchParams({ query })}`)).toEqual({ query, variables: "" });
});

test("what is no query and no JSON is shown as it is", () => {
  expect(opened("/graphiql?query=%7B&variables=%7B")).toEqual({ query: "{", variables: "{" });
});

test("no query, no tab", () => {
  expect(opened("/graphiql?variables=%7B%7D")).toBeNull();
});
