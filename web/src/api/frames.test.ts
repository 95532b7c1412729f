import { expect, test } from "vitest";
import { apply, emptyView, type Frame, interrupted, resumed, type View } from "./frames";

interface Row {
  id: string;
  price: string;
}

function frame(changes: Partial<Frame<Row>>): Frame<Row> {
  return { kind: "CHANGES", since: "0", position: "0", more: false, upserted: [], removed: [], ...changes };
}

function after(...frames: Partial<Frame<Row>>[]): View<Row> {
  return frames.reduce((view, each) => apply(view, frame(each)).view, emptyView<Row>());
}

const aspirin = { id: "m1", price: "1.00" };
const senna = { id: "m2", price: "2.00" };
const snapshot = { kind: "SNAPSHOT", position: "7", upserted: [aspirin, senna] } as const;

test("a snapshot makes the view live at its position", () => {
  const view = after(snapshot);
  expect([...view.rows.keys()]).toEqual(["m1", "m2"]);
  expect(view).toMatchObject({ status: "live", position: "7", gaps: 0 });
});

test("a snapshot in chunks is shown once it is whole", () => {
  const half = after({ ...snapshot, position: "0", more: true, upserted: [aspirin] });
  expect(half).toMatchObject({ status: "loading", position: null });
  expect(half.rows.size).toBe(0);
  const whole = apply(half, frame({ ...snapshot, upserted: [senna] })).view;
  expect([...whole.rows.keys()]).toEqual(["m1", "m2"]);
  expect(whole.position).toBe("7");
});

test("changes put rows in whole and take rows out", () => {
  const view = after(snapshot, { since: "7", position: "9", upserted: [{ id: "m1", price: "3.00" }], removed: ["m2"] });
  expect([...view.rows.values()]).toEqual([{ id: "m1", price: "3.00" }]);
  expect(view.position).toBe("9");
});

test("while more of a step is to come the position stays", () => {
  const view = after(snapshot, { since: "7", position: "7", more: true, removed: ["m2"] });
  expect(view.rows.size).toBe(1);
  expect(view.position).toBe("7");
});

test("a frame that does not follow the one before breaks the view and is counted", () => {
  const { view, isBroken } = apply(after(snapshot), frame({ since: "8", position: "9", removed: ["m1"] }));
  expect(isBroken).toBe(true);
  expect(view).toMatchObject({ gaps: 1, position: null, status: "loading" });
  expect(view.rows.size).toBe(2);
  expect(apply(view, frame(snapshot))).toMatchObject({ isBroken: false, view: { status: "live", gaps: 1 } });
});

test("a frame without rows leaves the rows as they are, so that nothing is drawn for it", () => {
  const before = after(snapshot);
  const { view } = apply(before, frame({ since: "7", position: "20" }));
  expect(view.rows).toBe(before.rows);
  expect(view.position).toBe("20");
});

test("after a reset the old rows stay until the new snapshot is there", () => {
  const reset = after(snapshot, { kind: "RESET", since: "7" });
  expect(reset).toMatchObject({ status: "loading", position: null });
  expect(reset.rows.size).toBe(2);
  const fresh = apply(reset, frame({ kind: "SNAPSHOT", position: "12", upserted: [senna] })).view;
  expect([...fresh.rows.keys()]).toEqual(["m2"]);
  expect(fresh).toMatchObject({ status: "live", gaps: 0 });
});

test("a view that was cut off is behind, and goes on from its position", () => {
  const back = resumed(interrupted(after(snapshot)));
  expect(back).toMatchObject({ status: "behind", position: "7" });
  const { view, isBroken } = apply(back, frame({ since: "7", position: "9", removed: ["m1"] }));
  expect(isBroken).toBe(false);
  expect(view).toMatchObject({ status: "live", position: "9" });
});

test("a snapshot that was cut off begins again", () => {
  const half = after({ ...snapshot, position: "0", more: true, upserted: [aspirin] });
  const view = apply(resumed(half), frame({ ...snapshot, upserted: [senna] })).view;
  expect([...view.rows.keys()]).toEqual(["m2"]);
});
