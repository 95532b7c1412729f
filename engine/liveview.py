"""Live views: a query over a read table that goes on, as a cursor and not as a queue."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Generic, TypeVar

from engine import clock
from engine.again import outlasting
from engine.audience import Audience
from engine.feed import Feed
from engine.shapes import Conditions, ReadModel, Row, equals
from engine.source import Source
from engine.store.found import LAST_ID, Changed, Changes
from engine.store.readstore import ReadStore
from engine.together import Together
from engine.view import Mark, Outcome, View

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class ChangeKind(StrEnum):
    SNAPSHOT = "SNAPSHOT"
    CHANGES = "CHANGES"
    RESET = "RESET"


# Not frozen, though nobody changes it: making one takes a quarter of the time then.
@dataclass(slots=True)
class Change(Generic[T]):
    """Apply this, and a view exact as of `since` is exact as of `position`.

    While `more` is true the run goes on and `position` stays at `since`: only the last page of a run is exact.
    """

    kind: ChangeKind
    since: int
    position: int
    more: bool
    upserted: tuple[T, ...]
    removed: tuple[str, ...]
    made: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    "What is made of it for those it is told to: once for all of them."


class LiveViews:
    """Follows views of the read tables. A follower holds a number; one too slow for every state sees fewer of them.

    What changes in a table is read once for all who follow it; see Audience. A follower reads for itself only to begin,
    and when it is too far behind.
    """

    def __init__(
        self,
        source: Source,
        store: ReadStore,
        feed: Feed,
        *,
        page_size: int = 500,
        quiet: float = 15.0,
        patience: float = 0.5,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._feed = feed
        self._page_size = page_size
        self._quiet = quiet
        self._patience = patience
        self._monotonic = monotonic
        self._audiences: dict[str, Audience] = {}
        self._together = Together()

    async def close(self) -> None:
        """End all reading. Whoever still follows hears nothing more."""
        await self._together.close()
        for audience in self._audiences.values():
            await audience.close()

    async def follow(
        self, model: ReadModel[R], conditions: Conditions = (), after: int | None = None
    ) -> AsyncGenerator[Change[R], None]:
        """The view, then what changes in it, for ever. With `after` it goes on from a position that a frame claimed."""
        last, resume = after or 0, after
        if after is not None and not await self._can_resume(model, after):
            yield Change(ChangeKind.RESET, after, 0, False, (), ())
            resume = None
        while True:
            try:
                async with aclosing(self._from(model, conditions, resume)) as changes:
                    async for change in changes:
                        last = change.position
                        yield change
            except _Forgotten:
                yield Change(ChangeKind.RESET, last, 0, False, (), ())
                resume = None

    async def watch(self, model: ReadModel[R], key: str) -> AsyncGenerator[R | None, None]:
        """The row under a key now, then whenever it changes; None while there is none. Never an older after a newer."""
        audience = self._audience(model)
        view = audience.enter((equals("id", key),))
        try:
            row, position = await self._get(model, key)
            yield row
            mark = Mark(position, 0)
            while True:
                now, mark = await self._next_row(model, key, audience, view, mark)
                if now != row:
                    row = now
                    yield row
        finally:
            audience.leave(view)

    async def _next_row(
        self, model: ReadModel[R], key: str, audience: Audience, view: View, mark: Mark
    ) -> tuple[R | None, Mark]:
        """The row once something behind a mark has happened to it, and how far that is known."""
        while (outcome := audience.take(view, mark)) is not None:
            if not outcome.is_empty:
                return (outcome.upserted[0] if outcome.upserted else None), outcome.mark
            mark = await audience.wait(view, outcome.mark, math.inf)
        wanted = max(mark.position, audience.position)
        while True:
            row, reached = await outlasting(partial(self._get, model, key))
            if reached >= wanted:
                return row, Mark(reached, mark.floor)
            await asyncio.sleep(self._patience)  # the table was begun afresh or set back, and shows what is older

    async def _get(self, model: ReadModel[R], key: str) -> tuple[R | None, int]:
        return await self._together.read((model.name, "get", key), lambda: self._store.get(model, key))

    async def _can_resume(self, model: ReadModel[Any], after: int) -> bool:
        """Whether the view can go on from `after`; waits when the log is there already and the model is not yet."""
        if after < 0:
            return False
        if self._audience(model).keeps(after):
            return True
        # What the table shows, the log has: then nobody needs it to answer. Of another log, both have nothing to say.
        if after > self._feed.latest(model.name) and after > await self._source.head():
            return False
        await self._feed.reached(model.name, after)
        while True:
            checkpoint = await self._together.read((model.name, "checkpoint"), lambda: self._store.checkpoint(model))
            if checkpoint is not None and checkpoint.position >= after:
                # Before position 0 there was nothing, so no removal since then can be missed.
                return after == 0 or after >= checkpoint.floor
            await asyncio.sleep(self._patience)

    def _audience(self, model: ReadModel[Any]) -> Audience:
        audience = self._audiences.get(model.name)
        if audience is None:
            how: dict[str, Any] = {"quiet": self._quiet, "patience": self._patience, "monotonic": self._monotonic}
            audience = Audience(model, self._store, self._feed, page_size=self._page_size, **how)
            self._audiences[model.name] = audience
        return audience

    async def _from(
        self, model: ReadModel[R], conditions: Conditions, after: int | None
    ) -> AsyncGenerator[Change[R], None]:
        """What changes after a position; from None, first all there is."""
        audience, place = self._audience(model), _Place(after, self._quiet, self._monotonic)
        view = audience.enter(conditions)
        try:
            outcome = audience.take(view, place.mark) if after is not None and audience.keeps(after) else None
            while True:
                if outcome is None:
                    newest = audience.position
                    async for change in self._read(model, conditions, view, place):
                        yield change
                    if place.mark.position < newest:  # the table was set back: it comes to the same once more
                        await asyncio.sleep(self._patience)
                else:
                    yield place.told(outcome)
                outcome = await _next(audience, view, place)
        finally:
            audience.leave(view)

    async def _read(
        self, model: ReadModel[R], conditions: Conditions, view: View, place: "_Place"
    ) -> AsyncGenerator[Change[R], None]:
        """All that changed since a place, read with those who ask for the same now. Raises _Forgotten, see _pages."""

        async def read(after: tuple[int, str | bytes], seen: int | None) -> Changes:
            changes = partial(self._store.changes, model, conditions, after=after, limit=self._page_size, seen=seen)
            found = partial(self._together.read, (model.name, view.key, after, seen), changes)
            return await (outlasting(found) if place.is_told else found())

        is_open = False  # a run has begun, so it must end, even with an empty page
        async for page in self._pages(read, place.mark, is_snapshot=place.kind is ChangeKind.SNAPSHOT):
            upserted, removed = _outcome(page.entries)
            more = len(page.entries) == self._page_size
            position = place.since if more else page.position
            if not more and page.position >= place.mark.position:  # else the table was set back
                place.mark = Mark(page.position, page.floor)
            if page.entries or is_open or place.is_due(position):
                change = Change(place.kind, place.since, position, more, upserted, removed)
                is_open = more
                place.tell(position)
                yield change
        place.kind = ChangeKind.CHANGES

    async def _pages(
        self,
        read: Callable[[tuple[int, str | bytes], int | None], Awaitable[Changes]],
        mark: Mark,
        *,
        is_snapshot: bool,
    ) -> AsyncGenerator[Changes, None]:
        """All that changed behind a mark. Raises _Forgotten when removals that matter are no longer kept.

        Every page is a transaction of its own. A row that changes meanwhile comes again at the end, as it moves to a
        later position; so the page that is not full is the last, and the view is then exact as of the checkpoint read
        with it.
        """
        place: tuple[int, str | bytes] = (mark.position, LAST_ID)
        seen: int | None = None if is_snapshot else 0
        floor = mark.floor
        while True:
            page = await read(place, seen)
            if page.floor > max(floor, place[0], seen or 0):
                raise _Forgotten
            yield page
            if len(page.entries) < self._page_size:
                return
            seen = page.position if seen is None else seen
            floor = page.floor
            place = (page.entries[-1].position, page.entries[-1].id)


class _Place:
    """Where one follower is: what it was told, and when, and what it need not be told."""

    def __init__(self, after: int | None, quiet: float, monotonic: Callable[[], float]) -> None:
        self._quiet = quiet
        self._monotonic = monotonic
        self._told_at = -math.inf
        self.kind = ChangeKind.SNAPSHOT if after is None else ChangeKind.CHANGES
        self.since = after or 0
        "Its view is exact as of this position."
        # Who has nothing yet misses no removal. One behind `after` may be forgotten before the first page is read.
        self.mark = Mark(self.since, self.since or _ALL)

    @property
    def due(self) -> float:
        """From when on it is to be told how far it is, even if nothing has changed for it."""
        return self._told_at + self._quiet

    @property
    def is_told(self) -> bool:
        """Whether it has been told anything, and so has something while more cannot be had."""
        return self._told_at != -math.inf

    def is_due(self, position: int) -> bool:
        """Whether it is to be told that it is at a position."""
        return position >= self.since if not self.is_told else position > self.since and self._monotonic() >= self.due

    def tell(self, position: int) -> None:
        self.since, self._told_at = position, self._monotonic()

    def told(self, outcome: Outcome) -> Change[Any]:
        """What to tell it of an outcome: the same object for all who were told the same before."""
        change = outcome.told.get(self.since)
        if change is None:
            position = outcome.mark.position
            change = Change(ChangeKind.CHANGES, self.since, position, False, outcome.upserted, outcome.removed)
            outcome.told[self.since] = change
        self.mark = outcome.mark
        self.tell(outcome.mark.position)
        return change


_ALL = 2**63
"As a floor: above every position, so that none rises above it."


async def _next(audience: Audience, view: View, place: _Place) -> Outcome | None:
    """What to tell a follower next; None when it has to read for itself."""
    outcome = audience.take(view, place.mark)
    while outcome is not None and outcome.is_empty and not place.is_due(outcome.mark.position):
        place.mark = await audience.wait(view, outcome.mark, place.due)
        outcome = audience.take(view, place.mark)
    return outcome


class _Forgotten(Exception):
    """The follower slept for longer than removals are kept."""


def _outcome(entries: list[Changed]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """What a stretch comes to: of several changes to one id the last counts."""
    last = {each.id: each.row for each in entries}
    return tuple(row for row in last.values() if row is not None), tuple(
        key for key, row in last.items() if row is None
    )
