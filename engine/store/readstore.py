"""The read tables in one database: each has one process that writes it, many connections read."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.faults import Replaced, Unavailable
from engine.shapes import Conditions, ReadModel, Row
from engine.store import revisions
from engine.store.checkpoints import Checkpoint
from engine.store.dialect import Dialect
from engine.store.found import Answer, Changes, Page
from engine.store.newest import Newest
from engine.store.pages import Pages, Remembered
from engine.store.projecting import Fault, Part, projected
from engine.store.readers import Readers
from engine.store.revisions import READS
from engine.store.rows import Cursor, Table
from engine.store.session import Connection, Guard, Held, Place, Session, alone, transaction, wired
from engine.store.sqlite import File

R = TypeVar("R", bound=Row)
T = TypeVar("T")


@lru_cache(maxsize=256)
def compiled(model: ReadModel[Any], dialect: Dialect) -> Table[Any]:
    """A model's table, which holds nothing but statements: compiling those of ten models takes 70 ms."""
    return Table(model, dialect)


def _nothing(session: Session) -> None:
    """New read tables begin empty, and what is there is made anew if it is not what it should be."""


class ReadStore:
    """The read tables of a set of read models. Raises Unavailable when they cannot be had.

    `readonly` opens what another process may be writing, for looking only.
    """

    def __init__(
        self,
        where: Path | Place,
        models: Iterable[ReadModel[Any]],
        *,
        readers: tuple[int, int] = (1, 4),
        readonly: bool = False,
    ) -> None:
        self.place: Place = File(where) if isinstance(where, Path) else where
        self._tables: dict[str, Table[Any]] = {}
        for model in models:
            if model.name in self._tables:
                raise ValueError(f"Two read models are called {model.name}; rename one of them.")
            self._tables[model.name] = compiled(model, self.place.dialect)
        self._newest = {name: Newest[Any](table.layout.encode_fixed) for name, table in self._tables.items()}
        self._readonly = readonly
        self._readers = Readers(self.place.name, self.place.reader, *readers)
        self._writer: Connection | None = None
        self._lock: Held | None = None
        self._tending: Held | None = None
        self._pages = Pages()
        self._slots: dict[str, str] = {}
        "In which of its places each table was found last, of those where it need not be asked first."

    async def open(self) -> None:
        """Be one who writes, of a file the one, and make what every model shares. `prepare` makes the tables."""
        if not self._readonly:
            self._lock = await self.place.own("read tables")
            try:
                self._writer = await self.place.writer(is_log=False)
                await revisions.ready(self.place, self._writer, READS, _nothing, _nothing)
                self._tending = await self.place.tend(self._writer)
            except BaseException:
                await self.close()
                raise
        await self._readers.open()
        if self._readonly:
            await self.read(lambda session: revisions.need(session, self.place, READS))

    async def close(self) -> None:
        await self._readers.close()
        if self._tending is not None:
            await self._tending.release()
            self._tending = None
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        if self._lock is not None:
            await self._lock.release()
            self._lock = None

    def table(self, model: ReadModel[R]) -> Table[R]:
        return self._tables[model.name]

    def newest(self, model: ReadModel[R]) -> Newest[R]:
        return self._newest[model.name]

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction on the writer's thread."""
        if self._writer is None:
            raise Unavailable(f"{self.place.name} is not open for writing.")

        def unit(connection: Session) -> T:
            with transaction(connection):
                return work(connection)

        return await self._writer.run(unit)

    async def project(self, parts: Sequence[Part]) -> Sequence[Fault]:
        """Do parts in one transaction; what each failed of, with nothing of it done. A server that crashes may lose the
        newest such transactions, each with its checkpoints: see `Part.fold`."""
        if self._writer is None:
            raise Unavailable(f"{self.place.name} is not open for writing.")
        return await self._writer.run(lambda session: projected(session, parts))

    async def read(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one read transaction, so on one state of the file."""
        return await self._readers.read(work)

    async def once(self, work: Callable[[Session], T]) -> T:
        """Do `work`, which is one journey."""
        return await self._readers.once(work)

    # ------------------------------------------------------------ rows

    async def get(self, model: ReadModel[R], key: str) -> tuple[R | None, int]:
        """The row under a key, and the position it shows."""
        table = self.table(model)
        return await self.read(lambda connection: table.get(connection, key))

    async def load(self, model: ReadModel[R], keys: Sequence[str]) -> dict[str, R]:
        """The rows under some keys; keys without a row are left out."""
        table = self.table(model)
        return await self.read(lambda connection: table.load(connection, keys))

    async def page(
        self,
        model: ReadModel[R],
        conditions: Conditions = (),
        *,
        order: tuple[str, ...] | None = None,
        after: Cursor | None = None,
        limit: int,
        descending: bool = False,
        search: str | None = None,
    ) -> Page[R]:
        """The first rows after a cursor, or with `descending` the last before it; `search` narrows them to a text."""
        table = self.table(model)
        wanted = (model.name, conditions, order, after, limit, descending, search)
        known = self._pages.get(wanted)

        def work(connection: Session) -> Remembered:
            checkpoint = table.checkpoint(connection)
            if known is not None and known.checkpoint == checkpoint:
                return known
            page = table.page(
                connection, conditions, order=order, after=after, limit=limit, descending=descending, search=search
            )
            return Remembered(checkpoint, page, sum(map(table.layout.weigh, page.rows)))

        found = await self.read(work)
        if found is not known:
            self._pages.keep(wanted, found)
        return found.page

    async def search(self, model: ReadModel[R], text: str, *, after: Cursor | None = None, limit: int) -> Page[R]:
        """Rows with every word of `text` at the start of a word of theirs. A text without words finds nothing."""
        return await self.page(model, after=after, limit=limit, search=text)

    async def changes(
        self,
        model: ReadModel[R],
        conditions: Conditions = (),
        *,
        after: tuple[int, str | bytes],
        limit: int,
        seen: int | None = 0,
    ) -> Changes:
        """What changed after a place in (position, id); see Table.changes."""
        table = self.table(model)

        def work(connection: Session) -> Changes:
            return table.changes(connection, conditions, after=after, limit=limit, seen=seen)

        if seen is None or not self.place.dialect.is_shared:
            return await self.read(work)
        slot = self._slots.get(model.name, "a")

        def ask(session: Session) -> tuple[Answer[Checkpoint | None], Callable[[Checkpoint], Changes]]:
            return table.ask_checkpoint(session), table.ask_changes(session, slot, conditions, after, limit, seen)

        def look(session: Session) -> Changes | None:
            checkpoint, found = wired(session).look(ask)
            shown = checkpoint()
            return found(shown) if shown is not None and shown.slot == slot else None

        with suppress(Replaced):
            if (changes := await self.once(look)) is not None:
                return changes
        # It was rebuilt into its other place.
        found, self._slots[model.name] = await self.read(lambda session: (work(session), table.slot(session)))
        return found

    # ------------------------------------------------------------ checkpoints

    async def checkpoint(self, model: ReadModel[Any]) -> Checkpoint | None:
        table = self.table(model)
        return await self.read(table.checkpoint)

    async def positions(self) -> dict[str, int]:
        """How far every model is folded, by name: what the feed polls while somebody waits."""

        def work(connection: Session) -> dict[str, int]:
            return dict(connection.execute("SELECT model, position FROM checkpoints").fetchall())

        return await self.read(work)

    async def passed(self, model: ReadModel[Any], position: int) -> datetime | None:
        """When a model passed a position; None when it has not."""
        table = self.table(model)
        return await self.read(lambda connection: table.passed(connection, position))

    async def prepare(
        self, model: ReadModel[R], log_id: str, head: int, guard: Guard = alone
    ) -> tuple[Checkpoint, bool]:
        """The checkpoint to go on from, and whether the table had to be started afresh.

        It is, when it was folded by other code, laid out otherwise, from another log, or from more of the log than
        there is. Whoever followed the old table must then start over: the floor rises above every position it showed.
        """
        table = self.table(model)

        def work(connection: Session) -> tuple[Checkpoint, bool]:
            guard(connection)
            found = table.checkpoint(connection)
            wanted = (model.version, table.fingerprint, log_id)
            if found and (found.version, found.layout, found.log_id) == wanted and found.position <= head:
                table.drop(connection, "b" if found.slot == "a" else "a")  # what a rebuild cut short left behind
                return found, False
            table.drop(connection, "b")
            table.create(connection, "a")
            floor = max(found.floor, found.position + 1) if found else 0
            fresh = Checkpoint(*wanted, 0, floor, "a", 0)
            table.begin(connection, fresh)
            connection.execute("DELETE FROM passages WHERE model = ?", (model.name,))
            return fresh, found is not None or head > 0

        return await self.write(work)

    async def swap(self, model: ReadModel[Any], slot: str, position: int, guard: Guard = alone) -> None:
        """Serve from `slot` from now on, which is folded as far as the table served so far."""
        table = self.table(model)

        def work(connection: Session) -> None:
            guard(connection)
            found = table.checkpoint(connection)
            if found is None or found.position != position:
                raise Unavailable(f"{model.name} moved while its rebuilt table took its place.")
            table.begin(connection, msgspec.structs.replace(found, slot=slot))
            table.drop(connection, found.slot)

        await self.write(work)

    async def prune(self, before: datetime, models: Collection[str] | None = None) -> int:
        """Forget removals older than `before`, in the tables of these models; of all, without any."""
        tables = [table for name, table in self._tables.items() if models is None or name in models]

        def work(connection: Session) -> int:
            for table in tables:
                table.forget_passages(connection)
            return sum(table.prune(connection, before) for table in tables)

        return await self.write(work)
