"""Appends through the engine, on many streams and on one."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from benchmarks.harness import Figure, compared, folder, run, seconds, timed
from cli.application import DECLARATIONS
from domain.medicine import AdjustStock, ReceiveStock, RegisterMedicine
from domain.money import Money
from domain.record import WriteRecord
from engine import clock, ids
from engine.dispatcher import Dispatcher
from engine.feed import Feed
from engine.shapes import Command, Receipt
from engine.store import tables
from engine.store.log import Log

AT_ONCE = 64
ROUNDS = 5


class Desk:
    """A log with its dispatcher and nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> "Desk":
        self._log = await Log.open(self._path, DECLARATIONS.codec())
        self._feed = Feed()
        await self._feed.open()
        self._dispatcher = Dispatcher(self._log, DECLARATIONS.aggregates, self._feed, clock.now)
        self._dispatcher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._dispatcher.stop()
        await self._feed.close()
        await self._log.close()

    async def send(self, command: Command) -> None:
        if not isinstance(outcome := await self._dispatcher.send(command), Receipt):
            raise outcome

    async def send_all(self, commands: Sequence[Command]) -> None:
        """Send them with 64 under way at any time."""
        left = iter(commands)

        async def caller() -> None:
            for command in left:
                await self.send(command)

        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))


def append(scale: float) -> Sequence[Figure]:
    """64 at once through the engine against bare sqlite3 that writes the same rows, 64 a transaction."""
    ours: list[float] = []
    limit: list[float] = []

    async def rounds() -> None:
        for _ in range(ROUNDS):
            commands = [WriteRecord(key=ids.new(), value="v" * 100) for _ in range(int(20_000 * scale))]
            with folder() as place:
                async with Desk(place / "log.db") as desk:
                    ours.append(len(commands) / await seconds(desk.send_all(commands)))
                limit.append(len(commands) / _raw(place / "log.db", place / "raw.db"))

    run(rounds())
    return [compared("append, 64 at once, FULL", "sqlite3, same rows, 64 a transaction", ours, limit, 0.50)]


def _raw(source: Path, target: Path) -> float:
    """Seconds in which bare sqlite3 writes the rows of one log into another."""
    kept = (tables.events, tables.commands)
    with sqlite3.connect(source) as log:
        found = {table.name: log.execute(f"SELECT * FROM {table.name} ORDER BY rowid").fetchall() for table in kept}
    connection = sqlite3.connect(target, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for table in kept:
        connection.execute(str(CreateTable(table).compile(dialect=dialect.dialect())))
        for index in table.indexes:
            connection.execute(str(CreateIndex(index).compile(dialect=dialect.dialect())))
    inserts = {table.name: f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})" for table in kept}

    def write() -> None:
        for start in range(0, len(found["events"]), AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            for table in kept:
                connection.executemany(inserts[table.name], found[table.name][start : start + AT_ONCE])
            connection.execute("COMMIT")

    taken = timed(write)
    connection.close()
    return taken


def medicine(identity: str) -> RegisterMedicine:
    return RegisterMedicine(
        medicine_id=identity, name="a", generic_name="b", manufacturer="c", strength="d", price=Money(100)
    )


def hot(scale: float) -> Sequence[Figure]:
    """Many commands on one medicine against as many on one medicine each."""
    count = int(5_000 * scale)
    ours: list[float] = []
    limit: list[float] = []

    async def rounds() -> None:
        for _ in range(ROUNDS):
            names = [ids.new() for _ in range(count)]
            with folder() as place:
                async with Desk(place / "log.db") as desk:
                    await desk.send_all([medicine(name) for name in names])
                    many: list[Command] = [ReceiveStock(medicine_id=name, quantity=1) for name in names]
                    one: list[Command] = [ReceiveStock(medicine_id=names[0], quantity=1)] * count
                    limit.append(count / await seconds(desk.send_all(many)))
                    ours.append(count / await seconds(desk.send_all(one)))

    run(rounds())
    return [compared(f"{count:,} commands on one medicine", f"on {count:,} medicines", ours, limit, 0.80)]


def load(scale: float) -> Sequence[Figure]:
    """A command on a long stream that is not in memory, with and without a snapshot to start from."""
    count = int(10_000 * scale)
    without: list[float] = []
    with_one: list[float] = []

    async def rounds() -> None:
        with folder() as place:
            path = place / "log.db"
            async with Desk(path) as desk:
                await desk.send(medicine("m"))
                await desk.send_all([ReceiveStock(medicine_id="m", quantity=1)] * (count - 1))
            for _ in range(ROUNDS):
                with_one.append(await _cold(path, count - 1))
            _strip_snapshots(path)
            for _ in range(ROUNDS):
                without.append(await _cold(path, count - 1))

    run(rounds())
    figure = compared(
        f"load of a stream of {count:,} events, with a snapshot",
        "without one",
        [1 / each for each in with_one],
        [1 / each for each in without],
        20,
    )
    return [figure]


async def _cold(path: Path, stock: int) -> float:
    """Seconds of a command that changes nothing, by a dispatcher that has nothing in memory."""
    async with Desk(path) as desk:
        return await seconds(desk.send(AdjustStock(medicine_id="m", quantity=stock, reason="counted")))


def _strip_snapshots(path: Path) -> None:
    with sqlite3.connect(path) as log:
        log.execute("DELETE FROM snapshots")
