"""The event log: gapless positions in commit order, receipts, claims and snapshots, in one database."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import and_, false, or_, select

from engine import ids
from engine.codec import Codec
from engine.faults import Unavailable, UnknownEvent
from engine.shapes import EPOCH, Receipt, Recorded
from engine.store import revisions
from engine.store.dialect import SQLITE
from engine.store.instants import instant, microseconds
from engine.store.readers import Readers
from engine.store.revisions import LOG
from engine.store.session import FAULTS, Connection, Held, Place, Session, transaction
from engine.store.sqlite import File
from engine.store.tables import (
    CLAIMANT,
    COMMAND,
    FORGET,
    FORMAT,
    HEAD,
    READ,
    SECRET,
    UNPROVEN,
    WRITES,
    commands,
    events,
    receipt,
)
from engine.store.tail import Tail

T = TypeVar("T")
PATIENCE = 30.0
"Seconds that the log may take to store something; then it is not known whether it was."


class Log:
    """The log's tables: one connection writes, a pool reads. Open it with `Log.open`, end with `close`."""

    def __init__(
        self, place: Place, codec: Codec, writer: Connection | None, readers: Readers, id: str, head: int
    ) -> None:
        self.id = id
        "Tells this log from every other; made when its tables are."
        self.place = place
        self.dialect = place.dialect
        self.codec = codec
        self._writer = writer
        self.last_recorded_at = EPOCH
        self._readers = readers
        self._held: list[Held] = []
        self._head = head
        self._tail = Tail()

    @classmethod
    async def open(cls, where: Path | Place, codec: Codec, *, least: int = 1, most: int = 4) -> "Log":
        """Open or create the log. Raises Unavailable or UnknownEvent with a sentence when that cannot be."""
        place = File(where) if isinstance(where, Path) else where
        async with AsyncExitStack() as stack:
            held = []
            if not place.dialect.is_shared:
                held.append(await place.own("log"))
                stack.push_async_callback(held[0].release)
            writer = await place.writer(is_log=True)
            stack.push_async_callback(writer.close)
            readers = Readers(place.name, place.reader, least, most)
            stack.push_async_callback(readers.close)
            try:
                await revisions.ready(place, writer, LOG, partial(_begin, place=place), partial(about, place=place))
            except sqlite3.Error as error:
                raise Unavailable(f"{place.name} cannot be written: {error}.") from error
            id, head, at = await writer.run(lambda session: _recognize(session, place, codec))
            await readers.open()
            log = cls(place, codec, writer, readers, id, head)
            log._held = [await place.tend(writer), *held]
            log.last_recorded_at = instant(at)
            stack.pop_all()
            return log

    @classmethod
    async def look(cls, where: Path | Place, codec: Codec) -> "Log":
        """Open a log for reading only, also while another process writes it."""
        place = File(where) if isinstance(where, Path) else where
        readers = Readers(place.name, place.reader, 1, 1)
        await readers.open()
        try:
            id, head, _ = await readers.read(lambda session: _recognize(session, place, codec))
        except BaseException:
            await readers.close()
            raise
        return cls(place, codec, None, readers, id, head)

    async def close(self) -> None:
        await self._readers.close()
        for held in self._held[:1]:  # what tends the writer
            await held.release()
        if self._writer:
            await self._writer.close()
        for held in self._held[1:]:
            await held.release()

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
        if self._writer is None or self.dialect.is_shared:
            found = await self._readers.once(lambda connection: connection.execute(HEAD).fetchone()[0])
            self._head = max(found, self._head)  # it may have been read before the last commit
        return self._head

    def committed(self, recorded: Sequence[Recorded], characters: int) -> None:
        """Take note of what was just committed."""
        if not recorded:
            return
        self._tail.add(recorded, characters)
        self._head = max(recorded[-1].position, self._head)
        self.last_recorded_at = recorded[-1].recorded_at

    async def read(self, after: int, limit: int) -> list[Recorded]:
        """The events that follow position `after`, in order, at most `limit` of them."""
        is_shared = self.dialect.is_shared
        if after >= self._head and self._writer is not None and not is_shared:
            return []
        found = self._tail.read(after, limit)
        if found or (found is not None and not is_shared):
            return found
        # At the end of the tail: others may have appended more.
        return await self._find(after, limit)

    async def _find(self, after: int, limit: int) -> list[Recorded]:
        is_new, characters = after >= self._head, 0

        def work(connection: Session) -> list[Recorded]:
            nonlocal characters
            rows = connection.execute(READ, (after, limit)).fetchall()
            characters = sum(len(row[5]) for row in rows)
            return list(map(self._recorded, rows))

        found = await self._readers.once(work)
        if found:
            self._head = max(found[-1].position, self._head)
            if is_new and self.dialect.is_shared:  # others in this process follow as closely
                self._tail.follow(found, characters)
        return found

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
            query = query.where(events.c.type.in_(types) if types else false())
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
        compiled = query.compile(dialect=SQLITE.positional, compile_kwargs={"render_postcompile": True})
        parameters = [compiled.params[name] for name in compiled.positiontup or ()]

        def work(connection: Session) -> tuple[list[Recorded], int]:
            head = connection.execute(HEAD).fetchone()[0]
            return [self._recorded(row) for row in connection.execute(str(compiled), parameters)], head

        return await self._readers.read(work)

    async def reader(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one read transaction."""
        return await self._readers.read(work)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction of the writer, between two groups of commands.

        Raises Unavailable when it could not be stored, or when that is not known within `PATIENCE`; it may be, then.
        """

        def unit(connection: Session) -> T:
            with transaction(connection):
                return work(connection)

        try:
            async with asyncio.timeout(PATIENCE):
                return await self.writer.run(unit)
        except TimeoutError:
            raise Unavailable(f"The log has not answered within {PATIENCE:g} s.") from None
        except FAULTS as error:
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"The log cannot be written: {error}.") from error

    async def command(self, command_id: str) -> Receipt | None:
        """The receipt of a command, as long as it is kept."""
        row = await self._readers.once(lambda connection: connection.execute(COMMAND, (command_id,)).fetchone())
        return receipt(row, replayed=False) if row else None

    async def answer(self, command_id: str) -> tuple[bytes, Receipt | None]:
        """The fingerprint of a command, with its receipt as a repeat gets it; nothing and None when it is not kept."""
        row = await self._readers.once(lambda connection: connection.execute(COMMAND, (command_id,)).fetchone())
        return (row[1], receipt(row, replayed=True)) if row else (b"", None)

    async def claimant(self, scope: str, value: str) -> str | None:
        """The stream that holds a claim."""
        row = await self._readers.once(lambda connection: connection.execute(CLAIMANT, (scope, value)).fetchone())
        return row[0] if row else None

    async def secret(self, stream: str, name: str) -> str | None:
        """What the last command that carried a secret of this name wanted kept."""
        row = await self._readers.once(lambda connection: connection.execute(SECRET, (stream, name)).fetchone())
        return row[0] if row else None

    async def forget_commands(self, before: datetime, most: int = 1000) -> int:
        """Drop the oldest receipts from before an instant, at most `most`; how many were dropped."""
        parameters = (microseconds(before), most)
        text = FORGET[self.dialect.name]
        return await self.writer.run(lambda connection: connection.execute(text, parameters).rowcount)

    def _recorded(self, row: Sequence[Any]) -> Recorded:
        position, stream, version, type, schema, data, at, command_id, correlation_id, causation_id, actor_id, trace = (
            row
        )
        event = self.codec.decode(type, schema, data)
        return Recorded(
            position, stream, version, event, instant(at), command_id, correlation_id, causation_id, actor_id, trace
        )


