import { expect, test } from "vitest";
import { type Action, changes, type Intents, makes, mayBeSentAgain, NO_INTENTS, type Receipt, reduce } from "./intent";
import { overlay } from "./overlay";

interface Medicine {
  id: string;
  position: string;
  price: string;
}

const dearer = changes<Medicine>("medicines", "m1", { price: "3.00" });
const sent = {
  type: "sent",
  commandId: "c1",
  name: "changeMedicinePrice",
  title: "Price",
  effects: [dearer],
  at: 0,
  now: "",
} as const;

function receipt(position: string): Receipt {
  return { commandId: "c1", position, stream: "medicine-m1", version: 2, acceptedAt: "", replayed: false };
}

const stored = { type: "stored", commandId: "c1", receipt: receipt("9"), at: 5 } as const;

function after(...actions: Action[]): Intents {
  return actions.reduce(reduce, NO_INTENTS);
}

function other(number: number): Action {
  return { ...sent, commandId: `other${number}`, effects: [] };
}

function seen(position: string): Action {
  return { type: "frame", view: "medicines", position, at: 8 };
}

function over(intents: Intents, position: string, rowPosition = "4") {
  const rows = new Map([["m1", { id: "m1", position: rowPosition, price: "1.00" }]]);
  const { rows: now, states, behind } = overlay<Medicine>("medicines", { rows, position }, intents.list);
  return { price: now.get("m1")?.price, state: states.get("m1")?.state, behind };
}

test("a sent write is over its row at once", () => {
  expect(over(after(sent), "7")).toEqual({ price: "3.00", state: "sent", behind: 0 });
});

test("a stored write stays over its row until the view has reached the receipt", () => {
  expect(over(after(sent, stored), "8")).toEqual({ price: "3.00", state: "stored", behind: 1 });
  const intents = after(sent, stored, seen("9"));
  expect(over(intents, "9")).toEqual({ price: "1.00", state: "shown", behind: 0 });
  expect(intents.list[0]).toMatchObject({ shownAt: 8, arrivals: [{ view: "medicines", position: "9", at: 8 }] });
});

test("positions are compared as numbers", () => {
  expect(after(sent, { ...stored, receipt: receipt("10") }, seen("9")).list[0]?.state).toBe("stored");
});

test("a frame that is faster than the answer counts", () => {
  const intents = after(sent, seen("8"), seen("9"), { ...seen("10"), at: 9 } as Action, { ...stored, at: 12 });
  expect(intents.list[0]).toMatchObject({ state: "shown", arrivals: [{ position: "9", at: 8 }] });
});

test("a row that is newer than the receipt is shown as it is, whatever the view claims", () => {
  expect(over(after(sent, stored), "8", "9").price).toBe("1.00");
});

test("a refused write is rolled back, with its reasons", () => {
  const refusals = [{ code: "CONFLICT", message: "no", path: [], actual: 3 }];
  const intents = after(sent, { type: "refused", commandId: "c1", refusals, at: 5 });
  expect(over(intents, "7")).toEqual({ price: "1.00", state: "refused", behind: 0 });
  expect(over(reduce(intents, { type: "faded", commandId: "c1" }), "7").state).toBeUndefined();
});

test("a write that nobody answered stays in sight and can be sent again under its id", () => {
  const failed = after(sent, { type: "failed", commandId: "c1", problem: "gone", canRetry: true, at: 5 });
  expect(over(failed, "7")).toMatchObject({ price: "3.00", state: "failed" });
  const again = reduce(failed, { type: "again", commandId: "c1", at: 9 });
  expect(again.list[0]).toMatchObject({ commandId: "c1", state: "sent", tries: 2, problem: null });
});

test("a write that may not be sent again is rolled back", () => {
  const failed = after(sent, { type: "failed", commandId: "c1", problem: "no", canRetry: false, at: 5 });
  expect(over(failed, "7").price).toBe("1.00");
});

test("where a view has it already, it is shown there, though another view is behind", () => {
  const both = { ...sent, effects: [dearer, changes<Medicine>("inventory", "i1", { price: "3.00" })] };
  const intents = after(both, stored, seen("9"));
  expect(intents.list[0]?.state).toBe("stored");
  expect(over(intents, "9")).toEqual({ price: "1.00", state: "shown", behind: 0 });
});

test("of two writes to a row the later one is on top", () => {
  const cheaper = changes<Medicine>("medicines", "m1", { price: "0.50" });
  expect(over(after(sent, { ...sent, commandId: "c2", effects: [cheaper] }), "7").price).toBe("0.50");
});

test("only what is under way can be slow", () => {
  expect(after(sent, { type: "slow", commandId: "c1", at: 9 }).list[0]?.isSlow).toBe(true);
  expect(after(sent, stored, seen("9"), { type: "slow", commandId: "c1", at: 9 }).list[0]?.isSlow).toBe(false);
});

test("a frame that concerns no intent leaves the list as it is", () => {
  const before = after(sent, stored, seen("9"));
  expect(reduce(before, seen("30")).list).toBe(before.list);
});

test("a new row is put in, and not once more when it was shown and has left", () => {
  const place = makes<Medicine>("medicines", { id: "m2", position: "0", price: "1.00" });
  const placed = after({ ...sent, effects: [place] }, stored);
  const empty = { rows: new Map<string, Medicine>(), position: "7" };
  expect(overlay("medicines", empty, placed.list).rows.has("m2")).toBe(true);
  const shown = reduce(placed, seen("9"));
  expect(overlay("medicines", empty, shown.list).rows.has("m2")).toBe(true);
  expect(overlay("medicines", { ...empty, position: "9" }, shown.list).rows.has("m2")).toBe(false);
  const faded = reduce(shown, { type: "faded", commandId: "c1" });
  expect(overlay("medicines", empty, faded.list).rows.has("m2")).toBe(false);
});

test("what is under way, or may yet be, is kept however much comes after it", () => {
  const lost = { type: "failed", commandId: "c1", problem: "", canRetry: true, at: 5 } as const;
  const many = Array.from({ length: 200 }, (_, number) => other(number));
  const ended = many.map(
    (_, number): Action => ({ type: "refused", commandId: `other${number}`, refusals: [], at: 6 }),
  );
  const { list } = after(sent, lost, ...many, ...ended, other(200));
  expect(list.map(({ commandId }) => commandId)).toContain("c1");
  expect(list).toHaveLength(51);
});

test("a wish is kept for as long as it may be sent again", () => {
  const conflict = { code: "CONFLICT", message: "", path: [], actual: 3 };
  const ends: [Action[], boolean][] = [
    [[], true],
    [[{ type: "failed", commandId: "c1", problem: "", canRetry: true, at: 5 }], true],
    [[{ type: "failed", commandId: "c1", problem: "", canRetry: false, at: 5 }], false],
    [[{ type: "refused", commandId: "c1", refusals: [conflict], at: 5 }], true],
    [[{ type: "refused", commandId: "c1", refusals: [{ ...conflict, code: "INVALID" }], at: 5 }], false],
    [[stored], false],
  ];
  expect(ends.map(([actions]) => after(sent, ...actions).list.map(mayBeSentAgain))).toEqual(ends.map(([, is]) => [is]));
});
