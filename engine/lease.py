"""Leases: of all processes that could run a consumer, one does, and another when that one is gone."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from engine import clock, ids, tenure
from engine.faults import LeaseLost
from engine.store.dialect import SQLITE, Dialect
from engine.store.leases import LIVING, Rows
from engine.store.ledger import Ledger
from engine.store.session import FAULTS, Place, Session, Verdict
from engine.tenure import NOBODYS, Lease

SPAN = 6.0
"""Seconds that a lease lasts without being renewed; with the look of a candidate, 7 until another has taken over. The
same for all who share a store: one that lasts longer than two of them looks as if the clock had been set back since."""
ANSWERING = 1.0
"Seconds that the store may take to say who has what."
FORGOTTEN = 100
"Leases after which a process that is gone need no longer be known."
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Store(Protocol):
    """Where the consumer's checkpoint is; `Log` and `ReadStore` are such. A unit of work is one transaction."""

    async def write(self, work: Callable[[Any], T], /) -> T: ...


@dataclass(frozen=True)
class Token:
    """Proof of having become a consumer's owner, good until somebody else does."""

    name: str
    number: int


@dataclass(frozen=True)
class Seen:
    """A consumer's lease, as somebody sees it who looks on."""

    owner: str
    is_free: bool
    told: str
    "What its owner, or the last one, said of the consumer."


