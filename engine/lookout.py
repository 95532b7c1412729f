"""The lookout: reads the log once for all processes, and lets each sleep through what does not concern it."""

import asyncio
from collections.abc import Iterable
from typing import Any

from engine import clock
from engine.again import SOON
from engine.feed import LOG, Feed
from engine.reaction import Reaction
from engine.store.log import Log

_AT_ONCE = 1000
REST = 0.01
"Seconds between two looks at a log on a server, where the first woke nobody: a look costs a third of a millisecond."


class Lookout:
    """Wakes a process for an event that concerns it; past the others it is moved in its sleep."""

    def __init__(self, log: Log, feed: Feed, now: clock.Clock, poll_interval: float) -> None:
        self._log = log
        self._feed = feed
        self._now = now
        self._poll_interval = poll_interval
        self._position = 0
        self._sleeping: dict[Reaction[Any], asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._position = self._log.position
        self._task = asyncio.create_task(self._run(), name="lookout")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def sleep(self, reaction: Reaction[Any]) -> None:
        """Wait until there is something for a process that has read to the head of the log."""
        if reaction.position < self._position:
            return
        woken = self._sleeping[reaction] = asyncio.get_running_loop().create_future()
        try:
            await woken
        finally:
            self._sleeping.pop(reaction, None)

    async def _run(self) -> None:
        while True:
            newest = self._feed.latest(LOG)
            try:
                if not await self._look():
                    await self._feed.beyond(LOG, max(self._position, newest), self._poll_interval)
            except Exception:  # whoever is woken meets the same, and says so
                self._wake(list(self._sleeping))
                await asyncio.sleep(min(self._poll_interval, SOON))

    async def _look(self) -> bool:
        """Look through the next events; False when there are none."""
        now = self._now()
        events = await self._log.read(self._position, _AT_ONCE)
        kinds, position = {type(each.event) for each in events}, events[-1].position if events else self._position
        caught_up_at = None if events else now
        woken = [each for each in self._sleeping if not each.passes(kinds, position, caught_up_at) and events]
        self._wake(woken)
        self._position = position
        if events and not woken and self._log.dialect.is_shared:
            await asyncio.sleep(REST)
        return bool(events)

    def _wake(self, reactions: Iterable[Reaction[Any]]) -> None:
        for each in reactions:
            # It is awake from now on, though its turn comes later: what follows is not to be passed for it.
            woken = self._sleeping.pop(each)
            if not woken.done():
                woken.set_result(None)
