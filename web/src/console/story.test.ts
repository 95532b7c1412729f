import { describe, expect, it } from "vitest";
import type { LoggedEvent } from "./log";
import { type CommandNode, storyOf } from "./story";

const event = (position: number, commandId: string | null, causedBy: number | null = null): LoggedEvent => ({
  id: `event_${position}`,
  position: String(position),
  stream: "order-a",
  version: 1,
  type: "OrderInitiated",
  recordedAt: "2030-01-31T12:00:00Z",
  commandId,
  correlationId: "story",
  causationId: causedBy === null ? null : `event_${causedBy}`,
  actorId: null,
});

const told = (commands: readonly CommandNode[]): unknown =>
  commands.map(({ key, events }) => [key, events.map((node) => [Number(node.event.position), told(node.commands)])]);

describe("a story", () => {
  it("goes from commands to events and on to the commands of processes", () => {
    const events = [event(10, "place"), event(9, "place"), event(11, "reserve", 9), event(12, "validate", 11)];
    expect(told(storyOf(events))).toEqual([
      [
        "place",
        [
          [9, [["reserve", [[11, [["validate", [[12, []]]]]]]]]],
          [10, []],
        ],
      ],
    ]);
  });

  it("has several commands after one event, in the order of the log", () => {
    expect(told(storyOf([event(1, "place"), event(3, "second", 1), event(2, "first", 1)]))).toEqual([
      [
        "place",
        [
          [
            1,
            [
              ["first", [[2, []]]],
              ["second", [[3, []]]],
            ],
          ],
        ],
      ],
    ]);
  });

  it("loses no event whose cause is not among them, nor one without a command", () => {
    expect(told(storyOf([event(7, "later", 2), event(8, null)]))).toEqual([
      ["later", [[7, []]]],
      ["event_8", [[8, []]]],
    ]);
  });
});
