"""Appends through the engine, beside sqlite3 alone writing the very same rows."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import engines, machine
from benchmarks.records import VALUE
from benchmarks.report import Row, per_second, ratio
from domain.record import WriteRecord
from engine import clock

TABLES = ("events", "commands")


def measure(*, rounds: int = 9, commands: int = 12_800) -> tuple[Row, ...]:
    machine.pin(machine.SERVED)
    ours, raw = [], []
    for number in range(rounds):
        with TemporaryDirectory() as name:
            directory = Path(name)
            ours.append(machine.run(_ours(directory, number, commands)))
            raw.append(_raw(directory / "log.db", directory / "raw.db"))
    reached = ratio(ours, raw)
    return (
        Row(
            "append through the engine, 64 at once, durable",
            per_second(ours, "commands"),
            f"{per_second(raw, 'commands')}: sqlite3 writing the same rows, 64 a transaction",
            f"{reached:.2f}",
            ">= 0.50",
            reached >= 0.50,
        ),
    )


async def _ours(directory: Path, number: int, commands: int) -> float:
    wishes = [WriteRecord(key=f"benchmark-{number:02}-{each:08}", value=VALUE) for each in range(commands)]
    async with engines.engine(directory) as engine, engine.dispatching() as dispatcher:
        return await engines.send(dispatcher, wishes)


def _raw(written: Path, fresh: Path) -> float:
    """Write what the engine wrote into a fresh file of the same layout."""
    with closing(sqlite3.connect(written)) as source:
        layout = [sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        rows = {table: source.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA cache_size = -16384")
        for statement in layout:
            connection.execute(statement)
        inserts = {table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[table][0]))})" for table in TABLES}
        start = clock.monotonic()
        for at in range(0, len(rows["commands"]), engines.AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                connection.executemany(inserts[table], rows[table][at : at + engines.AT_ONCE])
            connection.execute("COMMIT")
        return len(rows["commands"]) / (clock.monotonic() - start)
