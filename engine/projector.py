"""The projector: every read model of an application, running side by side."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import structlog

from engine import clock
from engine.convoy import Convoy
from engine.crew import Crew, looked_at
from engine.faults import Unavailable
from engine.feed import Feed
from engine.lease import Leases, Seen
from engine.projection import Projection
from engine.roles import Role
from engine.shapes import ReadModel
from engine.source import Source, found_head
from engine.status import Status
from engine.store.readstore import ReadStore
from engine.store.session import FAULTS

LOOK = 1.0
"Seconds between two looks at where the tables are, where they can be set back."
PATIENCE = 5.0
"Seconds that such a look may take."
_log = structlog.get_logger(__name__)


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
        self._positions: Mapping[str, int] = {}
        "Of the tables, as they were found last."
        self._pruner: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._crew: Crew | None = None
        self.convoy = Convoy(source, store, feed, batch_size=batch_size, poll_interval=poll_interval)
        self.projections = {
            model.name: Projection(
                model,
                source,
                store,
                feed,
                self.convoy,
                random=random,
                batch_size=batch_size,
                poll_interval=poll_interval,
                now=now,
            )
            for model in models
        }

    async def start(self, leases: Leases | None = None) -> None:
        """Project every model, or with leases those that are this process's part."""
        if leases is None:
            await self._start_all()
        else:
            self.convoy.start()
            self._crew = Crew(Role.PROJECTOR, leases, list(self.projections.values()))
            await self._crew.start()
        self._pruner = asyncio.create_task(self._prune(), name="tombstone pruning")
        if self._store.place.dialect.is_shared:
            self._watch = asyncio.create_task(self._look_again(), name="tables looked at")

    async def _start_all(self) -> None:
        # All of them first: whoever waits has positions polled, and those of tables to be started over are of the past.
        for projection in self.projections.values():
            await projection.prepare()
        self.convoy.start()
        for projection in self.projections.values():
            projection.start()

    async def stop(self) -> None:
        for task in filter(None, (self._pruner, self._watch)):
            task.cancel()
            await asyncio.wait((task,))
        self._pruner = self._watch = None
        if self._crew is not None:
            await self._crew.stop()
            self._crew = None
        await self.convoy.stop()
        await asyncio.gather(*(projection.stop() for projection in self.projections.values()))

    async def settled(self, position: int | None = None, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every projection reached `position`, or the log's head; False when one has not in `timeout` s."""
        wanted = await self._source.head() if position is None else position
        reached = (self._feed.reached(name, wanted, timeout) for name in self.projections)
        return all(await asyncio.gather(*reached))

    async def statuses(self, seen: Mapping[str, Seen] = MappingProxyType({})) -> list[Status]:
        """How each stands: by itself what this process projects, by its table and what its owner told the rest."""
        found, head = [], await found_head(self._source)
        if not self.runs_all:
            with suppress(*FAULTS):  # what was known before is told of tables that are away
                self._positions = await self._store.positions()
        for name, each in self.projections.items():
            if each.is_running:
                found.append(await each.status(head))
            else:
                position = self._positions.get(name, 0)
                found.append(await looked_at(name, position, seen.get(each.lease), self._source, head, self._now()))
        return found

    @property
    def runs_all(self) -> bool:
        """Whether this process projects every model."""
        return all(projection.is_running for projection in self.projections.values())

    async def _look_again(self) -> None:
        """Find tables that lost what was done last, as their server failed: also while nothing is to be written."""
        while True:
            await asyncio.sleep(LOOK)
            before = {name: each.position for name, each in self.projections.items() if each.is_running}
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await self._store.positions()
                for name, position in before.items():
                    if found.get(name, position) < position:
                        self.projections[name].doubt()
            except (*FAULTS, TimeoutError):  # looked at the next time
                pass
            except Exception:  # likewise: nobody else looks
                _log.exception("tables not looked at")

    async def _prune(self) -> None:
        while True:
            try:
                owned = [name for name, each in self.projections.items() if each.is_running]
                await self._store.prune(self._now() - self._retention, owned)
            except Unavailable as error:
                _log.warning("old tombstones not removed", reason=str(error))
            except Exception:  # what was not pruned now is pruned the next time
                _log.exception("old tombstones not removed")
            await asyncio.sleep(self._prune_interval)
