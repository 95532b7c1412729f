import { expect, test } from "vitest";
import { causesOf, type FollowUp, processOf } from "./causes";
import { isOpenEnded, type Journey, merged } from "./journey";

function journey(commandId: string, startedAt: string, state: Journey["state"] = "shown"): Journey {
  const rest = {
    name: "n",
    title: "t",
    receipt: null,
    refusals: [],
    problem: null,
    canRetry: false,
    tries: 1,
    answeredAfter: null,
  };
  return { ...rest, commandId, startedAt, state, arrivals: [], awaits: [] };
}

test("the newest is in front, and what is known now takes the place of what was known", () => {
  const list = merged([journey("b", "2", "shown")], [journey("b", "2", "sent"), journey("c", "3"), journey("a", "1")]);
  expect(list.map(({ commandId, state }) => `${commandId} ${state}`)).toEqual(["c shown", "b shown", "a shown"]);
});

test("what an earlier page measured stays true of what this one only asked for again", () => {
  const receipt = { commandId: "a", position: "9", stream: "s", version: 1, acceptedAt: "", replayed: false };
  const arrivals = [{ view: "orders", position: "9", after: 120 }];
  const measured = { ...journey("a", "1", "stored"), receipt, answeredAfter: 88, arrivals };
  const again = { ...journey("a", "1", "shown"), receipt: { ...receipt, replayed: true } };
  expect(merged([again], [measured])).toMatchObject([{ state: "shown", answeredAfter: 88, arrivals }]);
  expect(merged([again], [])).toMatchObject([{ state: "shown", answeredAfter: null, arrivals: [] }]);
});

test("thirty are kept", () => {
  const many = Array.from({ length: 40 }, (_, index) => journey(`c${index}`, String(index).padStart(2, "0")));
  expect(merged(many, []).map(({ commandId }) => commandId)).toEqual(
    many
      .slice(10)
      .reverse()
      .map((each) => each.commandId),
  );
});

test("what was under way in a page that is gone has no end here", () => {
  expect(isOpenEnded(journey("a", "1", "stored"), false)).toBe(true);
  expect(isOpenEnded(journey("a", "1", "stored"), true)).toBe(false);
  expect(isOpenEnded(journey("a", "1", "refused"), false)).toBe(false);
});

function event(id: string, causationId: string | null): FollowUp {
  const rest = { position: "1", type: "T", stream: "s", version: 1, recordedAt: "2026-11-21T19:26:10Z" };
  return { ...rest, id, causationId, commandId: null, actorId: null };
}

test("events stand below what caused them, and a cause that is elsewhere begins a tree", () => {
  const trees = causesOf([event("e1", null), event("e2", "e1"), event("e3", "e2"), event("e4", "gone")]);
  expect(trees).toMatchObject([
    { event: { id: "e1" }, effects: [{ event: { id: "e2" }, effects: [{ event: { id: "e3" } }] }] },
    { event: { id: "e4" }, effects: [] },
  ]);
});

test("a process is told from a person", () => {
  expect([processOf("process/fulfilment"), processOf("65f05839"), processOf(null)]).toEqual(["fulfilment", null, null]);
});
