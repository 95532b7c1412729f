"""A bounded pool of connections for reading."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.faults import Away, Replaced, Unsettled
from engine.store.session import Connection, Session, Work

T = TypeVar("T")


class Readers:
    """Connections that `make` opens as needed; each `read` is one transaction, so one state of the database."""

    def __init__(
        self, name: str, make: Callable[[], Awaitable[Connection]], least: int, most: int, timeout: float = 5.0
    ) -> None:
        self._name = name
        self._make = make
        self._least = least
        self._most = most
        self._timeout = timeout
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._all: list[Connection] = []
        self._opening = 0

    async def open(self) -> None:
        for _ in range(self._least):
            self._free.put_nowait(await self._new())

    async def _new(self) -> Connection:
        self._opening += 1
        try:
            connection = await self._make()
            self._all.append(connection)
            return connection
        finally:
            self._opening -= 1

    async def _take(self) -> Connection:
        if self._free.empty() and len(self._all) + self._opening < self._most:
            return await self._new()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._free.get()
        except TimeoutError:
            raise Away(f"No connection to {self._name} came free within {self._timeout:g} s.") from None

    async def read(self, work: Work[T]) -> T:
        """Run `work` in one read transaction. Raises Away when no connection comes free in time."""

        def transaction(session: Session) -> T:
            session.execute("BEGIN")
            try:
                return work(session)
            finally:
                if session.in_transaction:
                    session.execute("ROLLBACK")

        return await self.once(transaction)

    async def once(self, work: Work[T]) -> T:
        """Run `work`, which is one statement, or one journey with a transaction of its own: on a wire, it saves two."""
        connection = await self._take()
        try:
            try:
                return await connection.run(work)
            except (Unsettled, Replaced):  # whatever gave way, to read again is safe
                return await connection.run(work)
        finally:
            # Work still running for a cancelled caller is ahead in the connection's queue, so handing it on is safe.
            self._free.put_nowait(connection)

    async def close(self) -> None:
        for connection in self._all:
            await connection.close()
        self._all.clear()
