"""One view of a read table, as all who follow it under the same conditions share it."""

import asyncio
import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.shapes import Conditions, Row
from engine.store import conditions as predicates
from engine.store.columns import Layout, Scalar


class Mark(NamedTuple):
    """How far a follower is: nothing up to `position` concerns it any more. `floor` is that of the table as read so."""

    position: int
    floor: int


class Entry(NamedTuple):
    """A row that changed or went away at a position, with its lasting columns as they are stored."""

    position: int
    id: str
    row: Row | None
    lasting: tuple[Scalar, ...]


class Outcome(msgspec.Struct):
    """What changed in a view behind a mark, up to a later one. All who are at that mark share it."""

    mark: Mark
    upserted: tuple[Any, ...] = ()
    removed: tuple[str, ...] = ()
    told: dict[int, Any] = {}
    "What followers make of it for those they tell it to, by the position they told last: made once for all of them."

    @property
    def is_empty(self) -> bool:
        return not self.upserted and not self.removed

    @property
    def content(self) -> Hashable:
        """The same for outcomes up to one mark that say the same, as long as they exist: a row is known by its id."""
        return tuple(map(id, self.upserted)), self.removed


class View:
    """The part of a table that some conditions leave, for however many follow it."""

    def __init__(self, key: Hashable, layout: Layout[Any], conditions: Conditions) -> None:
        self.key = key
        "The same for conditions that mean the same."
        self.members = 0
        self.waiting: dict[asyncio.Future[Mark], float] = {}
        "Who waits, each with the time from which it is content with less."
        self.outcomes: dict[int, Outcome | None] = {}
        "By the position from which on; as long as the table shows what it shows."
        self.found_by = predicates.found_by(layout, conditions)
        self._is_within = predicates.scope(layout, conditions)
        rest = tuple(each for each in conditions if not predicates.restricts(layout, each))
        self._matches = predicates.predicate(layout, rest)

    def is_concerned(self, entries: Sequence[Entry]) -> bool:
        """Whether any of the entries is within the scope. Where that cannot be said, only who waits here is told."""
        within = self._is_within
        try:
            return bool(entries) if within is None else any(within(each.lasting) for each in entries)
        except Exception as error:
            self.fail(error)
            return False

    def outcome(self, entries: Sequence[Entry], mark: Mark, most: int) -> Outcome | None:
        """What entries up to a mark come to: of several changes to one id the last counts.

        None when that is more than `most`.
        """
        within, matches = self._is_within, self._matches
        last: dict[str, Row | None] = {}
        for _, key, row, lasting in entries:
            if within is None or within(lasting):
                last[key] = row if row is not None and matches(row) else None
        if len(last) > most:
            return None
        upserted: list[Row] = []
        removed: list[str] = []
        for key, row in last.items():
            if row is None:
                removed.append(key)
            else:
                upserted.append(row)
        return Outcome(mark, tuple(upserted), tuple(removed))

    def wake(self, mark: Mark, since: float = math.inf) -> None:
        """Tell who waits and is content with less since then that nothing up to a mark concerns them."""
        for future, due in self.waiting.items():
            if due <= since and not future.done():
                future.set_result(mark)  # it is taken out later, when whoever waits for it goes on

    def fail(self, error: Exception) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # one who was just cancelled does not take it
