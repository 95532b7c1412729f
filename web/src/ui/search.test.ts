import { expect, test } from "vitest";
import { matcher } from "./search";

test("every word begins a word, in any order", () => {
  const matches = matcher("lov  AD");
  expect(matches("Ada Lovelace", "ada@example.org")).toBe(true);
  expect(matches("Ada Byron", "ada@example.org")).toBe(false);
});

test("accents and capitals do not count, and nothing typed matches all", () => {
  expect(matcher("gödel")("Kurt Godel")).toBe(true);
  expect(matcher("godel")("Kurt GÖDEL")).toBe(true);
  expect(matcher(" ")("")).toBe(true);
});

test("the middle of a word is not its beginning, and a part of an address is a word", () => {
  expect(matcher("lace")("Lovelace")).toBe(false);
  expect(matcher("example.org")("ada@example.org")).toBe(true);
});
