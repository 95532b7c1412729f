"""A log copied into another database, and the copy proven equal: row by row, table by table."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import zip_longest
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from engine import clock, ids, migration, urls
from engine.faults import Unavailable
from engine.store import revisions
from engine.store.dialect import SQLITE
from engine.store.leases import leases
from engine.store.migrating import reason
from engine.store.places import place
from engine.store.revisions import LOG
from engine.store.session import Place, Session
from engine.store.tables import UNPROVEN, commands, events, head, meta

T = TypeVar("T")
Report = Callable[[str, int, int], None]
"Told of a step, how many rows of it are done, and how many there are."
TABLES = [table for table in LOG.of(SQLITE) if table is not leases]
"All that a log is made of. Who runs what at the moment is not, and where appends queue up follows from the events."
AT_ONCE = 1000
"Rows in memory at a time, of each side."


@dataclass(frozen=True)
class Digest:
    """What a table holds."""

    rows: int
    hash: str


@dataclass(frozen=True)
class Compared:
    """A table on both sides."""

    table: str
    source: Digest
    target: Digest
    differs_at: int | None
    "The first row, in the order of keys and counted from 1, that is not the same on both sides."

    @property
    def is_equal(self) -> bool:
        return self.source == self.target and self.differs_at is None


async def copy(source_url: str, target_url: str, report: Report) -> list[Compared]:
    """Copy a log, tables as they are, and compare what has arrived. Until it is proven equal no server starts on it.

    Raises Unavailable when either is in use or the target holds something; then the target is as it was.
    """
    source, target = place(source_url), place(target_url)
    if source.name == target.name and source_url == target_url:
        raise Unavailable(f"{source.name} cannot be copied to itself.")
    if (path := urls.file(source_url)) is not None and not path.is_file():
        raise Unavailable(f"{path} is no file.")
    async with AsyncExitStack() as stack:
        for where in (source, target):
            held = await where.own(LOG.name)
            stack.push_async_callback(held.release)
            if where is source:
                await _look(where)
            await migration.brought(where, LOG)
        mark = ids.new()
        await _threaded(partial(_copy, source, target, mark), report)
        compared = await _threaded(partial(prove, source, target), report)
        if all(each.is_equal for each in compared):
            await asyncio.to_thread(_release, source, target, mark)
        return compared


async def _look(source: Place) -> None:
    """Refuse what holds no log, and on a server what has to be migrated first: nothing is made where one looks."""

    def work(session: Session) -> None:
        if source.is_new(session, LOG.first):
            raise Unavailable(f"{source.name} holds no event log.")
        if source.dialect.is_shared:
            revisions.need(session, source, LOG)

    reader = await source.reader()
    try:
        await reader.run(work)
    finally:
        await reader.close()


async def _threaded(work: Callable[[Report], T], report: Report) -> T:
    """Do work on a thread. When the caller is cancelled, it ends with its next report."""
    is_over = threading.Event()

    def reporting(step: str, done: int, total: int) -> None:
        if is_over.is_set():
            raise Unavailable("The copy was cut short.")
        report(step, done, total)

    try:
        return await asyncio.to_thread(work, reporting)
    finally:
        is_over.set()


@contextmanager
def _both(source: Place, target: Place, begin: str) -> Iterator[tuple[sa.Connection, sa.Connection]]:
    """One state of the source, and a transaction on the target, undone if something fails."""
    engines = source.engine(), target.engine()
    kinds: list[type[Exception]] = [sa.exc.DBAPIError]
    kinds += [engine.dialect.loaded_dbapi.Error for engine in engines]
    try:
        with engines[0].connect() as old, engines[1].begin() as new:
            old.exec_driver_sql(source.dialect.still)
            new.exec_driver_sql(begin)
            yield old, new
    except tuple(kinds) as error:
        raise Unavailable(f"{source.name} cannot be copied to {target.name}: {reason(error)}.") from None
    finally:
        for engine in engines:
            engine.dispose()


# ---------------------------------------------------------------- copying


def _copy(source: Place, target: Place, mark: str, report: Report) -> None:
    with _both(source, target, target.dialect.alone) as (old, new):
        for where, connection in ((source, old), (target, new)):
            _refuse_running(where, connection)
        if _is_unproven(old):
            raise Unavailable(f"{source.name} is itself a copy that was not proven equal.")
        _empty(target, new)
        total = sum(_count(old, table) for table in TABLES)
        done = 0
        for table in TABLES:
            for rows in _rows(old, table, _order(table)):
                target.dialect.load(new, table, rows)
                done += len(rows)
                report("Copying", done, total)
        new.execute(meta.insert(), [{"name": UNPROVEN, "value": mark}])
        if target.dialect.is_shared:
            new.execute(head.delete())
            new.execute(head.insert(), [{"one": 1, **_newest(old)}])


def _refuse_running(where: Place, connection: sa.Connection) -> None:
    """By this machine's clock, so no proof; but who keeps a lease is seen."""
    now = round(clock.now().timestamp() * 1000)
    owner = connection.scalar(sa.select(leases.c.owner).where(leases.c.expires_at > now).limit(1))
    if owner is not None:
        raise Unavailable(f"A server runs on {where.name} ({owner}). Stop it first.")


