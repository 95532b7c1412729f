"""The same writes as one builds them from stock parts: Strawberry, SQLAlchemy's asyncio on aiosqlite, a commit each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql
import strawberry
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks import stock
from engine import ids
from engine.graphql.mutation import ReceiptType
from engine.graphql.scalars import Position
from schema.records import WriteRecordInput, WriteRecordPayload

LOG, TABLES = sql.MetaData(), sql.MetaData()
EVENTS = sql.Table(
    "events",
    LOG,
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("stream", sql.Text, nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("type", sql.Text, nullable=False),
    sql.Column("data", sql.JSON, nullable=False),
    sql.Column("command_id", sql.Text, nullable=False),
    sql.Column("recorded_at", sql.DateTime, nullable=False),
    sql.UniqueConstraint("stream", "version"),
)
RECORDS = sql.Table(
    "records",
    TABLES,
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
    sql.Column("version", sql.Integer, nullable=False),
    sql.Column("position", sql.Integer, nullable=False),
)
CHECKPOINT = sql.Table("checkpoint", TABLES, sql.Column("position", sql.Integer, nullable=False))
PAGE = 100
"Events that are read at once; each is shown by itself."


def app(directory: Path) -> Starlette:
    log, tables = _engine(directory / "build.db", "FULL"), _engine(directory / "tables.db", "NORMAL")
    projector = Projector(log, tables)

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def write_record(self, input: WriteRecordInput) -> WriteRecordPayload:
            receipt = await _append(log, f"record-{input.key}", {"key": input.key, "value": input.value})
            projector.hint.set()
            return WriteRecordPayload(receipt=receipt, errors=[])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await _create(log, tables)
        task = asyncio.create_task(projector.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await log.dispose()
        await tables.dispose()

    async def ready(request: Request) -> JSONResponse:
        async with log.connect() as connection:
            head = await connection.scalar(sql.select(sql.func.max(EVENTS.c.position))) or 0
        projections = {"records": {"position": str(projector.position)}}
        return JSONResponse({"head": str(head), "projections": projections})

    return stock.served(Mutation, routes=[Route("/health/ready", ready)], lifespan=lifespan)


def _engine(path: Path, synchronous: str) -> AsyncEngine:
    # One connection is the queue of those who write: with more, they wait for one another in SQLite's busy loop.
    made = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=60)

    def configure(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    sql.event.listen(made.sync_engine, "connect", configure)
    return made


async def _create(log: AsyncEngine, tables: AsyncEngine) -> None:
    async with log.begin() as connection:
        await connection.run_sync(LOG.create_all)
    async with tables.begin() as connection:
        await connection.run_sync(TABLES.create_all)
        await connection.execute(sql.insert(CHECKPOINT).values(position=0))


async def _append(log: AsyncEngine, stream: str, data: dict[str, str]) -> ReceiptType:
    """Store the next event of a stream, in a transaction of its own."""
    command_id, now = ids.new(), datetime.now(UTC)
    async with log.begin() as connection:
        found = await connection.scalar(sql.select(sql.func.max(EVENTS.c.version)).where(EVENTS.c.stream == stream))
        version = (found or 0) + 1
        stored = await connection.execute(
            sql.insert(EVENTS).values(
                stream=stream,
                version=version,
                type="RecordWritten",
                data=data,
                command_id=command_id,
                recorded_at=now,
            )
        )
    assert stored.inserted_primary_key is not None
    position = Position(stored.inserted_primary_key[0])
    return ReceiptType(
        command_id=strawberry.ID(command_id),
        position=position,
        stream=stream,
        version=version,
        accepted_at=now,
        replayed=False,
    )


class Projector:
    """Shows the log in the read table, an event a transaction."""

    def __init__(self, log: AsyncEngine, tables: AsyncEngine) -> None:
        self._log = log
        self._tables = tables
        self.position = 0
        self.hint = asyncio.Event()

    async def run(self) -> None:
        while True:
            self.hint.clear()
            while page := await self._after():
                for event in page:
                    await self._apply(event)
            await self.hint.wait()

    async def _after(self) -> list[sql.Row[Any]]:
        unseen = sql.select(EVENTS).where(EVENTS.c.position > self.position).order_by(EVENTS.c.position).limit(PAGE)
        async with self._log.connect() as connection:
            return list(await connection.execute(unseen))

    async def _apply(self, event: sql.Row[Any]) -> None:
        row = {"value": event.data["value"], "version": event.version, "position": event.position}
        async with self._tables.begin() as connection:
            upsert = insert(RECORDS).values(key=event.data["key"], **row)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["key"], set_=row))
            await connection.execute(sql.update(CHECKPOINT).values(position=event.position))
        self.position = event.position
