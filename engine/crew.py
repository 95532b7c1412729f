"""A crew: all processes that have a role, each of which owns a fair part of the role's consumers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from engine import tenure
from engine.faults import LeaseLost
from engine.lease import SPAN, Leases, Seen, Token
from engine.source import Head, Source
from engine.status import Status, Told, age, elsewhere
from engine.store.session import Guard, Session, Verdict

LOOK = 1.0
"Seconds between two looks at who is there, and what is free."
STARTING = 10.0
"Seconds that a start waits for what it takes to have begun. Then it goes on; so does the beginning."
_log = structlog.get_logger(__name__)


class Consumer(Protocol):
    """What follows the log and has one owner at a time."""

    @property
    def lease(self) -> str:
        """What its lease is called."""

    async def begin(self, guard: Guard) -> None:
        """Go on where the last owner was, as the owner."""

    async def stop(self) -> None:
        """End what is under way. Nothing is stored that the guard refuses."""

    def told(self) -> Told:
        """What its owner says of it to those who look on."""


class Crew:
    """One process's place in a crew.

    Each says every second that it is there, sees who else is, and so knows its part: it gives back what is more, and
    takes what is free as far as it is less. One that died counts no longer once its leases have expired, and what it
    owned is then free.
    """

    def __init__(self, role: str, leases: Leases, consumers: Sequence[Consumer], *, look: float = LOOK) -> None:
        self._role = role
        self._leases = leases
        self._consumers = consumers
        self._look_every = look
        self._tasks: dict[str, asyncio.Task[None]] = {}
        "By the lease, of what it owns or is about to."
        self._tokens: dict[str, Token] = {}
        self._begun: set[str] = set()
        self._leaving: set[str] = set()
        "What is being given back: to be cancelled once, as its end takes a while."
        self._told: dict[Token, str] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def owned(self) -> frozenset[str]:
        """The leases of what this process owns and has begun."""
        return frozenset(self._begun)

    async def start(self) -> None:
        """Take what is free of this process's part, and wait until that has begun."""
        self._task = asyncio.create_task(self._run(), name=f"crew of {self._role}")
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTING):
                await self._changed.wait()
                while self._tasks.keys() - self._begun:
                    self._changed.clear()
                    await self._changed.wait()

    async def stop(self) -> None:
        """End what it owns and give it back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        tasks = list(self._tasks.values())
        self._give_back(self._tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._leases.leave(self._role)

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # what it owns it keeps as long as it can renew; more it can do the next time
                _log.warning("who has which consumer is not known", role=self._role, reason=str(error))
            self._changed.set()
            await asyncio.sleep(self._look_every)

    async def _look(self) -> None:
        mine = [each for each in self._consumers if each.lease in self._tasks]
        telling = {self._tokens[each.lease]: each.told().text() for each in mine if each.lease in self._begun}
        news = {token: told for token, told in telling.items() if self._told.get(token) != told}
        seen, living, me = await self._leases.muster(self._role, news)
        self._told = telling
        part = tenure.share(len(self._consumers), living, me)
        self._give_back(each.lease for each in mine[part:])
        free = [
            each
            for each in self._consumers
            if each.lease not in self._tasks and (each.lease not in seen or seen[each.lease].is_free)
        ]
        for each in free[: max(part - len(mine), 0)]:
            self._tasks[each.lease] = task = asyncio.create_task(self._own(each), name=f"owns {each.lease}")
            task.add_done_callback(partial(self._ended, each.lease))

    def _give_back(self, leases: Iterable[str]) -> None:
        for lease in {*leases} - self._leaving:
            self._leaving.add(lease)
            self._tasks[lease].cancel()

    def _ended(self, lease: str, _: asyncio.Task[None]) -> None:
        del self._tasks[lease]
        self._leaving.discard(lease)
        self._changed.set()

    async def _own(self, consumer: Consumer) -> None:
        """Own a consumer if it is free, until it is to be given back or is lost."""
        try:
            async with self._leases.held_if_free(consumer.lease) as token:
                if token is not None:
                    await self._follow(consumer, token)
        except LeaseLost as lost:
            _log.warning("a consumer has another owner", consumer=consumer.lease, reason=str(lost))
        except Exception as error:  # it is free again, for the next look of whoever has room for it
            _log.error("a consumer did not begin", consumer=consumer.lease, reason=f"{type(error).__name__}: {error}")

    async def _follow(self, consumer: Consumer, token: Token) -> None:
        lease, lost, loop = consumer.lease, asyncio.Event(), asyncio.get_running_loop()

        def ask(session: Session) -> Verdict:
            verdict = self._leases.asked(session, token)

            def judge() -> None:
                try:
                    verdict()
                except LeaseLost:
                    with suppress(RuntimeError):  # the loop is closed: it has ended already
                        loop.call_soon_threadsafe(lost.set)
                    raise

            return judge

        try:
            await consumer.begin(Guard(ask))
            self._tokens[lease] = token
            self._begun.add(lease)
            self._changed.set()
            _log.info("owns a consumer", consumer=lease, token=token.number)
            await lost.wait()
            raise LeaseLost(f"Another process has taken over {lease}.")
        finally:
            self._begun.discard(lease)
            await consumer.stop()


@asynccontextmanager
async def present(what: str, leases: Leases | None) -> AsyncIterator[None]:
    """Have others see, as long as the block runs, that a process is there that may own nothing."""
    if leases is None:
        yield
        return
    # Not the name of a role alone: those who are there for a role share what there is to own, in the same database too.
    crew = Crew(f"process as {what}", leases, [], look=SPAN / 3)
    await crew.start()
    try:
        yield
    finally:
        await crew.stop()


async def looked_at(name: str, position: int, seen: Seen | None, log: Source, head: Head, now: datetime) -> Status:
    """How a consumer stands that another process may own, by its checkpoint and what its owner told of it."""
    told = Told.read(seen.told) if seen is not None and not seen.is_free else None
    position = max(position, told.position if told else 0)
    seconds = await age(log, position, now) if position < head.position and head.is_sure else 0.0
    return elsewhere(name, told, position, head.position, seconds, now)
