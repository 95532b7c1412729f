"""One process as it runs: it follows the log, key by key, and sets aside what fails without holding up the rest."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

import msgspec
import structlog

from engine import clock
from engine.codec import layout, members
from engine.deadletters import DeadLetterDiscarded, DeadLetterEvent, DeadLetterRetried
from engine.faults import Unavailable
from engine.feed import Feed
from engine.shapes import Process, Recorded, State
from engine.status import Rate
from engine.store.log import Log
from engine.store.reactions import Consumer, Instance, Parked, Reactions
from engine.wishes import Cause, Wishes

S = TypeVar("S", bound=State)
T = TypeVar("T")

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Manner:
    """How a process deals with its events, in numbers."""

    batch_size: int = 256
    lanes: int = 32
    "Keys that are worked on side by side."
    attempts: int = 10
    "After which an event is given up; the delays between them double, from `first_delay` to `last_delay` seconds."
    first_delay: float = 1.0
    last_delay: float = 300.0


@dataclass
class _Lane:
    """What a batch comes to for one key."""

    instance: Instance | None
    failed: Parked | None = None
    behind: Sequence[int] = ()


class Reaction(Generic[S]):
    """The state, the steps and the parked events of one process. `Reactor` runs it."""

    def __init__(
        self,
        process: Process[S],
        log: Log,
        wishes: Wishes,
        feed: Feed,
        *,
        now: clock.Clock,
        random: Callable[[], float],
        manner: Manner,
    ) -> None:
        self.process = process
        self.name = process.name
        self.topic = f"process {process.name}"
        self.position = 0
        self.rate = Rate(clock.monotonic)
        self.rows = Reactions(process.name)
        self._log = log
        self._wishes = wishes
        self._feed = feed
        self._now = now
        self._random = random
        self._manner = manner
        self._types = frozenset(members(process.evolve, 1))
        state = type(process.initial)
        self._layout = f"{process.version} {layout(state)}"
        self._decode = msgspec.json.Decoder(state).decode
        self._encode = msgspec.json.Encoder(order="deterministic").encode
        self._silent_until = 0
        self._lanes = asyncio.Semaphore(manner.lanes)

    async def start(self) -> None:
        """Find where to go on. States of another layout are folded anew, and so is a process the log does not know:
        what is past has had its consequences, or was never meant to."""
        found = await self._log.reader(self.rows.consumer)
        if found is None or found.layout != self._layout:
            until = self._log.position if found is None else max(found.position, found.silent_until)
            found = Consumer(self._layout, 0, until)
            await self._write(lambda connection: self.rows.begin(connection, Consumer(self._layout, 0, until)))
        self.position, self._silent_until = found.position, found.silent_until
        self._feed.note(self.topic, self.position)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._log.write(work)

    # ------------------------------------------------------------------ following the log

    async def step(self) -> bool:
        """Take the next events; False when there are none. Raises Unavailable, with nothing lost, to be tried again."""
        events = await self._log.read(self.position, self._manner.batch_size)
        if not events:
            return False
        if any(isinstance(each.event, DeadLetterEvent) for each in events):
            events = events[: _until_decision(events)]
        lanes = await self._run_lanes([each for each in events if type(each.event) in self._types])
        position, decision = events[-1].position, events[-1].event

        def keep(connection: sqlite3.Connection) -> None:
            for key, lane in lanes.items():
                self._keep_lane(connection, key, lane)
            if isinstance(decision, DeadLetterEvent) and decision.process == self.name:
                self._obey(connection, decision)
            self.rows.move(connection, position)

        await self._write(keep)
        self.position = position
        self.rate.add(len(events))
        self._feed.note(self.topic, position)
        return True

    async def _run_lanes(self, events: Sequence[Recorded]) -> dict[str, _Lane]:
        by_key: dict[str, list[Recorded]] = {}
        for each in events:
            by_key.setdefault(self.process.key(each.event), []).append(each)
        instances, blocked = await self._log.reader(
            lambda connection: (self.rows.instances(connection, by_key), self.rows.blocked(connection, by_key))
        )
        lanes = await self._side_by_side(
            [partial(self._lane, key, own, instances.get(key), key in blocked) for key, own in by_key.items()]
        )
        return dict(zip(by_key, lanes, strict=True))

    async def _side_by_side(self, works: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        async def one(work: Callable[[], Awaitable[T]]) -> T:
            async with self._lanes:
                return await work()

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(work)) for work in works]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None  # one is enough: all are done again
        return [task.result() for task in tasks]

    async def _lane(self, key: str, events: Sequence[Recorded], instance: Instance | None, is_blocked: bool) -> _Lane:
        """One key's events, in order, up to the first that fails."""
        if is_blocked:
            return _Lane(None, behind=[each.position for each in events])
        for place, recorded in enumerate(events):
            try:
                instance = await self._react(key, instance, recorded)
            except Unavailable:
                raise  # the log's fault, not the event's
            except Exception as error:  # other keys go on; this one waits for another attempt, which is stored
                failed = self._failed(Parked(self.name, recorded.position, key, self._now()), error)
                return _Lane(instance, failed, [each.position for each in events[place + 1 :]])
        return _Lane(instance)

    def _keep_lane(self, connection: sqlite3.Connection, key: str, lane: _Lane) -> None:
        if lane.instance is not None:
            self._keep(connection, lane.instance)
        if lane.failed is not None:
            self.rows.park(connection, lane.failed)
        self.rows.park_behind(connection, key, lane.behind, self._now())

    def _keep(self, connection: sqlite3.Connection, instance: Instance) -> None:
        if self._decode(instance.state) == self.process.initial:
            self.rows.forget(connection, instance.key)
        else:
            self.rows.keep(connection, instance)

    # ------------------------------------------------------------------ one event

    async def _react(self, key: str, instance: Instance | None, recorded: Recorded) -> Instance:
        """Fold an event in and do what follows. Raises whatever keeps it from being done."""
        process, event, position = self.process, recorded.event, recorded.position
        state = process.initial if instance is None else self._decode(instance.state)
        if instance is None or position > instance.position:
            state = process.evolve(state, event)
            due_at = process.due(state) if process.due else None
            instance = Instance(key, position, recorded.correlation_id, self._encode(state), due_at)
        if position > self._silent_until:
            cause = Cause(process.name, str(position), recorded.correlation_id, position, recorded.trace)
            await self._wishes.fulfil(process.react(state, event), cause)
        return instance

    def _failed(self, parked: Parked, error: Exception) -> Parked:
        attempts = parked.attempts + 1
        message = f"{type(error).__name__}: {error}"
        is_dead = attempts >= self._manner.attempts
        log = logger.error if is_dead else logger.warning
        log("reaction failed", process=self.name, position=parked.position, attempts=attempts, reason=message)
        delay = min(self._manner.first_delay * 2.0 ** (attempts - 1), self._manner.last_delay)
        retry_at = None if is_dead else self._now() + timedelta(seconds=delay * (0.5 + self._random() / 2))
        return msgspec.structs.replace(parked, attempts=attempts, retry_at=retry_at, error=message)

    # ------------------------------------------------------------------ what comes by the clock

    async def tend(self) -> datetime | None:
        """Try again what is due to be, and wake instances whose time has come; when there will be more to do."""
        now = self._now()
        retries, due = await self._log.reader(
            lambda connection: (self.rows.to_retry(connection, now), self.rows.due(connection, now))
        )
        await self._side_by_side([partial(self._retry, each) for each in retries])
        await self._side_by_side([partial(self._wake, each) for each in due])
        return await self._log.reader(self.rows.next_time)

    async def _retry(self, parked: Parked) -> None:
        """A key's first event again, and once it is done those behind it."""
        key = parked.key
        try:
            while (following := await self._again(key, parked)) is not None and following.retry_at is not None:
                parked = following
        except Unavailable:
            raise
        except Exception as error:  # as in _lane
            failed = self._failed(parked, error)
            await self._write(lambda connection: self.rows.park(connection, failed))

    async def _again(self, key: str, parked: Parked) -> Parked | None:
        """Do what an event asks for; gives the one that waited behind it."""
        (recorded,) = await self._log.read(parked.position - 1, 1)
        found = await self._log.reader(lambda connection: self.rows.instances(connection, (key,)))
        instance = await self._react(key, found.get(key), recorded)

        def keep(connection: sqlite3.Connection) -> Parked | None:
            self._keep(connection, instance)
            self.rows.release(connection, key, parked.position, self._now())
            return self.rows.first(connection, key)

        return await self._write(keep)

    async def _wake(self, instance: Instance) -> None:
        wake, state = self.process.wake, self._decode(instance.state)
        later: datetime | None = None
        try:
            if wake is not None:
                # Known by the state it finds, so that it is the same however often it is tried.
                of = f"{instance.position} due {instance.key}"
                cause = Cause(self.name, of, instance.correlation_id, instance.position)
                await self._wishes.fulfil(wake(state), cause)
        except Unavailable:
            raise
        except Exception as error:  # its time comes again
            failed = self._failed(Parked(self.name, instance.position, instance.key, self._now()), error)
            later = failed.retry_at
        await self._write(lambda connection: self.rows.put_off(connection, instance, later))

    # ------------------------------------------------------------------ what operators decide

    def _obey(self, connection: sqlite3.Connection, decision: DeadLetterEvent) -> None:
        found = next(iter(self.rows.parked(connection, decision.position - 1, 1)), None)
        if found is None or found.position != decision.position:
            return  # it went its way in the meantime
        if isinstance(decision, DeadLetterRetried):
            self.rows.again(connection, decision.position, self._now())
        elif isinstance(decision, DeadLetterDiscarded):
            self.rows.release(connection, found.key, decision.position, self._now())


def _until_decision(events: Sequence[Recorded]) -> int:
    """How many events there are up to the first decision of an operator, which ends a batch: it comes after them."""
    return next(place for place, each in enumerate(events, 1) if isinstance(each.event, DeadLetterEvent))
