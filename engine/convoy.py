"""Projections at the head of the log travel together: one read of the log, one transaction for all whom it concerns."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog

from engine import clock, metrics
from engine.again import SOON
from engine.faults import SetBack, Unavailable
from engine.feed import LOG, Feed, wanted
from engine.projection import Projection
from engine.shapes import Recorded
from engine.source import Source
from engine.store.readstore import ReadStore

_log = structlog.get_logger(__name__)

GATHERING = 0.05
"Seconds for which events that do not concern a table are gathered."
PAUSE, LONGEST_PAUSE = 0.0004, 0.02
"Seconds that the next batch is awaited, for each event of the last one, and at most: none to speak of for one command."
_STIRRED = "stirred"
"The topic of whatever the convoy is to look at, besides new events. Positions in it are counted."


@dataclass(eq=False)
class _Member:
    projection: Projection[Any]
    seen: int
    "Nothing between the position of the projection and this one concerns it."
    left: "asyncio.Future[None]"
    wanted: int = 0
    "The newest position that somebody waits for."

    @property
    def is_gathering(self) -> bool:
        return self.seen > self.projection.position

    @property
    def is_wanted(self) -> bool:
        return self.wanted > self.projection.position


class _Move(NamedTuple):
    """A projection's part of a transaction: the events that are new to it, and where it stands afterwards."""

    projection: Projection[Any]
    events: Sequence[Recorded]
    position: int


class Convoy:
    """Takes the batches of every projection that has read to the head of the log.

    A projection goes on by itself when it is paused or rebuilt, and when its part of a batch failed. That a table has
    passed what does not concern it is written a moment later, for all such tables together, unless somebody waits for
    it: a transaction for each group of commands in each of ten tables would cost more than the ones that matter.
    """

    def __init__(
        self,
        source: Source,
        store: ReadStore,
        feed: Feed,
        *,
        batch_size: int,
        poll_interval: float,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._source = source
        self._store = store
        self._feed = feed
        self._batch_size = batch_size
        self._poll_interval = poll_interval
        self._monotonic = monotonic
        self._members: dict[str, _Member] = {}
        self._under_way: Sequence[_Move] = ()
        self._gathering_since: float | None = None
        self._stirs = 0
        self.writes = metrics.Spread(metrics.READ_STORE_SECONDS)
        "Of its transactions."
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="convoy")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def travel(self, projection: Projection[Any]) -> None:
        """Take a projection along, until it is to go on by itself."""
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        name = projection.name
        member = self._members[name] = _Member(projection, projection.position, left)
        heeding = asyncio.create_task(self._heed(member), name=f"waits for {name}")
        self._stir()
        try:
            await left
        finally:
            heeding.cancel()
            del self._members[name]

    def release(self, projection: Projection[Any]) -> None:
        """Let a projection go on by itself, after the batch under way."""
        member = self._members.get(projection.name)
        if member is not None and not member.left.done() and all(projection is not on for on, _, _ in self._under_way):
            member.left.set_result(None)

    # ------------------------------------------------------------ the loop

    async def _run(self) -> None:
        while True:
            newest, stirs = self._feed.latest(LOG), self._stirs
            try:
                if not await self._step():
                    await self._rest(newest, stirs)
            except Exception as error:  # each of them comes to the same by itself, and says so
                _log.debug("projections go on by themselves", reason=f"{type(error).__name__}: {error}")
                for member in self._members.values():
                    self.release(member.projection)
                await asyncio.sleep(min(self._poll_interval, SOON))

    def _stir(self) -> None:
        self._stirs += 1
        self._feed.note(_STIRRED, self._stirs)

    async def _heed(self, member: _Member) -> None:
        """Note what somebody waits for: the table may have passed it without having said so."""
        topic = wanted(member.projection.name)
        while True:
            member.wanted = await self._feed.beyond(topic, member.wanted)
            if member.is_wanted:
                self._stir()

    async def _rest(self, newest: int, stirs: int) -> None:
        """Wait for something to do."""
        if not self._members:
            await self._feed.beyond(_STIRRED, stirs)
            return
        seconds = self._poll_interval
        if self._gathering_since is not None:
            seconds = min(seconds, self._gathering_since + GATHERING - self._monotonic())
        position = max(newest, *(member.seen for member in self._members.values()))
        await self._feed.any_beyond({LOG: position, _STIRRED: stirs}, max(seconds, 0.0))

    async def _step(self) -> bool:
        """Take the next events; False when there are no more, as far as is known."""
        members = [member for member in self._members.values() if not member.left.done()]
        if not members:
            return False
        after = min(member.seen for member in members)
        events = await self._source.read(after, self._batch_size)
        if events and events[-1].position != after + len(events):
            raise Unavailable(f"The log gave positions up to {events[-1].position} after {after}.")
        moves = self._moves(members, after, events)
        if moves:
            stirs = self._stirs
            await self._write(moves)
            await self._pause(len(events), stirs)
        is_more = len(events) == self._batch_size or self._feed.latest(LOG) > after + len(events)
        return bool(events) and is_more  # a hint may be ahead of the log, or wrong

    async def _pause(self, events: int, stirs: int) -> None:
        """Let more come together, the more there was: under load a batch costs less for each of its events."""
        if events > 1 and not any(member.is_wanted for member in self._members.values()):
            await self._feed.any_beyond({_STIRRED: stirs}, min(PAUSE * events, LONGEST_PAUSE))

    def _moves(self, members: Iterable[_Member], after: int, events: Sequence[Recorded]) -> list[_Move]:
        """What is to be written now, for those who have not left meanwhile."""
        kinds, moves, gathering = {type(each.event) for each in events}, [], []
        for member in members:
            if member.left.done():
                continue
            projection, new = member.projection, events[member.seen - after :]
            member.seen += len(new)
            if new and not projection.fold.types.isdisjoint(kinds):
                moves.append(_Move(projection, new, member.seen))
            elif member.is_gathering:
                gathering.append(member)
        if self._is_over(gathering):
            moves += [_Move(member.projection, (), member.seen) for member in gathering]
        return moves

    def _is_over(self, gathering: Sequence[_Member]) -> bool:
        """Whether those who gather what does not concern them have done so for long enough."""
        if not gathering:
            self._gathering_since = None
            return False
        now = self._monotonic()
        if self._gathering_since is None:
            self._gathering_since = now
        if not any(each.is_wanted for each in gathering) and now - self._gathering_since < GATHERING:
            return False
        self._gathering_since = None
        return True

    async def _write(self, moves: Sequence[_Move]) -> None:
        self._under_way = moves
        began = self._monotonic()
        try:
            parts = [projection.part(events, position) for projection, events, position in moves]
            faults = await self._store.project(parts)
        except BaseException:
            for each in moves:
                each.projection.doubt()  # whether it was committed may not be known
            raise
        finally:
            self._under_way = ()
        self.writes.add(self._monotonic() - began)
        for (projection, events, position), part, fault in zip(moves, parts, faults, strict=True):
            if fault is None:
                await projection.took(part.folded, events, position)
            elif isinstance(fault, SetBack):
                projection.doubt()
            if fault is not None or not projection.may_travel:  # by itself it fails again and names the event
                self.release(projection)
