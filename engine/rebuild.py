"""A rebuild: a read model folded anew beside its table, which goes on serving until this one takes its place."""

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from engine.fold import Fold
from engine.shapes import Recorded, Row
from engine.store.readstore import ReadStore
from engine.store.rows import Table

R = TypeVar("R", bound=Row)


class Rebuild(Generic[R]):
    """A fold into the other place of a table."""

    def __init__(self, slot: str, table: Table[R], fold: Fold[R], store: ReadStore) -> None:
        self.slot = slot
        self.position = 0
        self._table = table
        self._fold = fold
        self._store = store
        self._exists = False
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(self, events: Sequence[Recorded]) -> None:
        """Fold the events that follow its position."""
        if not self._exists:
            await self._store.write(lambda connection: self._table.create(connection, self.slot))
            self._exists = True
        if events:
            await self._store.write(lambda connection: self._fold.write(connection, self._table, self.slot, events))
            self.position = events[-1].position

    async def ended(self) -> None:
        """Wait for the end, whoever else does. Raises what it ended with."""
        await asyncio.shield(self._done)

    def end(self, error: Exception | None) -> None:
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._done.exception()  # whoever asked may have gone; nobody needs to be warned of that
