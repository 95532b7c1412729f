"""A rebuild: a read model folded anew beside its table, which goes on serving until this one takes its place."""

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from engine.faults import Unavailable
from engine.fold import Fold
from engine.shapes import Recorded, Row
from engine.store.readstore import ReadStore
from engine.store.rows import Table
from engine.store.session import Guard, Session

R = TypeVar("R", bound=Row)


class Rebuild(Generic[R]):
    """A fold into the other place of a table."""

    def __init__(self, table: Table[R], fold: Fold[R], store: ReadStore, guard: Guard) -> None:
        self.slot = ""
        "The other place, from the first batch on."
        self.position = 0
        self._table = table
        self._fold = fold
        self._store = store
        self._guard = guard
        self._exists = False
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(self, events: Sequence[Recorded], *, beside: str) -> None:
        """Fold the events that follow its position into the other place than `beside`, where the table is served from.

        Raises Unavailable when it is not.
        """
        self.slot = self.slot or ("b" if beside == "a" else "a")
        await self._store.write(lambda connection: self._work(connection, events))
        self._exists = True
        if events:
            self.position = events[-1].position

    def _work(self, connection: Session, events: Sequence[Recorded]) -> None:
        self._guard(connection)  # another owner may be folding into this very place
        if not self._exists:
            if self._table.slot(connection) == self.slot:
                raise Unavailable(f"{self._table.name} is served from where it was to be rebuilt. Rebuild it again.")
            self._table.create(connection, self.slot)
        if events:
            self._fold.write(connection, self._table, self.slot, events)

    async def ended(self) -> None:
        """Wait for the end, whoever else does. Raises what it ended with."""
        await asyncio.shield(self._done)

    def end(self, error: Exception | None) -> None:
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._done.exception()  # whoever asked may have gone; nobody needs to be warned of that