def _begin(session: Session, place: Place) -> None:
    """What a new log is never without."""
    WRITES[place.dialect.name].meta.run(session, [("format", str(FORMAT)), ("id", ids.new())])


def about(session: Session, place: Place) -> dict[str, str]:
    """What the log tells of itself, if it is one."""
    if place.dialect.is_shared and place.is_new(session, LOG.first):
        revisions.need(session, place, LOG)
    try:
        found: dict[str, str] = dict(session.execute("SELECT name, value FROM meta").fetchall())
    except FAULTS as error:
        raise Unavailable(f"{place.name} is no event log: {str(error).removesuffix('.')}.") from error
    if not {"format", "id"} <= found.keys():
        raise Unavailable(f"{place.name} is no event log: it holds something else.")
    if int(found["format"]) > FORMAT:
        raise UnknownEvent(
            f"{place.name} has format {found['format']}; this code knows up to {FORMAT}. "
            "Run the code that wrote it, or newer."
        )
    return found


def _recognize(session: Session, place: Place, codec: Codec) -> tuple[str, int, int]:
    """Refuse what this code cannot read. Gives log id, head, and when that was recorded."""
    found = about(session, place)
    revisions.need(session, place, LOG)
    if UNPROVEN in found:
        raise Unavailable(f"{place.name} holds a copy that was not proven equal. Run `python server.py copy` again.")
    for type, schema in session.execute("SELECT type, schema FROM event_types"):
        if not codec.knows(type, schema):
            raise UnknownEvent(f"{place.name}: {codec.explain(type, schema)}")
    newest = session.execute("SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return found["id"], *(newest or (0, 0))
