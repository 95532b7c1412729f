"""A read model folded from a million events, beside sqlite3 alone making the same rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks import machine
from benchmarks.report import Row, per_second, ratio
from cli.application import DECLARATIONS
from domain.medicine import MedicinePriceChanged, MedicineRegistered
from domain.money import Money
from domain.stock import StockAdjusted, StockReceived
from engine import clock, ids
from engine.convoy import Convoy
from engine.feed import Feed
from engine.projection import Projection
from engine.shapes import EPOCH, Event
from engine.store.columns import Layout
from engine.store.log import Log
from engine.store.readstore import ReadStore
from engine.store.session import Session
from engine.store.statements import Statements
from engine.store.tables import WRITES
from readmodels.medicines import MEDICINES, MedicineRow

BATCH = 1000
MEDICINE_COUNT = 10_000
RECORDED = (clock.now() - EPOCH - timedelta(days=1)) // timedelta(microseconds=1)


def measure(*, rounds: int = 3, events: int = 1_000_000, medicines: int = MEDICINE_COUNT) -> tuple[Row, ...]:
    machine.pin(machine.SERVED)
    ours, raw, growths, settled = [], [], [], []
    with TemporaryDirectory() as name:
        directory = Path(name)
        machine.run(_write_log(directory / "log.db", events, medicines))
        for number in range(rounds):
            rate, growth, late = machine.run(_ours(directory, number, events))
            ours.append(rate)
            growths.append(growth)
            settled.append(late)
            raw.append(_raw(directory / "log.db", directory / f"raw-{number}.db", events))
            _compare(directory / f"ours-{number}.db", directory / f"raw-{number}.db")
    reached = ratio(ours, raw)
    return (
        Row(
            f"rebuild of the medicine read model from {events:,} events",
            per_second(ours, "events"),
            f"{per_second(raw, 'events')}: sqlite3 reading, decoding with orjson and writing the same rows",
            f"{reached:.2f}",
            ">= 0.50, memory flat",
            reached >= 0.50 and median(settled) <= 16,
            (
                f"the process grew by at most {growths[0]:.0f} MiB, caches of SQLite included; "
                f"after the first tenth of the events by {median(settled):.0f} MiB.",
            ),
        ),
    )


# ---------------------------------------------------------------- what there is to fold


def _events(count: int, medicines: int) -> Iterator[tuple[str, int, Event]]:
    """Stream, version and event: every medicine registered, then changed in turn."""
    for number in range(medicines):
        id = f"medicine{number:05}"
        yield (
            id,
            1,
            MedicineRegistered(id, f"Aspirin {number}", "acetylsalicylic acid", "Bayer", "500 mg", Money(499), 100, 10),
        )
    for number in range(count - medicines):
        turn = number // medicines
        # A step that has no factor in common with the count visits all of them, in no order that a cache would like.
        id, version = f"medicine{number * 7919 % medicines:05}", turn + 2
        kind = number % 3
        if kind == 0:
            yield id, version, StockReceived(id, 10, 100 + turn)
        elif kind == 1:
            yield id, version, StockAdjusted(id, turn % 50, 100 + turn, "counted")
        else:
            yield id, version, MedicinePriceChanged(id, Money(500 + turn), Money(499 + turn))


async def _write_log(path: Path, count: int, medicines: int) -> None:
    codec = DECLARATIONS.codec()
    log = await Log.open(path, codec)

    def rows() -> Iterator[tuple[Any, ...]]:
        for position, (id, version, event) in enumerate(_events(count, medicines), 1):
            command_id = f"{position:032x}"
            kind = type(event)
            about = (command_id, command_id, None, None, None)
            yield position, f"medicine-{id}", version, kind.__name__, kind.schema, codec.encode(event), RECORDED, *about

    def write(connection: Session) -> None:
        connection.execute("BEGIN")
        batch: list[tuple[Any, ...]] = []
        for row in rows():
            batch.append(row)
            if len(batch) == 64 * 64:
                WRITES["sqlite"].append.run(connection, batch)
                batch.clear()
        WRITES["sqlite"].append.run(connection, batch)
        connection.execute("COMMIT")

    await log.writer.run(write)
    await log.close()


# ---------------------------------------------------------------- ours


async def _ours(directory: Path, number: int, events: int) -> tuple[float, float, float]:
    """Events a second, and by how many MiB the process grew at most: in all, and after the first tenth."""
    log = await Log.open(directory / "log.db", DECLARATIONS.codec())
    store = ReadStore(directory / f"ours-{number}.db", [MEDICINES])
    feed = Feed()
    await store.open()
    await feed.open()
    convoy = Convoy(log, store, feed, batch_size=BATCH, poll_interval=0.5)
    projection = Projection(MEDICINES, log, store, feed, convoy, random=ids.random, batch_size=BATCH)
    machine.forget_peak()
    before, start = machine.memory(), clock.monotonic()
    await projection.prepare()
    projection.start()
    await feed.reached(MEDICINES.name, events // 10, 600)
    early = machine.memory(field="VmHWM")
    if not await feed.reached(MEDICINES.name, events, 600):
        raise RuntimeError(f"The projection stands at {projection.position}: {projection.last_error}")
    passed, peak = clock.monotonic() - start, machine.memory(field="VmHWM")
    await projection.stop()
    await feed.close()
    await store.close()
    await log.close()
    return events / passed, peak - before, peak - early


# ---------------------------------------------------------------- sqlite3 alone

_READ = "SELECT position, version, type, data, recorded_at FROM events WHERE position > ? ORDER BY position LIMIT ?"
_INSERT = """INSERT INTO medicines_a (id, name, generic_name, manufacturer, strength, price_units, price_currency,
    stock_quantity, is_available, position, version, created_at, updated_at, reserved_quantity, is_discontinued)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT (id) DO NOTHING"""
_UPDATE = """UPDATE medicines_a SET stock_quantity = coalesce(?1, stock_quantity),
    is_available = coalesce(?1, stock_quantity) > reserved_quantity AND NOT is_discontinued,
    price_units = coalesce(?2, price_units), price_currency = coalesce(?3, price_currency),
    position = ?4, version = ?5, updated_at = ?6 WHERE id = ?7"""


def _raw(log: Path, path: Path, events: int) -> float:
    """Read, decode, write and keep a checkpoint, with as little between it and sqlite3 as can be."""
    with (
        closing(sqlite3.connect(f"{log.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(path, isolation_level=None)) as target,
    ):
        for each in (source, target):
            each.execute("PRAGMA cache_size = -16384")
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = NORMAL")
        for statement in Statements(MEDICINES, Layout(MedicineRow), "a").create():
            target.execute(statement)
        target.execute("CREATE TABLE checkpoint (position INTEGER NOT NULL)")
        target.execute("INSERT INTO checkpoint VALUES (0)")
        start, position = clock.monotonic(), 0
        while page := source.execute(_READ, (position, BATCH)).fetchall():
            position = page[-1][0]
            inserts, updates = _statements(page)
            target.execute("BEGIN IMMEDIATE")
            target.executemany(_INSERT, inserts)
            target.executemany(_UPDATE, updates)
            target.execute("UPDATE checkpoint SET position = ?", (position,))
            target.execute("COMMIT")
        return events / (clock.monotonic() - start)


def _statements(page: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    inserts, updates = [], []
    for position, version, type, data, at in page:
        event = orjson.loads(data)
        if type == "MedicinePriceChanged":
            price = event["price"]
            updates.append((None, price["units"], price["currency"], position, version, at, event["medicine_id"]))
        elif type == "MedicineRegistered":
            price, stock = event["price"], event["stock_quantity"]
            text = (event["name"], event["generic_name"], event["manufacturer"], event["strength"])
            about = (position, version, at, at)
            inserts.append((event["medicine_id"], *text, price["units"], price["currency"], stock, stock > 0, *about))
        else:
            updates.append((event["stock_quantity"], None, None, position, version, at, event["medicine_id"]))
    return inserts, updates


def _compare(ours: Path, raw: Path) -> None:
    """Both must have come to the same rows, or one of them did not do the work."""
    columns = ", ".join(column.name for column in Layout(MedicineRow).columns)
    found = []
    for path in (ours, raw):
        with closing(sqlite3.connect(path)) as connection:
            found.append(connection.execute(f"SELECT {columns} FROM medicines_a ORDER BY id").fetchall())
    if found[0] != found[1]:
        raise RuntimeError("The rows of the two rebuilds differ.")
