"""Where the leases of one database are looked after: on a connection of their own, so that nothing holds them up."""

from collections.abc import Callable
from typing import TypeVar

from engine.store.session import Connection, Place, Session, transaction

T = TypeVar("T")


class Ledger:
    """One connection. Renewals on that of a writer would wait for whatever it writes, which may take long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, place: Place) -> "Ledger":
        """Raises Unavailable."""
        return cls(await place.writer(is_log=True))

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction."""

        def unit(session: Session) -> T:
            with transaction(session):
                return work(session)

        return await self._connection.run(unit)

    async def close(self) -> None:
        await self._connection.close()
