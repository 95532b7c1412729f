import { expect, test } from "vitest";
import { everyDay } from "./days";

const NOW = new Date("2030-03-02T23:59:59Z");
const FIGURES = [
  { day: "2030-02-27", orders: 3, revenue: { amount: "12.50" } },
  { day: "2030-03-01", orders: 1, revenue: { amount: "-4.00" } },
];

test("days on which nothing happened are days too, up to today", () => {
  expect(everyDay(FIGURES, 3, NOW)).toEqual([
    { day: "2030-02-28", at: 1_898_467_200, orders: 0, revenue: 0 },
    { day: "2030-03-01", at: 1_898_553_600, orders: 1, revenue: -4 },
    { day: "2030-03-02", at: 1_898_640_000, orders: 0, revenue: 0 },
  ]);
});

test("all days are those since the first on which something happened", () => {
  expect(everyDay(FIGURES, null, NOW).map(({ day }) => day)).toEqual([
    "2030-02-27",
    "2030-02-28",
    "2030-03-01",
    "2030-03-02",
  ]);
});

test("before anything happened there is today", () => {
  expect(everyDay([], null, NOW).map(({ day, orders }) => [day, orders])).toEqual([["2030-03-02", 0]]);
});
