"""The projector: every read model of an application, running side by side."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from engine import clock
from engine.feed import Feed
from engine.projection import Projection, Source
from engine.shapes import ReadModel
from engine.status import Status
from engine.store.readstore import ReadStore

_log = logging.getLogger(__name__)


class Projector:
    """Owns the projections and the pruning of tombstones."""

    def __init__(
        self,
        models: Iterable[ReadModel[Any]],
        source: Source,
        store: ReadStore,
        feed: Feed,
        *,
        random: Callable[[], float],
        batch_size: int = 1000,
        poll_interval: float = 0.5,
        retention: timedelta = timedelta(days=7),
        prune_interval: float = 3600.0,
        now: clock.Clock = clock.now,
    ) -> None:
        self._source = source
        self._store = store
        self._feed = feed
        self._retention = retention
        self._prune_interval = prune_interval
        self._now = now
        self._pruner: asyncio.Task[None] | None = None
        self.projections = {
            model.name: Projection(
                model, source, store, feed, random=random, batch_size=batch_size, poll_interval=poll_interval, now=now
            )
            for model in models
        }

    async def start(self) -> None:
        for projection in self.projections.values():
            await projection.start()
        self._pruner = asyncio.create_task(self._prune(), name="tombstone pruning")

    async def stop(self) -> None:
        if self._pruner is not None:
            self._pruner.cancel()
            await asyncio.wait((self._pruner,))
            self._pruner = None
        await asyncio.gather(*(projection.stop() for projection in self.projections.values()))

    async def settled(self, position: int | None = None, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every projection reached `position`, or the log's head; False when one has not in `timeout` s."""
        wanted = await self._source.head() if position is None else position
        reached = (self._feed.reached(name, wanted, timeout) for name in self.projections)
        return all(await asyncio.gather(*reached))

    async def statuses(self) -> list[Status]:
        return [await projection.status() for projection in self.projections.values()]

    async def _prune(self) -> None:
        while True:
            try:
                await self._store.prune(self._now() - self._retention)
            except Exception:  # what was not pruned now is pruned the next time
                _log.exception("Old tombstones could not be removed.")
            await asyncio.sleep(self._prune_interval)
