"""An application: a set of aggregates and read models, wired to the engine and running."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Self

import structlog

from engine import clock, ids
from engine.broker import concealing
from engine.brokers.choosing import chosen
from engine.clock import Clock
from engine.cloudevents import CloudEvents
from engine.crew import present
from engine.declarations import Declarations
from engine.dispatcher import Dispatcher
from engine.faults import Unavailable
from engine.feed import LOG, Feed
from engine.health import Health
from engine.history import History
from engine.lane import Manner
from engine.lease import Leases, Seen
from engine.liveview import LiveViews
from engine.parked import Parked
from engine.probes import probes
from engine.projector import Projector
from engine.reactor import Reactor
from engine.refusals import Refusal
from engine.relay import Relay
from engine.roles import Role, shown
from engine.samples import Samples
from engine.settings import Settings
from engine.shapes import Command, Effect, ReadModel, Receipt
from engine.source import found_head
from engine.status import Status
from engine.store.log import Log
from engine.store.places import place
from engine.store.readstore import ReadStore
from engine.tally import Tally
from engine.wishes import Performer

logger = structlog.get_logger(__name__)

HOUSEKEEPING = 3600.0
"Seconds between two rounds of forgetting old command ids."
MOST_ROUNDS = 1000
"Of a thousand command ids each, in one housekeeping: between two of them the writer serves whoever waits."
MANNER = Manner()
FAREWELL = 2.0
"Seconds that read models get, at the end, to show what was accepted last."


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
    relay: Relay | None
    "None where RELAY_URL names no broker."
    tally: Tally = field(init=False)
    health: Health = field(init=False)
    _statuses: Samples[Sequence[Status]] = field(init=False)
    _dead_letters: Samples[Sequence[Parked]] = field(init=False)
    _of_reads: Leases | None = None
    _of_log: Leases | None = None
    "Of the consumers with their checkpoints beside the read tables, and beside the log; None on SQLite."

    def __post_init__(self) -> None:
        self.tally = Tally(self.dispatcher.send)
        self.health = Health(
            self.statuses,
            {model.name for model in self.declarations.models},
            most_lag=self.settings.health_max_lag_seconds,
            most_dead_letters=self.settings.health_max_dead_letters,
        )
        for name, probe, needed_for in probes(
            self.log, self.rows, self.feed, self.declarations.models, lambda: self.dispatcher.last_error
        ):
            self.health.register(name, probe, needed_for)
        self._statuses = Samples(self.statuses)
        self._dead_letters = Samples(self.reactor.dead_letters)

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
            log = await Log.open(place(settings.write_db_url), declarations.codec(), least=pool[0], most=pool[1])
            stack.push_async_callback(log.close)
            rows = ReadStore(place(settings.read_db_url), declarations.models, readers=pool)
            await rows.open()
            stack.push_async_callback(rows.close)
            every = settings.projector_poll_interval
            feed = Feed(settings.redis_url, channel=f"hints:{log.id}", interval=min(every, 0.5))
            projector = _projector(settings, declarations, log, rows, feed, now)
            dispatcher = Dispatcher(log, declarations.aggregates, feed, now, most_cached=settings.aggregate_cache_size)
            reactor = Reactor(
                declarations.processes, log, dispatcher.send, performers, feed,
                now=now, random=ids.random, manner=manner, poll_interval=every,
            )  # fmt: skip
            views = LiveViews(log, rows, feed)
            stack.push_async_callback(views.close)
            history = History(log, rows, feed, declarations.models)
            relay = relaying(settings, log, feed, now)
            app = cls(settings, declarations, log, rows, feed, dispatcher, projector, reactor, views, history, relay)
            await app._start(stack)
            yield app

    async def _start(self, stack: AsyncExitStack) -> None:
        async def positions() -> dict[str, int]:
            head = await found_head(self.log)  # read models may move on elsewhere while the log does not answer here
            return {**await self.rows.positions(), LOG: head.position}

        roles = self.settings.serves
        stack.push_async_callback(self.health.close)
        await self.feed.open()
        stack.push_async_callback(self.feed.close)
        self._of_reads = await stack.enter_async_context(Leases.beside(self.rows.place))
        self._of_log = await stack.enter_async_context(Leases.beside(self.log.place))
        if Role.PROJECTOR in roles:
            stack.push_async_callback(self.projector.stop)
            await self.projector.start(self._of_reads)
        self.feed.poll = positions  # not before: of tables that were to be started over they are of the past
        for topic, position in (await positions()).items():
            self.feed.note(topic, position)
        if self.relay and Role.RELAY in roles:
            stack.push_async_callback(self.relay.close)
            await self.relay.start(self._of_log)
        if Role.PROJECTOR in roles:
            stack.push_async_callback(self._show_all)
        stack.push_async_callback(self.dispatcher.stop)
        self.dispatcher.start()
        if Role.REACTOR in roles:
            stack.push_async_callback(self.reactor.stop)
            await self.reactor.start(self._of_log)
        else:  # it may own nothing that would tell
            await stack.enter_async_context(present(shown(roles), self._of_log))
        if Role.API in roles:
            stack.push_async_callback(self.tally.stop)
            self.tally.start()
            housekeeping = asyncio.create_task(self._keep_house(), name="housekeeping")
            stack.push_async_callback(self._end, housekeeping)

    async def _end(self, housekeeping: asyncio.Task[None]) -> None:
        housekeeping.cancel()
        await asyncio.gather(housekeeping, return_exceptions=True)

    async def _show_all(self) -> None:
        if not await self.settled(self.log.position, timeout=FAREWELL):  # which asks nobody for it
            logger.warning("read models are behind; they catch up at the next start")

    async def _keep_house(self) -> None:
        while True:
            before = self.log.last_recorded_at - timedelta(days=self.settings.command_retention_days)
            try:
                for _ in range(MOST_ROUNDS):
                    if not await self.log.forget_commands(before):
                        break
            except Unavailable as error:
                logger.warning("old command ids not forgotten", reason=str(error))
            except Exception:  # what was not forgotten now is forgotten the next time
                logger.exception("old command ids not forgotten")
            await asyncio.sleep(HOUSEKEEPING)

    # ------------------------------------------------------------------ what a resolver needs

    def send(
        self,
        command: Command,
        *,
        command_id: str | None,
        expected_version: int | None,
        actor_id: str | None,
        said: Any = None,
    ) -> Awaitable[Receipt | Refusal]:
        """Dispatch a command. In synchronous mode, answer once every read model shows it, or the timeout is over."""
        sent = self.dispatcher.send(
            command, command_id=command_id, expected_version=expected_version, actor_id=actor_id, said=said
        )
        return self._shown(sent) if self.settings.synchronous else sent

    async def _shown(self, sent: Awaitable[Receipt | Refusal]) -> Receipt | Refusal:
        outcome = await sent
        if isinstance(outcome, Receipt):
            await self.settled(outcome.position, timeout=self.settings.read_timeout_ms / 1000)
        return outcome

    async def reached(self, model: ReadModel[Any], position: int) -> bool:
        """Wait until a read model shows a position, at most READ_TIMEOUT_MS."""
        if self.feed.latest(model.name) >= position:
            return True
        timeout = self.settings.read_timeout_ms / 1000
        if position > self.log.position and position > await self.log.head():
            # A client may name any. As one that is wanted, it would have the table written in a hurry ever after.
            return await self.feed.beyond(model.name, position - 1, timeout) >= position
        return await self.feed.reached(model.name, position, timeout)

    async def settled(self, position: int | None = None, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every read model shows a position, the log's head without one; False when one does not in time."""
        return await self.projector.settled(position, timeout)

    async def drained(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until nothing follows any more from what was accepted, and every read model shows it."""
        return await self.reactor.settled(timeout) and await self.settled(timeout=timeout)

    async def statuses(self) -> Sequence[Status]:
        """How every read model, every process and the relay stand."""
        reads = None if self.projector.runs_all else self._of_reads
        runs_all = all(self.reactor.owned.values()) and (self.relay is None or self.relay.is_running)
        of_reads, of_log = await asyncio.gather(_seen(reads), _seen(None if runs_all else self._of_log))
        relay = [self.relay.status(of_log.get(self.relay.lease))] if self.relay else []
        models, processes = await asyncio.gather(self.projector.statuses(of_reads), self.reactor.statuses(of_log))
        return [*models, *processes, *await asyncio.gather(*relay)]

    def owned(self) -> Mapping[str, bool]:
        """Of each read model, process and the relay, whether this process runs it."""
        relay = {self.relay.lease: self.relay.is_running} if self.relay else {}
        models = {name: each.is_running for name, each in self.projector.projections.items()}
        return {**models, **self.reactor.owned, **relay}

    def follow_statuses(self, interval: float = 1.0, beat: float = 5.0) -> AsyncGenerator[Sequence[Status], None]:
        """The statuses now, then whenever they change, at most once an interval; every `beat` seconds in any case."""
        return self._statuses.follow(interval, beat)

    async def follow_dead_letters(
        self, process: str | None = None, interval: float = 1.0
    ) -> AsyncGenerator[Sequence[Parked], None]:
        """What processes have set aside now, then whenever that changes, at most once an interval."""
        told: Sequence[Parked] | None = None
        async with aclosing(self._dead_letters.follow(interval)) as samples:
            async for found in samples:
                concerned = [each for each in found if process in (None, each.process)]
                if concerned != told:
                    yield concerned
                    told = concerned


async def _seen(leases: Leases | None) -> Mapping[str, Seen]:
    return {} if leases is None else await leases.last_seen()


def relaying(settings: Settings, log: Log, feed: Feed, now: Clock) -> Relay | None:
    """The relay to the broker that RELAY_URL names, if it does. Raises Unavailable when its client is not installed."""
    if not (url := settings.relay_url):
        return None
    return Relay(
        log,
        chosen(url, settings.relay_channel, most=settings.relay_most_kept),
        feed,
        CloudEvents(log.id, tells_personal=settings.relay_personal_data),
        now=now,
        random=ids.random,
        conceal=concealing(url),
        poll_interval=settings.projector_poll_interval,
    )


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
