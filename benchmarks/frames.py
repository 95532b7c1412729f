"""Frames as subscribers are sent them, and whether they join on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson

_KEY = b'"key":'


@dataclass(frozen=True)
class Frame:
    """What the check needs of one."""

    since: str
    position: str
    keys: tuple[str, ...]


class Payload:
    """What one or more clients were sent, once for all of them."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self.rows = message.count(_KEY)

    @cached_property
    def frame(self) -> Frame:
        answer = orjson.loads(self._message)["payload"]
        if answer.get("errors"):
            raise RuntimeError(f"A subscription failed: {self._message.decode()[:500]}")
        (frame,) = answer["data"].values()
        return Frame(frame["since"], frame["position"], tuple(row["key"] for row in frame["upserted"]))


def joined(position: str | None, frames: Sequence[Frame]) -> tuple[list[str], str | None]:
    """The keys that the frames bring, sorted, and where they end; each must begin where the one before ended."""
    keys: list[str] = []
    for frame in frames:
        if position not in (None, frame.since):
            raise RuntimeError(f"A frame begins at {frame.since}; the one before ended at {position}.")
        position = frame.position
        keys += frame.keys
    return sorted(keys), position
