import { expect, test } from "vitest";
import { isOtherPage, nextOf } from "./next";

const ORIGIN = "http://shop.example";
const next = (path: string) => nextOf(`next=${encodeURIComponent(path)}`, ORIGIN);

test.each(["/", "/orders/a", "/console/events?type=a&q=%2F", "/graphiql?query=%7B%20me%20%7D", "/a#b"])(
  "%s is a path of this server",
  (path) => {
    expect(next(path)).toBe(path);
  },
);

test.each([
  "//else.example/a",
  "/\\else.example",
  "\\\\else.example",
  "/\t/else.example",
  "/.//else.example",
  "/a/..//else.example",
  "http://else.example",
  `${ORIGIN}/orders`,
  "javascript:alert(1)",
  "orders",
  "",
])("%j leads to the catalogue", (path) => {
  expect(next(path)).toBe("/");
});

test("without one it goes on to the catalogue", () => {
  expect(nextOf("", ORIGIN)).toBe("/");
});

test("of all paths only GraphiQL's is another page", () => {
  expect(["/graphiql", "/graphiql?query=a", "/graphiqls", "/orders", "/"].map(isOtherPage)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
