import { expect, test } from "vitest";
import { retryDelay } from "./retry";

test("the first try comes soon, and none waits longer than fifteen seconds", () => {
  expect(retryDelay(0, 1)).toBe(500);
  expect(retryDelay(10_000, 1)).toBe(15_000);
});

test("each pause is up to twice the one before, and chance takes at most half of it", () => {
  expect(retryDelay(3, 1)).toBe(2 * retryDelay(2, 1));
  expect(retryDelay(3, 0)).toBe(retryDelay(3, 1) / 2);
});