def _is_unproven(connection: sa.Connection) -> bool:
    return connection.scalar(sa.select(meta.c.value).where(meta.c.name == UNPROVEN)) is not None


def _empty(target: Place, new: sa.Connection) -> None:
    """Make room for a copy: of what an earlier one left, and of nothing else."""
    is_unproven = _is_unproven(new)
    for table in TABLES:
        if is_unproven or table is meta:
            new.execute(table.delete())
        elif count := _count(new, table):
            raise Unavailable(
                f"{target.name} holds something already: {count} rows of {table.name}. Copy into an empty database."
            )


def _order(table: sa.Table) -> Sequence[sa.Column[Any]]:
    # A file forgets commands in the order of its rows, which is that of acceptance.
    before = [commands.c.accepted_at, commands.c.position] if table is commands else []
    return [*before, *table.primary_key]


# ---------------------------------------------------------------- proving


def prove(source: Place, target: Place, report: Report) -> list[Compared]:
    """Read both sides back, in the order of keys, and compare row by row."""
    with _both(source, target, target.dialect.still) as (old, new):
        total = sum(_count(old, table) for table in TABLES)
        found: list[Compared] = []
        for table in TABLES:
            before = sum(each.source.rows for each in found)
            found.append(_compared(table, old, new, partial(_advance, report, before, total)))
        if target.dialect.is_shared:
            found.append(_same_head(old, new))
        return found


def _advance(report: Report, before: int, total: int, rows: int) -> None:
    report("Proving", before + rows, total)


def _compared(table: sa.Table, old: sa.Connection, new: sa.Connection, advance: Callable[[int], None]) -> Compared:
    hashes, counts, differs_at = (blake2b(digest_size=16), blake2b(digest_size=16)), [0, 0], None
    sides = [_each(connection, table) for connection in (old, new)]
    for number, pair in enumerate(zip_longest(*sides), 1):
        for side, row in enumerate(pair):
            if row is not None:
                hashes[side].update(row)
                counts[side] += 1
        if differs_at is None and pair[0] != pair[1]:
            differs_at = number
        if number % AT_ONCE == 0:
            advance(counts[0])
    advance(counts[0])
    source, target = (Digest(count, hash.hexdigest()) for count, hash in zip(counts, hashes, strict=True))
    return Compared(table.name, source, target, differs_at)


def _each(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """The rows of a table in the order of its key, each as bytes that only an equal row has."""
    encode = msgspec.msgpack.Encoder().encode
    for rows in _rows(connection, table, list(table.primary_key)):
        for row in rows:
            yield encode(tuple(row))


def _same_head(old: sa.Connection, new: sa.Connection) -> Compared:
    """Whether the next append goes behind the last event."""
    is_head = new.execute(sa.select(head.c.position, head.c.recorded_at)).all()
    wanted, found = [tuple(_newest(old).values())], [tuple(row) for row in is_head]
    source, target = (
        Digest(len(rows), blake2b(repr(rows).encode(), digest_size=16).hexdigest()) for rows in (wanted, found)
    )
    return Compared(head.name, source, target, None if wanted == found else 1)


# ---------------------------------------------------------------- both


def _count(connection: sa.Connection, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return connection.scalar(query) or 0


def _rows(connection: sa.Connection, table: sa.Table, order: Sequence[sa.Column[Any]]) -> Iterator[Sequence[Any]]:
    query = sa.select(table).order_by(*order)
    if table is meta:
        query = query.where(meta.c.name != UNPROVEN)
    return connection.execution_options(yield_per=AT_ONCE).execute(query).partitions()


def _newest(connection: sa.Connection) -> dict[str, int]:
    query = sa.select(events.c.position, events.c.recorded_at).order_by(events.c.position.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return {"position": row[0], "recorded_at": row[1]} if row else {"position": 0, "recorded_at": 0}


def _release(source: Place, target: Place, mark: str) -> None:
    """Let servers start on it, if it is still the copy that was proven."""
    with _both(source, target, target.dialect.alone) as (_, new):
        is_it = meta.c.name == UNPROVEN, meta.c.value == mark
        if new.execute(meta.delete().where(*is_it)).rowcount != 1:
            raise Unavailable(f"Somebody else copied to {target.name} meanwhile. Copy again.")
