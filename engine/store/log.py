"""The event log in SQLite: gapless positions in commit order, receipts, claims and snapshots, in one file."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from engine import ids
from engine.codec import Codec
from engine.faults import Unavailable, UnknownEvent
from engine.shapes import EPOCH, Receipt, Recorded
from engine.store import reactions
from engine.store.instants import instant, microseconds
from engine.store.lock import Lock
from engine.store.sqlite import Connection, Readers, transaction
from engine.store.tables import (
    CLAIMANT,
    COMMAND,
    FORGET,
    FORMAT,
    HEAD,
    KEEP_META,
    READ,
    SECRET,
    commands,
    events,
    receipt,
)
from engine.store.tail import Tail

T = TypeVar("T")
TABLES = reactions.consumers.metadata
"Those of the log, and what is kept beside it."
PATIENCE = 30.0
"Seconds that the log may take to store something; then it is not known whether it was."


class Log:
    """The log's file: one connection writes, a pool reads. Open it with `Log.open`, end with `close`."""

    def __init__(
        self, codec: Codec, writer: Connection | None, readers: Readers, lock: Lock | None, id: str, head: int
    ) -> None:
        self.id = id
        "Tells this log from every other; made when the file is."
        self.codec = codec
        self._writer = writer
        self.last_recorded_at = EPOCH
        self._readers = readers
        self._lock = lock
        self._head = head
        self._tail = Tail()

    @classmethod
    async def open(cls, path: Path, codec: Codec, *, least: int = 1, most: int = 4) -> "Log":
        """Open or create the log. Raises Unavailable or UnknownEvent with a sentence when that cannot be."""
        lock = Lock(path)
        try:
            writer = await Connection.open(path, synchronous="FULL")
        except Unavailable:
            lock.release()
            raise
        try:
            id, head, at = await writer.run(lambda connection: _prepare(connection, path, codec))
            readers = Readers(path, least, most)
            await readers.open()
        except BaseException:
            await writer.close()
            lock.release()
            raise
        log = cls(codec, writer, readers, lock, id, head)
        log.last_recorded_at = instant(at)
        return log

    @classmethod
    async def look(cls, path: Path, codec: Codec) -> "Log":
        """Open a log for reading only, also while another process writes it."""
        readers = Readers(path, 1, 1)
        await readers.open()
        try:
            id, head, _ = await readers.read(lambda connection: _recognize(connection, path, codec))
        except BaseException:
            await readers.close()
            raise
        return cls(codec, None, readers, None, id, head)

    async def close(self) -> None:
        await self._readers.close()
        if self._writer:
            await self._writer.close()
        if self._lock:
            self._lock.release()

    @property
    def writer(self) -> Connection:
        if self._writer is None:
            raise Unavailable("This log was opened for reading only.")
        return self._writer

    @property
    def position(self) -> int:
        """The position of the newest event that this process committed or found; 0 when there is none."""
        return self._head

    async def head(self) -> int:
        """The position of the newest committed event; 0 when there is none."""
        if self._writer is None:
            self._head = await self._readers.read(lambda connection: connection.execute(HEAD).fetchone()[0])
        return self._head

    def committed(self, recorded: Sequence[Recorded], characters: int) -> None:
        """Take note of what was just committed."""
        if not recorded:
            return
        self._tail.add(recorded, characters)
        self._head = recorded[-1].position
        self.last_recorded_at = recorded[-1].recorded_at

    async def read(self, after: int, limit: int) -> list[Recorded]:
        """The events that follow position `after`, in order, at most `limit` of them."""
        if after >= self._head and self._writer is not None:
            return []
        if (found := self._tail.read(after, limit)) is not None:
            return found
        return await self._readers.read(
            lambda connection: [self._recorded(row) for row in connection.execute(READ, (after, limit))]
        )

    async def select(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        stream: str | None = None,
        types: Sequence[str] | None = None,
        command_id: str | None = None,
        correlation_id: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> tuple[list[Recorded], int]:
        """The events between two positions, both excluded, that meet every condition; and the head read with them."""
        query = select(events).where(events.c.position > after).limit(limit)
        if before is not None:
            query = query.where(events.c.position < before)
        if stream is not None:
            query = query.where(events.c.stream == stream)
        if types is not None:
            query = query.where(events.c.type.in_(types))
        if correlation_id is not None:
            query = query.where(events.c.correlation_id == correlation_id)
        if command_id is not None:
            span = select(commands.c.position, commands.c.events).where(commands.c.command_id == command_id).subquery()
            stored = and_(
                events.c.position > select(span.c.position - span.c.events).scalar_subquery(),
                events.c.position <= select(span.c.position).scalar_subquery(),
            )
            # A client's command begins a story of its own, which is found also once its receipt is forgotten.
            begun = and_(events.c.correlation_id == command_id, events.c.command_id == command_id)
            query = query.where(or_(stored, begun))
        query = query.order_by(events.c.position.desc() if newest_first else events.c.position)
        compiled = query.compile(dialect=dialect.dialect(), compile_kwargs={"render_postcompile": True})
        parameters = [compiled.params[name] for name in compiled.positiontup or ()]

        def work(connection: sqlite3.Connection) -> tuple[list[Recorded], int]:
            head = connection.execute(HEAD).fetchone()[0]
            return [self._recorded(row) for row in connection.execute(str(compiled), parameters)], head

        return await self._readers.read(work)

    async def reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one read transaction."""
        return await self._readers.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction of the writer, between two groups of commands.

        Raises Unavailable when it could not be stored, or when that is not known within `PATIENCE`; it may be, then.
        """

        def unit(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                return work(connection)

        try:
            async with asyncio.timeout(PATIENCE):
                return await self.writer.run(unit)
        except TimeoutError:
            raise Unavailable(f"The log has not answered within {PATIENCE:g} s.") from None
        except sqlite3.Error as error:
            raise Unavailable(f"The log cannot be written: {error}.") from error

    async def command(self, command_id: str) -> Receipt | None:
        """The receipt of a command, as long as it is kept."""
        row = await self._readers.read(lambda connection: connection.execute(COMMAND, (command_id,)).fetchone())
        return receipt(row, replayed=False) if row else None

    async def answer(self, command_id: str) -> tuple[bytes, Receipt | None]:
        """The fingerprint of a command, with its receipt as a repeat gets it; nothing and None when it is not kept."""
        row = await self._readers.read(lambda connection: connection.execute(COMMAND, (command_id,)).fetchone())
        return (row[1], receipt(row, replayed=True)) if row else (b"", None)

    async def claimant(self, scope: str, value: str) -> str | None:
        """The stream that holds a claim."""
        row = await self._readers.read(lambda connection: connection.execute(CLAIMANT, (scope, value)).fetchone())
        return row[0] if row else None

    async def secret(self, stream: str, name: str) -> str | None:
        """What the last command that carried a secret of this name wanted kept."""
        row = await self._readers.read(lambda connection: connection.execute(SECRET, (stream, name)).fetchone())
        return row[0] if row else None

    async def forget_commands(self, before: datetime, most: int = 1000) -> int:
        """Drop the oldest receipts from before an instant, at most `most`; how many were dropped."""
        parameters = (microseconds(before), most)
        return await self.writer.run(lambda connection: connection.execute(FORGET, parameters).rowcount)

    def _recorded(self, row: Sequence[Any]) -> Recorded:
        position, stream, version, type, schema, data, at, command_id, correlation_id, causation_id, actor_id, trace = (
            row
        )
        event = self.codec.decode(type, schema, data)
        return Recorded(
            position, stream, version, event, instant(at), command_id, correlation_id, causation_id, actor_id, trace
        )


def _prepare(connection: sqlite3.Connection, path: Path, codec: Codec) -> tuple[str, int, int]:
    """Make the tables if the file is new; see _recognize."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            _create(connection)
            KEEP_META.run(connection, [("format", str(FORMAT)), ("id", ids.new())])
        connection.execute("COMMIT")
        found = _recognize(connection, path, codec)
        connection.execute("PRAGMA secure_delete = ON").fetchall()  # a secret that was erased is to be in no free page
        _create(connection)  # what this code keeps beside the log and the code that made the file did not
    except sqlite3.Error as error:
        raise Unavailable(f"{path} cannot be written: {error}.") from error
    return found


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables that are not there."""
    for table in TABLES.sorted_tables:
        connection.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect.dialect())))
        for index in sorted(table.indexes, key=str):
            connection.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect.dialect())))


def _recognize(connection: sqlite3.Connection, path: Path, codec: Codec) -> tuple[str, int, int]:
    """Refuse a file that this code cannot read. Gives log id, head, and when that was recorded."""
    try:
        found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    except sqlite3.Error as error:
        raise Unavailable(f"{path} is no event log: {error}.") from error
    if not {"format", "id"} <= found.keys():
        raise Unavailable(f"{path} is no event log: it holds something else.")
    if int(found["format"]) > FORMAT:
        raise UnknownEvent(
            f"{path} has format {found['format']}; this code knows up to {FORMAT}. "
            "Run the code that wrote it, or newer."
        )
    for type, schema in connection.execute("SELECT type, schema FROM event_types"):
        if not codec.knows(type, schema):
            raise UnknownEvent(f"{path}: {codec.explain(type, schema)}")
    newest = connection.execute("SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return found["id"], *(newest or (0, 0))
