import { expect, test } from "vitest";
import { isSubscription, meant } from "./fetcher";

const TWO = "query Now { medicines { position } } subscription Live { medicines { position } }";

test("of two operations the one that is run decides", () => {
  expect(isSubscription({ query: TWO, operationName: "Live" })).toBe(true);
  expect(isSubscription({ query: TWO, operationName: "Now" })).toBe(false);
});

test("the only operation needs no name", () => {
  expect(isSubscription({ query: "subscription { medicines { position } }" })).toBe(true);
});

test("what cannot be parsed goes to the server, which says what is wrong", () => {
  expect(isSubscription({ query: "subscription {" })).toBe(false);
});

test("the only operation of a text is meant, whatever name is still remembered", () => {
  expect(meant({ query: "subscription Live { a }", operationName: "Now" })).toEqual({
    query: "subscription Live { a }",
  });
  expect(meant({ query: TWO, operationName: "Now" })).toEqual({ query: TWO, operationName: "Now" });
  expect(meant({ query: "{", operationName: "Now" })).toEqual({ query: "{", operationName: "Now" });
});
