import { describe, expect, it } from "vitest";
import { countOf, fateOf, grouped, type Letter } from "./letters";

const letter = (position: number, key: string, changed: Partial<Letter> = {}): Letter => ({
  process: "correspondence",
  position: String(position),
  key,
  parkedAt: "2030-01-31T12:00:00Z",
  attempts: 1,
  retryAt: null,
  isDead: true,
  error: "No such user",
  event: { type: "UserRegistered", stream: `user-${key}`, recordedAt: "2030-01-31T12:00:00Z" },
  ...changed,
});

const waiting = (position: number, key: string) => letter(position, key, { attempts: 0, isDead: false, error: null });

describe("dead letters", () => {
  it("stand together when one process failed for one reason, each with those that wait behind it", () => {
    const groups = grouped([letter(2, "ann"), letter(3, "bob"), waiting(10, "ann"), waiting(9, "ann")]);
    expect(groups.length).toBe(1);
    const [group] = groups;
    expect(group?.queues.map(({ first, behind }) => [first.position, behind.map(({ position }) => position)])).toEqual([
      ["2", ["9", "10"]],
      ["3", []],
    ]);
    expect(group && countOf(group)).toBe(4);
  });

  it("stand apart when the process or the reason is another", () => {
    const letters = [
      letter(2, "ann"),
      letter(3, "ann", { process: "fulfilment" }),
      letter(4, "bob", { error: "Full" }),
    ];
    expect(grouped(letters).map(({ process, error }) => [process, error])).toEqual([
      ["correspondence", "No such user"],
      ["fulfilment", "No such user"],
      ["correspondence", "Full"],
    ]);
  });

  it("are gone when what had to follow has, or wait, or have failed again", () => {
    const before = letter(2, "ann", { retryAt: "2030-01-31T12:01:00Z" });
    expect(fateOf(before, [letter(3, "bob")])).toBe("gone");
    expect(fateOf(before, [before])).toBe("waiting");
    expect(fateOf(before, [{ ...before, attempts: 0 }])).toBe("waiting");
    expect(fateOf(before, [{ ...before, retryAt: "2030-01-31T12:02:00Z" }])).toBe("failed");
  });
});
