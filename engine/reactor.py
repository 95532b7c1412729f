"""The reactor: every process of an application, running side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog

from engine import clock
from engine.again import pause
from engine.crew import Crew, looked_at
from engine.feed import Feed
from engine.lane import Manner
from engine.lease import Leases, Seen
from engine.lookout import Lookout
from engine.parked import Parked
from engine.reaction import Reaction
from engine.roles import Role
from engine.shapes import Effect, Process
from engine.source import Head, found_head
from engine.status import LIVE_SECONDS, State, Status, Told, age
from engine.store.log import Log
from engine.store.reactions import Reactions
from engine.store.session import FAULTS, Guard, alone
from engine.wishes import Performer, Send, Wishes

logger = structlog.get_logger(__name__)

FAREWELL = 2.0
"Seconds that work under way gets at the end; cut short, it is done again at the next start."
AGAIN = 0.5
"Seconds before what the log could not take is tried again, doubled each time up to `LONGEST`; see engine.again."
LONGEST = 10.0
SETTLING = 0.005
"Seconds between two looks at whether everything is done."


class _Loop:
    """One of the two loops of a process: does a step again and again, and waits for longer the more often it fails."""

    def __init__(
        self, reaction: Reaction[Any], step: Callable[[], Awaitable[None]], name: str, random: Callable[[], float]
    ) -> None:
        self.last_error: str | None = None
        self._reaction = reaction
        self._step = step
        self._name = name
        self._random = random
        self._is_stopping = False
        self._is_waiting = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109  # what is late is cut short, not an error
        self._is_stopping = True
        task, self._task = self._task, None
        if task is None:
            return
        if not self._is_waiting:
            await asyncio.wait((task,), timeout=timeout)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def rest(self, work: Awaitable[object]) -> None:
        """Wait for something to do, which may be long: all that there was is done, whatever failed before."""
        self.last_error = None
        await self._wait(work)

    async def _wait(self, work: Awaitable[object]) -> None:
        """Wait; cut short at the end."""
        self._is_waiting = True
        try:
            await work
        finally:
            self._is_waiting = False

    async def _run(self) -> None:
        failures = 0
        while not self._is_stopping:
            try:
                await self._step()
            except Exception as error:  # what failed is still before the checkpoint; other processes go on
                failures += 1
                self._failed(error)
                seconds = pause(failures, error, first=AGAIN, longest=LONGEST, random=self._random)
                await self._wait(asyncio.sleep(seconds))
            else:
                failures, self.last_error = 0, None

    def _failed(self, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        if message != self.last_error:
            name, position = self._reaction.name, self._reaction.position
            logger.error("process stalled", process=name, position=position, reason=message)
        self.last_error = message


class _Runner:
    """The two loops of one process: one follows the log, one the clock."""

    def __init__(
        self,
        reaction: Reaction[Any],
        log: Log,
        lookout: Lookout,
        now: clock.Clock,
        random: Callable[[], float],
        poll: float,
    ) -> None:
        self.reaction = reaction
        self.lease = reaction.topic
        self.is_running = False
        self._log = log
        self._lookout = lookout
        self._now = now
        self._poll = poll
        self._random = random
        self._parked = self._stored = 0
        "As it was last counted, and the position that was last found, where another process is the owner."
        self._make_loops()

    def _make_loops(self) -> None:
        topic = self.reaction.topic
        self._following = _Loop(self.reaction, self._follow, topic, self._random)
        self._tending = _Loop(self.reaction, self._tend, f"{topic} by the clock", self._random)

    async def begin(self, guard: Guard = alone) -> None:
        """Go on where the process was left, by whichever owner."""
        self._make_loops()
        await self.reaction.start(guard)
        self.is_running = True
        self._following.start()
        self._tending.start()

    async def stop(self) -> None:
        self.is_running = False
        await asyncio.gather(self._following.stop(FAREWELL), self._tending.stop(FAREWELL))
        await self.reaction.stop(FAREWELL)

    async def _follow(self) -> None:
        if not await self.reaction.step():
            await self._following.rest(self._lookout.sleep(self.reaction))

    async def _tend(self) -> None:
        self.reaction.changed.clear()
        at = await self.reaction.tend()
        # The clock may be set: it is looked at, whatever it said before.
        seconds = self._poll if at is None else min(max((at - self._now()).total_seconds(), 0.0), self._poll)
        await self._tending.rest(self._changed(seconds))

    async def _changed(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reaction.changed.wait()

    def _error(self) -> str | None:
        return self._following.last_error or self._tending.last_error

    def told(self) -> Told:
        state = State.STALLED if self._error() else State.LIVE
        return Told(self.reaction.position, self.reaction.rate.value(), state, self._error())

    async def status(self, found: Head, seen: Seen | None) -> Status:
        reaction, (head, is_sure), now = self.reaction, found, self._now()
        if is_sure:
            with suppress(*FAULTS):
                self._parked = await self._log.reader(reaction.rows.count)
                self._stored = 0 if self.is_running else await self._log.reader(reaction.rows.position)
        if not self.is_running:
            there = await looked_at(reaction.name, self._stored, seen, self._log, found, now)
            return replace(there, dead_letters=self._parked)
        lag = max(head - reaction.position, 0)
        seconds = await age(self._log, reaction.position, now) if lag and is_sure else 0.0
        state = State.STALLED if self._error() else State.CATCHING_UP if seconds > LIVE_SECONDS else State.LIVE
        rate = reaction.rate.value()
        return Status(
            reaction.name, reaction.position, head, lag, seconds, state, rate, self._error(), self._parked, as_of=now
        )


class Reactor:
    """Owns the processes. At least once each wish is sent, exactly once it takes effect."""

    def __init__(
        self,
        processes: Iterable[Process[Any]],
        log: Log,
        send: Send,
        performers: Mapping[type[Effect], Performer],
        feed: Feed,
        *,
        now: clock.Clock,
        random: Callable[[], float],
        manner: Manner,
        poll_interval: float = 0.5,
    ) -> None:
        self._log = log
        self._feed = feed
        wishes = Wishes(send, performers, timeout=manner.timeout)
        self._lookout = Lookout(log, feed, now, poll_interval)
        reactions = (Reaction(each, log, wishes, feed, now=now, random=random, manner=manner) for each in processes)
        self._crew: Crew | None = None
        self._runners = {each.name: _Runner(each, log, self._lookout, now, random, poll_interval) for each in reactions}

    async def start(self, leases: Leases | None = None) -> None:
        """Run every process, or with leases those that are this one's part."""
        self._lookout.start()
        if leases is not None:
            self._crew = Crew(Role.REACTOR, leases, list(self._runners.values()))
            await self._crew.start()
            return
        for runner in self._runners.values():
            await runner.begin()

    async def stop(self) -> None:
        """Finish what is under way, as far as there is time; the rest is done at the next start."""
        if self._crew is not None:
            await self._crew.stop()
            self._crew = None
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))
        await self._lookout.stop()

    @property
    def owned(self) -> Mapping[str, bool]:
        """Of each process, whether it runs here."""
        return {name: runner.is_running for name, runner in self._runners.items()}

    @property
    def reactions(self) -> Sequence[Reaction[Any]]:
        return [runner.reaction for runner in self._runners.values()]

    async def statuses(self, seen: Mapping[str, Seen] = MappingProxyType({})) -> list[Status]:
        """How each stands: by itself what this process runs, by what is stored and its owner told the rest."""
        head = await found_head(self._log)
        return [await runner.status(head, seen.get(runner.lease)) for runner in self._runners.values()]

    async def dead_letters(self, process: str | None = None, after: int = 0) -> Sequence[Parked]:
        """What failed and what waits behind it, after a position: the first hundred of each process."""
        return await set_aside(self._log, [name for name in self._runners if process in (None, name)], after)

    async def dead_letter(self, process: str, position: int) -> Parked | None:
        """What a process has set aside at a position."""
        found = await self.dead_letters(process, position - 1)
        return found[0] if found and found[0].position == position else None

    async def settled(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # returns False
        """Wait until every process has taken every event, also those that follow from it, and done what is due; False
        when that takes longer. What failed, or waits for its time, does not count.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not await self._is_settled():  # noqa: ASYNC110  # much may change it, and nothing else needs to know
                    await asyncio.sleep(SETTLING)
                return True
        return False

    async def _is_settled(self) -> bool:
        head = await self._log.head()
        for runner in self._runners.values():
            await self._feed.reached(runner.reaction.topic, head)
        idle = [await runner.reaction.is_idle() for runner in self._runners.values()]
        return all(idle) and head == await self._log.head()


async def set_aside(log: Log, processes: Iterable[str], after: int = 0) -> Sequence[Parked]:
    """What processes have set aside behind a position, oldest event first, the first hundred of each."""
    found: list[Parked] = []
    for name in processes:
        found += await log.reader(partial(Reactions(name).parked, after=after))
    return sorted(found, key=lambda each: (each.position, each.process))
