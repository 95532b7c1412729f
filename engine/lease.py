"""Leases: of all processes that could run a consumer, one does, and another when that one is gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from engine import clock, ids, tenure
from engine.faults import LeaseLost
from engine.store.dialect import SQLITE, Dialect
from engine.store.leases import Rows
from engine.store.session import Session
from engine.tenure import Lease

SPAN = 6.0
"""Seconds that a lease lasts without being renewed; with the look of a candidate, 7 until another has taken over. The
same for all who share a store: one that lasts longer than two of them looks as if the clock had been set back since."""
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
        self._owner = owner
        self._span = span
        self._milliseconds = round(span * 1000)
        self._rows = Rows(dialect)
        self._random = random
        self._monotonic = monotonic

    async def open(self) -> None:
        """Make the table, where it is not yet."""
        await self._store.write(self._rows.make)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[Token]:
        """Wait until this process owns a consumer, and do so as long as the block runs.

        The block is cancelled, and LeaseLost raised in its place, when another took over or may have done.
        """
        token, began = await self._taken(name)
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
            yield token
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
        if self._rows.token(session, token.name) != token.number:
            raise _lost(token)

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
        lease, now = self._rows.hold(session, name)
        mine = tenure.taken(lease, self._owner, now, self._milliseconds)
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
