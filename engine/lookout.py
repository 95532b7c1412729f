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
        now, head = self._now(), await self._log.head()
        events = await self._log.read(self._position, _AT_ONCE)
        if not events:
            return False
        kinds, last = {type(each.event) for each in events}, events[-1]
        caught_up_at = now if last.position >= head else None
        self._wake([each for each in self._sleeping if not each.passes(kinds, last.position, caught_up_at)])
        self._position = last.position
        return True

    def _wake(self, reactions: Iterable[Reaction[Any]]) -> None:
        for each in reactions:
            # It is awake from now on, though its turn comes later: what follows is not to be passed for it.
            woken = self._sleeping.pop(each)
            if not woken.done():
                woken.set_result(None)
