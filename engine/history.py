"""The log as readers see it: its events, page by page or as they come, and how far a command has come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from engine import clock
from engine.again import outlasting
from engine.codec import members
from engine.feed import LOG, Feed
from engine.refusals import InvalidInput
from engine.shapes import ReadModel, Receipt, Recorded, Value
from engine.store.log import Log
from engine.store.readstore import ReadStore

PAGE = 100
LOOK = 1000
AGAIN = 0.25
"Seconds after which a receipt that is waited for is looked for again."


class Matching(Value):
    """Which events are meant: every condition that is not None must hold."""

    stream: str | None = None
    types: tuple[str, ...] | None = None
    command_id: str | None = None
    correlation_id: str | None = None

    def __call__(self, recorded: Recorded) -> bool:
        return (
            (self.stream is None or recorded.stream == self.stream)
            and (self.types is None or type(recorded.event).__name__ in self.types)
            and (self.command_id is None or recorded.command_id == self.command_id)
            and (self.correlation_id is None or recorded.correlation_id == self.correlation_id)
        )


class EventPage(Value):
    """Events oldest first, whether there are more in the direction that was read, and the head read with them."""

    events: Sequence[Recorded]
    more: bool
    head: int


class Step(Value):
    """What one projection has done of a command."""

    projection: str
    is_done: bool
    projected_at: datetime | None
    lag_milliseconds: float | None


class Progress(Value):
    """How far a command has come. Without a receipt it has not been accepted, as far as the log remembers."""

    command_id: str
    receipt: Receipt | None = None
    events: Sequence[Recorded] = ()
    steps: Sequence[Step] = ()

    @property
    def is_complete(self) -> bool:
        return self.receipt is not None and all(step.is_done for step in self.steps)


class History:
    """Reads of the log."""

    def __init__(
        self,
        log: Log,
        rows: ReadStore,
        feed: Feed,
        models: Iterable[ReadModel[Any]],
        *,
        quiet: float = 15.0,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._log = log
        self._rows = rows
        self._feed = feed
        self._quiet = quiet
        self._monotonic = monotonic
        self._handled = [(model, frozenset(members(model.apply, 1))) for model in models]

    async def at(self, position: int) -> Recorded | None:
        """The event at a position."""
        found = await self._log.read(position - 1, 1) if position > 0 else []
        return found[0] if found else None

    async def page(
        self, matching: Matching, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> EventPage:
        """The first `limit` events that match between two positions, both excluded, or the last ones."""
        found, head = await self._log.select(
            after=after,
            before=before,
            stream=matching.stream,
            types=matching.types,
            command_id=matching.command_id,
            correlation_id=matching.correlation_id,
            limit=limit + 1,
            newest_first=newest,
        )
        events = found[:limit]
        return EventPage(events[::-1] if newest else events, len(found) > limit, head)

    async def follow(
        self, matching: Matching, after: int | None
    ) -> AsyncGenerator[tuple[int, int, Sequence[Recorded]], None]:
        """Every event that matches behind a position, or from now on: (since, position, events), none left out.

        While none matches, an empty one tells now and then how far the log has been looked through. Those who follow
        closely read the newest events from memory. Raises InvalidInput for a position the log has not reached.
        """
        head = await self._log.head()
        since = position = head if after is None else after
        if since > head:
            raise InvalidInput(f"The log is at {head}; it has no position {since} yet.", ["after"])
        told_at = self._monotonic()
        while True:
            events = await outlasting(partial(self._log.read, position, LOOK))
            if position > since and self._monotonic() - told_at >= self._quiet:
                yield since, position, []
                since, told_at = position, self._monotonic()
            if not events:
                left = max(told_at + self._quiet - self._monotonic(), 0)
                await self._feed.beyond(LOG, position, None if position == since else left)
                continue
            found = [recorded for recorded in events if matching(recorded)]
            # A frame goes no further than its last event, so that a big page can be cut without losing its place.
            for start in range(0, len(found), PAGE):
                chunk = found[start : start + PAGE]
                reached = events[-1].position if start + PAGE >= len(found) else chunk[-1].position
                yield since, reached, chunk
                since, told_at = reached, self._monotonic()
            position = events[-1].position

    async def progress(self, command_id: str) -> Progress:
        """How far a command has come."""
        receipt = await self._log.command(command_id)
        # Between its commit and the writer's note of it nobody has been answered yet, and its events cannot be had.
        if receipt is None or receipt.position > await self._log.head():
            return Progress(command_id)
        events = await self._log.read(receipt.position - receipt.events, receipt.events) if receipt.events else []
        kinds = {type(recorded.event) for recorded in events}
        concerned = [model for model, handled in self._handled if handled & kinds]
        return Progress(command_id, receipt, events, [await self._step(model, receipt) for model in concerned])

    async def _step(self, model: ReadModel[Any], receipt: Receipt) -> Step:
        # Asked first: one that passes in between has left its time, and is found the next time.
        has_shown = self._feed.latest(model.name) >= receipt.position
        passed = await self._rows.passed(model, receipt.position)
        is_done = passed is not None or has_shown
        lag = None if passed is None else (passed - receipt.accepted_at) / timedelta(milliseconds=1)
        return Step(model.name, is_done, passed, lag)

    async def follow_ups(self, progress: Progress) -> Sequence[Recorded]:
        """What followed from a command so far, and what else its story went on with: the first `PAGE` events."""
        if not progress.events:
            return ()
        last = progress.events[-1]
        page = await self.page(Matching(correlation_id=last.correlation_id), after=last.position, limit=PAGE)
        return page.events

    async def follow_command(self, command_id: str) -> AsyncIterator[Progress]:
        """A command from acceptance, also one still to come, to the last projection; ends when all have passed it."""
        shown = Progress(command_id)
        while True:
            head = await self._log.head()
            progress = await self.progress(command_id)
            if progress != shown:
                yield progress
                shown = progress
            if progress.receipt is None:
                # A command that had nothing to do leaves no event, so the log's position tells nothing of it.
                await self._feed.beyond(LOG, head, AGAIN)
            elif progress.is_complete:
                return
            else:
                await self._any_passes(progress)

    async def _any_passes(self, progress: Progress) -> None:
        position = progress.receipt.position if progress.receipt else 0
        waits = [
            asyncio.ensure_future(self._feed.beyond(step.projection, position - 1))
            for step in progress.steps
            if not step.is_done
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
