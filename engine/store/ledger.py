"""Where the leases of one database are looked after: on a connection of their own, so that nothing holds them up."""

from collections.abc import Callable
from typing import TypeVar

from engine.store.leases import Rows
from engine.store.session import Connection, Place, Session, transaction

T = TypeVar("T")


class Ledger:
    """One connection. Renewals on that of a writer would wait for whatever it writes, which may take long."""

    def __init__(self, place: Place, connection: Connection) -> None:
        self.place = place
        self._connection = connection

    @classmethod
    async def open(cls, place: Place) -> "Ledger":
        """Make the table where it is not yet. Raises Unavailable."""
        ledger = cls(place, await place.writer(is_log=True))
        try:
            await ledger.write(ledger._make)
        except BaseException:
            await ledger.close()
            raise
        return ledger

    def _make(self, session: Session) -> None:
        self.place.alone(session)
        Rows(self.place.dialect.named).make(session)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction."""

        def unit(session: Session) -> T:
            with transaction(session):
                return work(session)

        return await self._connection.run(unit)

    async def close(self) -> None:
        await self._connection.close()
