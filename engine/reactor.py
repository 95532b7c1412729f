"""The reactor: every process of an application, running side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from engine import clock
from engine.feed import LOG, Feed
from engine.reaction import Manner, Reaction
from engine.shapes import Process
from engine.status import State, Status
from engine.store.log import Log
from engine.store.reactions import Parked
from engine.wishes import Wishes

logger = structlog.get_logger(__name__)

FAREWELL = 5.0
"Seconds that work under way gets at the end; cut short, it is done again at the next start."
LOOK = 1.0
"Seconds after which the clock is looked at, whatever was said about when there will be something to do."
AGAIN = 0.5
"Seconds before what the log could not take is tried again, doubled each time up to `LONGEST`."
LONGEST = 10.0


class _Runner:
    """The two loops of one process: one follows the log, one the clock."""

    def __init__(self, reaction: Reaction[Any], log: Log, feed: Feed, now: clock.Clock, poll: float) -> None:
        self.reaction = reaction
        self.last_error: str | None = None
        self._log = log
        self._feed = feed
        self._now = now
        self._poll = poll
        self._changed = asyncio.Event()
        self._is_stopping = False
        self._is_idle = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.reaction.start()
        name = self.reaction.name
        self._tasks = [
            asyncio.create_task(self._forever(self._follow), name=f"process {name}"),
            asyncio.create_task(self._forever(self._tend), name=f"process {name} by the clock"),
        ]

    async def stop(self) -> None:
        self._is_stopping = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if self._is_idle or task.get_name().endswith("clock"):
                task.cancel()  # what the clock brings is all stored, so it is done again
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FAREWELL)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, step: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while not self._is_stopping:
            try:
                await step()
            except Exception as error:  # what failed is still before the checkpoint; other processes go on
                failures += 1
                self._failed(error)
                await asyncio.sleep(min(AGAIN * 2.0 ** (failures - 1), LONGEST))
            else:
                failures, self.last_error = 0, None

    def _failed(self, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        if message != self.last_error:
            logger.error("process stalled", process=self.reaction.name, position=self.reaction.position, reason=message)
        self.last_error = message

    async def _follow(self) -> None:
        newest = self._feed.latest(LOG)
        if await self.reaction.step():
            self._changed.set()
            return
        self._is_idle = True
        try:
            await self._feed.beyond(LOG, max(self.reaction.position, newest), self._poll)
        finally:
            self._is_idle = False

    async def _tend(self) -> None:
        self._changed.clear()
        at = await self.reaction.tend()
        wait = LOOK if at is None else min(max((at - self._now()).total_seconds(), 0.0), LOOK)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait()

    async def status(self) -> Status:
        reaction, head = self.reaction, await self._log.head()
        parked = await self._log.reader(reaction.rows.count)
        lag = max(head - reaction.position, 0)
        oldest = await self._log.read(reaction.position, 1) if lag else []
        seconds = max((self._now() - oldest[0].recorded_at).total_seconds(), 0.0) if oldest else 0.0
        state = State.STALLED if self.last_error else State.CATCHING_UP if seconds > 1.0 else State.LIVE
        rate = reaction.rate.value()
        return Status(reaction.name, reaction.position, head, lag, seconds, state, rate, self.last_error, parked)


class Reactor:
    """Owns the processes. At least once each wish is sent, exactly once it takes effect."""

    def __init__(
        self,
        processes: Iterable[Process[Any]],
        log: Log,
        wishes: Wishes,
        feed: Feed,
        *,
        now: clock.Clock,
        random: Callable[[], float],
        manner: Manner,
        poll_interval: float = 0.5,
    ) -> None:
        self._log = log
        self._feed = feed
        self._runners = {
            each.name: _Runner(
                Reaction(each, log, wishes, feed, now=now, random=random, manner=manner), log, feed, now, poll_interval
            )
            for each in processes
        }

    async def start(self) -> None:
        for runner in self._runners.values():
            await runner.start()

    async def stop(self) -> None:
        """Finish what is under way, as far as there is time; the rest is done at the next start."""
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))

    async def statuses(self) -> list[Status]:
        return [await runner.status() for runner in self._runners.values()]

    async def dead_letters(self, process: str | None = None, after: int = 0) -> Sequence[Parked]:
        """What is set aside behind a position, oldest event first, the first hundred of each process."""
        found: list[Parked] = []
        for name, runner in self._runners.items():
            if process in (None, name):
                found += await self._log.reader(partial(runner.reaction.rows.parked, after=after))
        return sorted(found, key=lambda each: (each.position, each.process))

    async def dead_letter(self, process: str, position: int) -> Parked | None:
        """What a process has set aside at a position."""
        found = await self.dead_letters(process, position - 1)
        return found[0] if found and found[0].position == position else None

    async def settled(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every process has taken every event, also those that follow from it; False when that takes longer.

        What is set aside or waits for its time does not count.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    head = self._log.position
                    for runner in self._runners.values():
                        await self._feed.reached(runner.reaction.topic, head)
                    if head == self._log.position:
                        return True
        return False
