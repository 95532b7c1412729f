"""Processes that take turns at a counter: who holds the lease counts on from what it knows, as a projection does.

Started with a path, it forks one for each line that it reads, and says its id.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.faults import LeaseLost
from engine.lease import Leases, Token
from engine.store.session import Session, transaction
from engine.store.sqlite import Connection

SPAN = 0.4
PACE = 0.005
TABLES = (
    "CREATE TABLE IF NOT EXISTS applied (place INTEGER PRIMARY KEY, count INTEGER, token INTEGER, owner INTEGER)",
    "CREATE TABLE IF NOT EXISTS stopped (place INTEGER PRIMARY KEY, token INTEGER, owner INTEGER)",
)
T = TypeVar("T")


class File:
    """A SQLite file that several processes write, which those of the shop are not."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def write(self, work: Callable[[Session], T]) -> T:
        def unit(connection: Session) -> T:
            with transaction(connection):
                return work(connection)

        return await self.connection.run(unit)


def newest(connection: Session) -> int:
    count: int = connection.execute("SELECT coalesce(max(count), 0) FROM applied").fetchone()[0]
    return count


def apply(connection: Session, leases: Leases, token: Token, count: int) -> None:
    leases.check(connection, token)
    mine = (count, token.number, os.getpid())
    connection.execute("INSERT INTO applied (count, token, owner) VALUES (?, ?, ?)", mine)


def stop(connection: Session, number: int) -> None:
    connection.execute("INSERT INTO stopped (token, owner) VALUES (?, ?)", (number, os.getpid()))


async def take_turns(path: Path) -> None:
    file = File(await Connection.open(path))
    leases = Leases(file, str(os.getpid()), span=SPAN)
    while True:
        number = 0
        try:
            async with leases.held("counter") as token:
                number, count = token.number, await file.write(newest)
                while True:
                    count += 1
                    await file.write(partial(apply, leases=leases, token=token, count=count))
                    await asyncio.sleep(PACE)
        except LeaseLost:
            await file.write(partial(stop, number=number))
        except sqlite3.OperationalError:
            continue  # the file is locked by a process that was paused in a transaction


async def prepare(path: Path) -> None:
    connection = await Connection.open(path)
    file = File(connection)
    await file.write(lambda session: [session.execute(each) for each in TABLES])
    await Leases(file, "").open()
    await connection.close()


def main(path: Path) -> None:
    asyncio.run(prepare(path))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    children = []
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os.close(0)
            os.dup2(2, 1)  # what it logs is for nobody to read as an answer
            asyncio.run(take_turns(path))
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main(Path(sys.argv[1]))
