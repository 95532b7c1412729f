"""One process as it runs: it follows the log, key by key, and sets aside what fails or takes long."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from engine import clock
from engine.codec import members
from engine.deadletters import DeadLetterEvent, obey
from engine.faults import LeaseLost, Unavailable
from engine.feed import Feed
from engine.lane import Lane, Lanes, Manner, Outcome, Turn, cancelled
from engine.parked import Asks, Parked
from engine.shapes import EPOCH, Process, Recorded, State
from engine.status import Rate
from engine.store.log import Log
from engine.store.reactions import AT_ONCE, Consumer, Reactions
from engine.store.session import FAULTS, Guard, Guarded, Session, alone
from engine.wishes import Wishes

S = TypeVar("S", bound=State)
MOST_UNSTORED = 1000
"Events that did not concern a process and that are looked through again after a crash, at most."


class Reaction(Generic[S]):
    """The position, the lanes and the parked events of one process. `Reactor` runs it.

    A key has one owner at a time: the batch that is being taken, or a lane of its own. Events of a key that has an
    owner, or something set aside, are set aside behind it.
    """

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
        self.name = process.name
        self.topic = f"process {process.name}"
        self.position = 0
        self._stored = 0
        self.rate = Rate(clock.monotonic)
        self.rows = Reactions(process.name)
        self.changed = asyncio.Event()
        "Set when there may be something to do by the clock."
        self._key = process.key
        self._types = frozenset(members(process.evolve, 1))
        self._concerning = self._types | set(members(obey, 2))
        self._log = log
        self._guarded = Guarded(log)
        self._feed = feed
        self._now = now
        self._manner = manner
        self.rules = Lanes(process, log, wishes, now=now, random=random, manner=manner)
        self._silent_until = 0
        self._owned: set[str] = set()
        self._aside: dict[str, asyncio.Task[None]] = {}  # lanes that no batch waits for
        self._trouble: Exception | None = None
        "What the log could not do for one of them."
        self._is_sure = True
        self._caught_up_at = EPOCH
        "All that was recorded by then has been taken."

    async def start(self, guard: Guard = alone) -> None:
        """Find where to go on. States of another layout are folded anew, and so is a process the log does not know:
        what is past has had its consequences, or was never meant to."""
        self._guarded.guard, self._trouble, self._is_sure, self._caught_up_at = guard, None, True, EPOCH
        found = await self._log.reader(self.rows.consumer)
        if found is None or found.layout != self.rules.layout:
            until = self._log.position if found is None else max(found.position, found.silent_until)
            now = self._now()
            found = await self._guarded.write(partial(self.rows.begin, layout=self.rules.layout, until=until, now=now))
        self._goes_on(found)

    def _goes_on(self, found: Consumer) -> None:
        self._stored, self._silent_until = found.position, found.silent_until
        self.rules.silent_before = found.silent_before
        self._at(found.position)

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109  # what is late is cut short, not an error
        """Give the lanes under way some time; cut short, they are run again at the next start."""
        if tasks := list(self._aside.values()):
            _, late = await asyncio.wait(tasks, timeout=timeout)
            await cancelled(late)
        if self._is_sure and self.position > self._stored:
            with suppress(Unavailable, LeaseLost):  # it is only that what did not concern it is looked through again
                await self._guarded.write(partial(self.rows.move, position=self.position))

    async def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing to be done by the clock now."""
        now = self._now()

        def work(connection: Session) -> bool:
            return not self.rows.due(connection, now, 1) and not self.rows.to_retry(connection, now, self._far(now), 1)

        return not self._owned and await self._log.reader(work) and not self._owned

    # ------------------------------------------------------------------ following the log

    async def step(self) -> bool:
        """Take the next events; False when there are none. Raises, with nothing lost, what is to be tried again."""
        now, head = self._now(), await self._log.head()
        await self._make_sure()
        events = await self._next()
        if events and not self.passes({type(each.event) for each in events}, events[-1].position, None):
            await self._advance(events)
            self.rate.add(len(events))
        if self.position >= head:
            self._caught_up_at = now
        return bool(events)

    def passes(self, kinds: Collection[type[Any]], position: int, caught_up_at: datetime | None) -> bool:
        """Go on, never back, to a position without a look, if no event of these kinds concerns it or need be stored."""
        if not self._is_sure or position > self.position:
            if not self._is_sure or not self._concerning.isdisjoint(kinds) or position - self._stored >= MOST_UNSTORED:
                return False
            self.rate.add(position - self.position)
            self._at(position)
        self._caught_up_at = caught_up_at or self._caught_up_at
        return True

    async def _make_sure(self) -> None:
        """After a failure, ask the writer how far the process has come: it may have stored more than it could say."""
        if self._is_sure:
            return
        if found := await self._guarded.write(self.rows.consumer):
            self._goes_on(found)
        self._is_sure = True

    async def _next(self) -> Sequence[Recorded]:
        try:
            events = await self._log.read(self.position, self._manner.batch_size)
        except FAULTS:
            raise
        except Exception:  # one event that cannot be read spoils its page; those before it can still be had singly
            events = await self._log.read(self.position, 1)
        for place, each in enumerate(events, 1):
            if isinstance(each.event, DeadLetterEvent):
                return events[:place]  # it is about what was set aside before it
        return events

    async def _advance(self, events: Sequence[Recorded]) -> None:
        by_key: dict[str, list[Turn]] = {}
        for each in events:
            if type(each.event) in self._types:
                key = self._key(each.event)
                by_key.setdefault(key, []).append(self._turn(key, each))
        mine = by_key.keys() - self._owned
        self._owned |= mine
        late: dict[asyncio.Task[None], Lane] = {}
        try:
            lanes = await self._made(by_key, mine)
            late = await self._run(lanes)
            await self._store([lane.outcome() for lane in lanes], events[-1])
        except BaseException:
            self._is_sure = False
            await cancelled(late)
            self._owned -= mine
            raise
        self._owned -= mine
        for task, lane in late.items():
            self._by_itself(lane.key, partial(self._finish, lane, task))

    def _at(self, position: int) -> None:
        self.position = position
        self._feed.note(self.topic, position)

    def _turn(self, key: str, recorded: Recorded) -> Turn:
        asks = Asks.REACTION if recorded.position > self._silent_until else Asks.FOLD
        return Turn(Parked(self.name, recorded.position, key, self._now(), asks), recorded)

    async def _made(self, by_key: Mapping[str, Sequence[Turn]], mine: Collection[str]) -> list[Lane]:
        """A lane for each key, with the turns that need not wait for something before them."""
        instances, blocked = await self._log.reader(
            lambda connection: (self.rows.instances(connection, mine), self.rows.blocked(connection, by_key))
        )
        lanes = []
        for key, turns in by_key.items():
            free = len(turns) if key in mine else 0
            if key in mine and key in blocked:
                free = sum(turn.parked.position < blocked[key] for turn in turns)
            behind = [turn.parked for turn in turns[free:]]
            lanes.append(Lane(key, turns[:free], instances.get(key), behind))
        return lanes

    async def _run(self, lanes: Sequence[Lane]) -> dict[asyncio.Task[None], Lane]:
        """Run lanes side by side; those that take longer than the batch has patience for."""
        tasks = {asyncio.create_task(self.rules.run(lane), name=self.topic): lane for lane in lanes if lane.turns}
        if not tasks:
            return {}
        try:
            done, late = await asyncio.wait(tasks, timeout=self._manner.patience, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except BaseException:
            await cancelled(tasks)
            raise
        await cancelled([task for task in late if not tasks[task].is_begun])  # their turns are set aside with the rest
        return {task: tasks[task] for task in late if tasks[task].is_begun}

    async def _store(self, outcomes: Sequence[Outcome], last: Recorded | None = None) -> None:
        """Store what lanes came to, together; and with a batch that the process has come to its last event."""
        now = self._now()

        def work(connection: Session) -> None:
            for each in outcomes:
                self.rules.keep(connection, self.rows, each, now)
            if last is not None:
                if isinstance(last.event, DeadLetterEvent) and last.position > self._silent_until:
                    obey(connection, self.rows, last.event, now)
                self.rows.move(connection, last.position)

        await self._guarded.write(work)
        if last is not None:
            self._stored = last.position
            self._at(last.position)
            self.changed.set()

    # ------------------------------------------------------------------ lanes by themselves

    def _by_itself(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            try:
                await work()
            except Exception as error:  # what was not stored is still set aside; the loop by the clock waits a while
                self._trouble = error

        def ended(_: asyncio.Task[None]) -> None:
            self._owned.discard(key)
            del self._aside[key]
            self.changed.set()

        self._owned.add(key)
        self._aside[key] = task = asyncio.create_task(run(), name=f"{self.topic} by itself")
        task.add_done_callback(ended)

    async def _finish(self, lane: Lane, task: asyncio.Task[None]) -> None:
        await task
        await self._store([lane.outcome()])

    async def _retry(self, key: str) -> None:
        """What is set aside of a key again, from its first on, if its time has come."""
        now = self._now()

        def waiting(connection: Session) -> Lane | None:
            found = self.rows.of(connection, key)
            if not found or not found[0].is_due(now, self._far(now)):
                return None  # whoever owned the key in the meantime has done it, or tried
            instance = self.rows.instances(connection, (key,)).get(key)
            return Lane(key, [Turn(each) for each in found], instance, is_new=False)

        if lane := await self._log.reader(waiting):
            await self.rules.run(lane)
            await self._store([lane.outcome()])

    def _far(self, now: datetime) -> datetime:
        """A time that nothing is put off to, unless the clock was ahead."""
        return now + timedelta(seconds=self._manner.last_delay + 1)

    async def tend(self) -> datetime | None:
        """Begin what is to be done by the clock; when there will be more to do."""
        if trouble := self._trouble:
            self._trouble = None
            raise trouble
        now = self._now()
        if self.position < self._silent_until:
            return None  # the states are not what they were
        if self.position >= await self._log.head():
            self._caught_up_at = now
        await self._note_deadlines(min(now, self._caught_up_at))  # what was recorded before it may have moved it
        await self._begin_retries(now)
        return await self._log.reader(lambda connection: self.rows.next_time(connection, now))

    async def _note_deadlines(self, now: datetime) -> None:
        found = await self._log.reader(lambda connection: self.rows.due(connection, now, AT_ONCE + len(self._owned)))
        if keys := set(found) - self._owned:
            self._owned |= keys
            try:
                await self._guarded.write(lambda connection: self.rows.park_wake(connection, keys, now))
            finally:
                self._owned -= keys

    async def _begin_retries(self, now: datetime) -> None:
        # Half of the places, so that what goes on failing leaves some to what is new.
        if (free := max(self._manner.lanes // 2, 1) - len(self._aside)) <= 0:
            return
        many, far = free + len(self._owned), self._far(now)
        found = await self._log.reader(lambda connection: self.rows.to_retry(connection, now, far, many))
        for key in [key for key in found if key not in self._owned][:free]:
            self._by_itself(key, partial(self._retry, key))
