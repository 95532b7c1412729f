"""Live views: a query over a read table that goes on, as a cursor and not as a queue."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from engine import clock
from engine.feed import Feed
from engine.projection import Source
from engine.shapes import Conditions, ReadModel, Row
from engine.store.readstore import ReadStore
from engine.store.rows import LAST_ID, Changed, Changes

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class ChangeKind(StrEnum):
    SNAPSHOT = "SNAPSHOT"
    CHANGES = "CHANGES"
    RESET = "RESET"


class Change(msgspec.Struct, Generic[T], frozen=True):
    """Apply this, and a view exact as of `since` is exact as of `position`.

    While `more` is true the run goes on and `position` stays at `since`: only the last page of a run is exact.
    """

    kind: ChangeKind
    since: int
    position: int
    more: bool
    upserted: tuple[T, ...]
    removed: tuple[str, ...]


class LiveViews:
    """Follows views of the read tables. A follower holds a number; one too slow for every state sees fewer of them."""

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
        self._shown: defaultdict[str, int] = defaultdict(int)
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

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
        row, position = await self._store.get(model, key)
        yield row
        while True:
            await self._beyond(model, position)
            now, reached = await self._store.get(model, key)
            if reached >= position and now != row:
                row = now
                yield row
            position = max(position, reached)

    async def _can_resume(self, model: ReadModel[Any], after: int) -> bool:
        """Whether the view can go on from `after`; waits when the log is there already and the model is not yet."""
        if after < 0 or after > await self._source.head():
            return False
        await self._feed.reached(model.name, after)
        while True:
            checkpoint = await self._store.checkpoint(model)
            if checkpoint is not None and checkpoint.position >= after:
                # Before position 0 there was nothing, so no removal since then can be missed.
                return after == 0 or after >= checkpoint.floor
            await asyncio.sleep(self._patience)

    async def _beyond(self, model: ReadModel[Any], position: int) -> None:
        """Wait until the table shows more than `position`."""
        newest = await self._feed.beyond(model.name, position)
        while not await self._shows_more(model, position):
            # The hint was ahead of the table, or wrong. Ask again, but not as fast as the loop can turn.
            await self._feed.beyond(model.name, max(position, newest), self._patience)

    async def _shows_more(self, model: ReadModel[Any], position: int) -> bool:
        """Whether the table is past a position. One read answers all who were woken by the same hint."""
        async with self._asking[model.name]:
            if self._shown[model.name] <= position:
                checkpoint = await self._store.checkpoint(model)
                self._shown[model.name] = checkpoint.position if checkpoint else 0
            return self._shown[model.name] > position

    async def _from(
        self, model: ReadModel[R], conditions: Conditions, after: int | None
    ) -> AsyncGenerator[Change[R], None]:
        """What changes after a position; from None, first all there is."""
        kind = ChangeKind.SNAPSHOT if after is None else ChangeKind.CHANGES
        at = since = after or 0
        sent_at: float | None = None
        is_open = False  # a run has begun, so it must end, even with an empty page
        # A removal behind `after` may be forgotten between the check of `after` and the first page.
        floor: int | None = after or None
        while True:
            async for page in self._pages(model, conditions, at, is_snapshot=kind is ChangeKind.SNAPSHOT, floor=floor):
                upserted, removed = _outcome(page.entries)
                floor, more = page.floor, len(page.entries) == self._page_size
                position = since if more else page.position
                is_due = sent_at is None or (self._monotonic() - sent_at >= self._quiet and position > since)
                if page.entries or is_due or is_open:
                    change = Change(kind, since, position, more, upserted, removed)
                    since, sent_at, is_open = position, self._monotonic(), more
                    yield change
                at = at if more else page.position
            kind = ChangeKind.CHANGES
            await self._beyond(model, at)

    async def _pages(
        self, model: ReadModel[Any], conditions: Conditions, at: int, *, is_snapshot: bool, floor: int | None
    ) -> AsyncGenerator[Changes, None]:
        """All that changed after `at`. Raises _Forgotten when removals that matter are no longer kept.

        Every page is a transaction of its own. A row that changes meanwhile comes again at the end, as it moves to a
        later position; so the page that is not full is the last, and the view is then exact as of the checkpoint read
        with it.
        """
        place: tuple[int, str | bytes] = (at, LAST_ID)
        seen: int | None = None if is_snapshot else 0
        while True:
            page = await self._store.changes(model, conditions, after=place, limit=self._page_size, seen=seen)
            if floor is not None and page.floor > max(floor, place[0], seen or 0):
                raise _Forgotten
            yield page
            if len(page.entries) < self._page_size:
                return
            seen = page.position if seen is None else seen
            floor = page.floor
            place = (page.entries[-1].position, page.entries[-1].id)


class _Forgotten(Exception):
    """The follower slept for longer than removals are kept."""


def _outcome(entries: list[Changed]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """What a stretch comes to: of several changes to one id the last counts."""
    last = {each.id: each.row for each in entries}
    return tuple(row for row in last.values() if row is not None), tuple(
        key for key, row in last.items() if row is None
    )