class Leases:
    """The leases of the consumers whose checkpoints are in one store.

    A process may be paused at any moment and wake when another has taken over; its clock does not tell. So holding a
    lease is no more than a good reason to begin: what counts is `check`, in each transaction that moves the checkpoint.
    """

    def __init__(
        self,
        store: Store,
        owner: str,
        *,
        span: float = SPAN,
        dialect: Dialect = SQLITE,
        random: Callable[[], float] = ids.random,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._store = store
        self.owner = owner
        "What this process is called, as no other is."
        self._span = span
        self._milliseconds = round(span * 1000)
        self._rows = Rows(dialect)
        self._random = random
        self._monotonic = monotonic
        self._last_seen: Mapping[str, Seen] = {}

    @classmethod
    @asynccontextmanager
    async def beside(cls, place: Place, **options: Any) -> AsyncIterator["Leases | None"]:
        """The leases of what has its checkpoints in a place, under a name that no other process has; None where only
        one process can write. Raises Unavailable."""
        if not place.dialect.is_shared:
            yield None
            return
        ledger = await Ledger.open(place)
        try:
            yield cls(ledger, f"{socket.gethostname()}/{os.getpid()}/{ids.new()}", dialect=place.dialect, **options)
        finally:
            await ledger.close()

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Token]:
        """Wait until this process owns a consumer, and do so as long as the block runs.

        The block is cancelled, and LeaseLost raised in its place, when another took over or may have done.
        """
        token, began = await self._taken(name)
        async with self._kept(token, began):
            yield token

    @asynccontextmanager
    async def held_if_free(self, name: str) -> AsyncIterator[Token | None]:
        """The same without waiting: None when another process owns it."""
        began = self._monotonic()
        token = await self._store.write(partial(self._take, name=name))
        if token is None:
            yield None
            return
        async with self._kept(token, began):
            yield token

    @asynccontextmanager
    async def _kept(self, token: Token, began: float) -> AsyncIterator[None]:
        name = token.name
        body = asyncio.current_task()
        assert body is not None
        cancelled_before, is_left, is_ended = body.cancelling(), False, False

        def end(keeper: asyncio.Task[None]) -> None:
            nonlocal is_ended
            if not is_left:
                is_ended = True
                body.cancel()

        keeper = asyncio.create_task(self._keep(token, began), name=f"lease of {name}")
        keeper.add_done_callback(end)
        try:
            yield
        except asyncio.CancelledError:
            if is_ended and body.cancelling() <= cancelled_before + 1:
                raise _lost(token) from None
            raise  # somebody else wants it to end as well
        finally:
            is_left = True
            if is_ended:
                body.uncancel()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await self._release(token)

    def check(self, session: Session, token: Token) -> None:
        """Make sure, in the transaction that moves the checkpoint, that nobody else may until it is over.

        Raises LeaseLost, which must undo the transaction. Whether the lease has expired is not asked: as long as nobody
        took it, nobody else writes.
        """
        self.asked(session, token)()

    def asked(self, session: Session, token: Token) -> Verdict:
        """The same in two steps: what it gives looks at the answer."""
        answer = self._rows.ask_token(session, token.name)

        def judge() -> None:
            if answer() != token.number:
                raise _lost(token)

        return judge

    # ------------------------------------------------------------ who is there, and who has what

    async def seen(self) -> Mapping[str, Seen]:
        """Every consumer's lease, by its name, as it is now."""
        return await self._store.write(self._seen)

    async def last_seen(self) -> Mapping[str, Seen]:
        """The same for who only looks on: as it was before, while the store does not answer."""
        with suppress(TimeoutError, *FAULTS):
            async with asyncio.timeout(ANSWERING):
                self._last_seen = await self.seen()
        return self._last_seen

    async def muster(self, role: str, telling: Mapping[Token, str]) -> tuple[Mapping[str, Seen], Sequence[str], str]:
        """Say that this process is there for a role, and what it has to tell of what it owns.

        Gives every lease, the names of those who are there, and the own one among them.
        """
        kind = f"{LIVING}{role} "
        me = f"{kind}{self.owner}"

        def work(session: Session) -> Mapping[str, Seen]:
            _, now = self._rows.hold(session, me)
            self._rows.change(session, me, Lease(self.owner, 0, now + self._milliseconds))
            for token, told in telling.items():
                self._rows.tell(session, token.name, token.number, told)
            return self._seen(session)

        seen = await self._store.write(work)
        return seen, [name for name, each in seen.items() if name.startswith(kind) and not each.is_free], me

    async def leave(self, role: str) -> None:
        """Say that this process is no longer there, and forget those that have not been for long."""

        def work(session: Session) -> None:
            _, now = self._rows.hold(session, f"{LIVING}{role} {self.owner}")
            self._rows.change(session, f"{LIVING}{role} {self.owner}", NOBODYS)
            self._rows.bury(session, now - FORGOTTEN * self._milliseconds)

        with suppress(Exception):  # it is found out a moment later
            async with asyncio.timeout(self._span):
                await self._store.write(work)

    def _seen(self, session: Session) -> Mapping[str, Seen]:
        found, now = self._rows.all(session)
        return {
            name: Seen(lease.owner, tenure.is_free(lease, now, self._milliseconds), told)
            for name, (lease, told) in found.items()
        }

    # ------------------------------------------------------------ taking, keeping, giving back

    async def _taken(self, name: str) -> tuple[Token, float]:
        """The token, and when it was asked for, by this process's own clock."""
        is_away = False
        while True:
            began = self._monotonic()
            try:
                token = await self._store.write(partial(self._take, name=name))
            except Exception as error:  # a store that is away now may be back later, and there is nothing else to do
                if not is_away:
                    _log.warning("the owner of a consumer cannot be told", consumer=name, error=str(error))
                is_away = True
            else:
                is_away = False
                if token is not None:
                    return token, began
            await asyncio.sleep(tenure.look_after(self._span, self._random()))

    def _take(self, session: Session, name: str) -> Token | None:
        seen, now = self._rows.look(session, name)
        if not tenure.is_free(seen, now, self._milliseconds):
            return None
        seized = self._rows.seize(session, name)
        if seized is None:
            self._rows.evict(session)
            return None
        mine = tenure.taken(seized[0], self.owner, seized[1], self._milliseconds)
        if mine is None:
            return None
        self._rows.change(session, name, mine)
        return Token(name, mine.token)

    async def _keep(self, token: Token, renewed_at: float) -> None:
        """Renew again and again; return when the lease is lost."""
        pause = tenure.renew_after(self._span)
        while not tenure.is_over(renewed_at, self._monotonic(), self._span):
            await asyncio.sleep(pause)
            asked_at = self._monotonic()
            try:
                # One attempt at least, also after a pause: it goes on unless another took over meanwhile.
                async with asyncio.timeout(max(renewed_at + self._span - asked_at, pause)):
                    is_mine = await self._store.write(partial(self._renew, token=token))
            except Exception as error:  # it is tried again until the time is over
                _log.warning("a lease was not renewed", consumer=token.name, error=str(error) or type(error).__name__)
                continue
            if not is_mine:
                return
            renewed_at = asked_at

    def _renew(self, session: Session, token: Token) -> bool:
        lease, now = self._rows.hold(session, token.name)
        return self._changed(session, token, tenure.renewed(lease, token.number, now, self._milliseconds))

    async def _release(self, token: Token) -> None:
        """Let the next one in at once. It may fail: then the lease expires."""

        def work(session: Session) -> bool:
            lease, _ = self._rows.hold(session, token.name)
            return self._changed(session, token, tenure.released(lease, token.number))

        with suppress(Exception):
            async with asyncio.timeout(self._span):
                await self._store.write(work)

    def _changed(self, session: Session, token: Token, lease: Lease | None) -> bool:
        if lease is not None:
            self._rows.change(session, token.name, lease)
        return lease is not None


def _lost(token: Token) -> LeaseLost:
    return LeaseLost(f"Another process has taken over {token.name}; what this one wanted to store of it is not stored.")
