"""An application: a set of aggregates and read models, wired to the engine and running."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType, ModuleType
from typing import Any, Self

import structlog

from engine import audit, clock, ids
from engine.audit import Verdict
from engine.clock import Clock
from engine.codec import Codec, members
from engine.deadletters import DEAD_LETTERS
from engine.discovery import declared
from engine.dispatcher import Dispatcher
from engine.faults import Unavailable
from engine.feed import LOG, Feed
from engine.history import History
from engine.lane import Manner
from engine.liveview import LiveViews
from engine.parked import Parked
from engine.projector import Projector
from engine.reactor import Reactor, set_aside
from engine.refusals import Refusal
from engine.settings import Settings
from engine.shapes import Aggregate, Command, Effect, Event, Process, ReadModel, Receipt, Recorded, Upcaster
from engine.status import Status
from engine.store.log import Log
from engine.store.readstore import ReadStore
from engine.tally import Tally
from engine.wishes import Performer

logger = structlog.get_logger(__name__)

HOUSEKEEPING = 3600.0
"Seconds between two rounds of forgetting old command ids."
MOST_ROUNDS = 1000
"Of a thousand command ids each, in one housekeeping: between two of them the writer serves whoever waits."
MANNER = Manner()
FAREWELL = 5.0
"Seconds that read models get, at the end, to show what was accepted last."


@dataclass(frozen=True)
class Declarations:
    """What an application consists of."""

    aggregates: Sequence[Aggregate[Any]]
    models: Sequence[ReadModel[Any]]
    upcasters: Sequence[Upcaster] = ()
    processes: Sequence[Process[Any]] = ()

    @classmethod
    def of(cls, domain: ModuleType, readmodels: ModuleType) -> Self:
        """All that two packages declare, and what operators decide about dead letters."""
        aggregates = (*declared(domain, Aggregate), DEAD_LETTERS)
        processes = declared(domain, Process)
        return cls(aggregates, declared(readmodels, ReadModel), declared(domain, Upcaster), processes)

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work together."""
        if len({process.name for process in self.processes}) < len(self.processes):
            raise ValueError("Two processes have one name, under which each would store how far it has come.")
        for process in self.processes:
            if (process.due is None) != (process.wake is None):
                raise ValueError(f"The process {process.name} must have both `due` and `wake`, or neither.")
            if set(members(process.evolve, 1)) != set(members(process.react, 1)):
                raise ValueError(f"`evolve` and `react` of the process {process.name} must take the same events.")
            if unknown := set(members(process.react, 1)) - self.events:
                names = ", ".join(sorted(event.__name__ for event in unknown))
                raise ValueError(f"The process {process.name} takes {names}, which no aggregate stores.")
        self._check_models()

    def _check_models(self) -> None:
        """Raise ValueError for a read model whose rows could show an older version than their stream has."""
        owned = {aggregate.name: set(members(aggregate.evolve, 1)) for aggregate in self.aggregates}
        for model in self.models:
            unseen = owned.get(model.of, set()) - set(members(model.apply, 1))
            if unseen or (model.of and model.of not in owned):
                names = ", ".join(sorted(event.__name__ for event in unseen)) or f"an aggregate called {model.of}"
                raise ValueError(f"{model.name} mirrors {model.of!r}, so `apply` must handle {names}.")

    @property
    def events(self) -> set[type[Event]]:
        return {event for aggregate in self.aggregates for event in members(aggregate.evolve, 1)}

    @property
    def followers(self) -> Sequence[str]:
        """The names of all that follows the log: read models, then processes."""
        return [model.name for model in self.models] + [process.name for process in self.processes]

    def codec(self) -> Codec:
        return Codec(self.events, self.upcasters)


