"""Processes that take turns at a counter: who holds the lease counts on from what it knows, as a projection does.

Started with the URL of a store, it forks one for each line that it reads, and says its id.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.faults import LeaseLost
from engine.lease import Leases, Token
from engine.store.dialect import SQLITE
from engine.store.places import place
from engine.store.revisions import LOG, made_by
from engine.store.session import FAULTS, Connection, Session, transaction
from tests import worlds

SPAN = 0.4
PACE = 0.005
PLACES = {"sqlite": "INTEGER", "postgresql": "INTEGER GENERATED ALWAYS AS IDENTITY"}
TABLES = (
    "CREATE TABLE IF NOT EXISTS applied (place {} PRIMARY KEY, count INTEGER, token INTEGER, owner INTEGER)",
    "CREATE TABLE IF NOT EXISTS stopped (place {} PRIMARY KEY, token INTEGER, owner INTEGER)",
)
T = TypeVar("T")


class File:
    """A store that several processes write, which of the shop's are those on PostgreSQL alone."""

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


async def writer(path: Path) -> Connection:
    """A connection to a store that has the table of leases."""
    made = await place(worlds.url(path)).writer(is_log=True)
    if not worlds.is_postgres():
        await made.run(lambda session: [session.execute(text) for text in made_by(SQLITE, LOG)])
    return made


async def take_turns(url: str) -> None:
    store = place(url)
    file = File(await store.writer(is_log=False))
    leases = Leases(file, str(os.getpid()), span=SPAN, dialect=store.dialect)
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
        except FAULTS:
            continue  # a file is locked by a process that was paused in a transaction; a server has let go of this one


async def prepare(path: Path) -> str:
    """Make what they need in the world of the test; gives its URL."""
    connection, kind = await writer(path), PLACES[worlds.dialect().name]
    await File(connection).write(lambda session: [session.execute(each.format(kind)) for each in TABLES])
    await connection.close()
    return worlds.url(path)


def main(url: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    children = []
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os.close(0)
            os.dup2(2, 1)  # what it logs is for nobody to read as an answer
            asyncio.run(take_turns(url))
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main(sys.argv[1])