@dataclass
class App:
    """The parts of a running application. Make one with `App.running`."""

    settings: Settings
    declarations: Declarations
    log: Log
    rows: ReadStore
    feed: Feed
    dispatcher: Dispatcher
    projector: Projector
    reactor: Reactor
    views: LiveViews
    history: History
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.dispatcher.send)

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        settings: Settings,
        declarations: Declarations,
        performers: Mapping[type[Effect], Performer] = MappingProxyType({}),
        *,
        now: Clock = clock.now,
        manner: Manner = MANNER,
    ) -> AsyncIterator[Self]:
        """Open the stores, start every loop, and at the end finish what was accepted. `performers` do what the
        processes want of the world outside.

        Read models catch up while the application serves. Raises Unavailable or UnknownEvent, each with a sentence.
        """
        async with AsyncExitStack() as stack:
            pool = settings.db_pool_min_size, settings.db_pool_max_size
            log = await Log.open(settings.write_path, declarations.codec(), least=pool[0], most=pool[1])
            stack.push_async_callback(log.close)
            rows = ReadStore(settings.read_path, declarations.models, readers=pool)
            await rows.open()
            stack.push_async_callback(rows.close)
            feed = Feed(interval=min(settings.projector_poll_interval, 0.5))
            projector = _projector(settings, declarations, log, rows, feed, now)
            dispatcher = Dispatcher(log, declarations.aggregates, feed, now, most_cached=settings.aggregate_cache_size)
            reactor = Reactor(
                declarations.processes,
                log,
                dispatcher.send,
                performers,
                feed,
                now=now,
                random=ids.random,
                manner=manner,
                poll_interval=settings.projector_poll_interval,
            )
            views = LiveViews(log, rows, feed)
            history = History(log, rows, feed, declarations.models)
            app = cls(settings, declarations, log, rows, feed, dispatcher, projector, reactor, views, history)
            await app._start(stack)
            yield app

    async def _start(self, stack: AsyncExitStack) -> None:
        async def positions() -> dict[str, int]:
            return {**await self.rows.positions(), LOG: await self.log.head()}

        self.feed.poll = positions
        await self.feed.open()
        stack.push_async_callback(self.feed.close)
        await self.projector.start()
        stack.push_async_callback(self.projector.stop)
        for topic, position in (await positions()).items():
            self.feed.note(topic, position)
        stack.push_async_callback(self._show_all)
        stack.push_async_callback(self.dispatcher.stop)
        self.dispatcher.start()
        stack.push_async_callback(self.reactor.stop)
        await self.reactor.start()
        stack.push_async_callback(self.tally.stop)
        self.tally.start()
        housekeeping = asyncio.create_task(self._keep_house(), name="housekeeping")
        stack.push_async_callback(self._end, housekeeping)

    async def _end(self, housekeeping: asyncio.Task[None]) -> None:
        housekeeping.cancel()
        await asyncio.gather(housekeeping, return_exceptions=True)

    async def _show_all(self) -> None:
        if not await self.settled(timeout=FAREWELL):
            logger.warning("read models are behind; they catch up at the next start")

    async def _keep_house(self) -> None:
        while True:
            before = self.log.last_recorded_at - timedelta(days=self.settings.command_retention_days)
            try:
                for _ in range(MOST_ROUNDS):
                    if not await self.log.forget_commands(before):
                        break
            except Exception:  # what was not forgotten now is forgotten the next time
                logger.exception("old command ids not forgotten")
            await asyncio.sleep(HOUSEKEEPING)

    # ------------------------------------------------------------------ what a resolver needs

    async def send(
        self,
        command: Command,
        *,
        command_id: str | None,
        expected_version: int | None,
        actor_id: str | None,
        said: Any = None,
    ) -> Receipt | Refusal:
        """Dispatch a command. In synchronous mode, answer once every read model shows it, or the timeout is over."""
        outcome = await self.dispatcher.send(
            command, command_id=command_id, expected_version=expected_version, actor_id=actor_id, said=said
        )
        if self.settings.synchronous and isinstance(outcome, Receipt):
            await self.settled(outcome.position, timeout=self.settings.read_timeout_ms / 1000)
        return outcome

    async def reached(self, model: ReadModel[Any], position: int) -> bool:
        """Wait until a read model shows a position, at most READ_TIMEOUT_MS."""
        if self.feed.latest(model.name) >= position:
            return True
        return await self.feed.reached(model.name, position, self.settings.read_timeout_ms / 1000)

    async def settled(self, position: int | None = None, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every read model shows a position, the log's head without one; False when one does not in time."""
        return await self.projector.settled(position, timeout)

    async def drained(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until nothing follows any more from what was accepted, and every read model shows it."""
        return await self.reactor.settled(timeout) and await self.settled(timeout=timeout)

    async def statuses(self) -> Sequence[Status]:
        """How every read model and every process stands."""
        return [*await self.projector.statuses(), *await self.reactor.statuses()]

    async def follow_statuses(self, interval: float = 1.0) -> AsyncIterator[Sequence[Status]]:
        """The projections now, then whenever something about them changes, at most once an interval."""
        shown: Sequence[Status] | None = None
        while True:
            statuses = await self.statuses()
            if statuses != shown:
                yield statuses
                shown = statuses
            await asyncio.sleep(interval)


def _projector(
    settings: Settings, declarations: Declarations, log: Log, rows: ReadStore, feed: Feed, now: Clock
) -> Projector:
    return Projector(
        declarations.models,
        log,
        rows,
        feed,
        random=ids.random,
        batch_size=settings.projector_batch_size,
        poll_interval=settings.projector_poll_interval,
        retention=timedelta(days=settings.tombstone_retention_days),
        now=now,
    )


async def verify(settings: Settings, declarations: Declarations) -> list[Verdict[Any]]:
    """Compare every read table with a fresh fold of the log, beside a running server or without one."""
    log = await Log.look(settings.write_path, declarations.codec())
    try:
        rows = ReadStore(settings.read_path, declarations.models, readonly=True)
        await rows.open()
        try:
            return await audit.verify(log, rows, declarations.models)
        finally:
            await rows.close()
    finally:
        await log.close()


async def dead_letters(settings: Settings, declarations: Declarations) -> Sequence[tuple[Parked, Recorded | None]]:
    """What processes have set aside, each with its event, beside a running server or without one."""
    log = await Log.look(settings.write_path, declarations.codec())
    try:
        found = await set_aside(log, [process.name for process in declarations.processes])
        return [(each, next(iter(await log.read(each.position - 1, 1)), None)) for each in found]
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{settings.write_path}: {error}. Start the server on it once.") from None
    finally:
        await log.close()
