"""SQLite connections that carry whole units of work, each on a thread of its own."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

import aiosqlite
import sqlalchemy as sa

from engine.faults import Unavailable
from engine.store import session
from engine.store.dialect import SQLITE
from engine.store.lock import Lock
from engine.store.session import Held, Session, Work

TRANSFER_EVERY = 1.0
"Seconds between two transfers of what was committed into the file itself."
MOST_PAGES = 16_384
"In the write-ahead log, before a commit transfers them itself: 64 MiB."

T = TypeVar("T")


class Connection:
    """One connection. `run` hands over a function that does a whole unit of work: one hop between threads.

    Measured: 59 µs for each hop, 1 µs for a small statement. aiosqlite owns the thread; its method for handing over a
    function is private, and used in this one place.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self.runs = 0
        "How many units of work were done."

    @classmethod
    async def open(
        cls, path: Path, *, synchronous: Literal["FULL", "NORMAL"] = "NORMAL", readonly: bool = False
    ) -> "Connection":
        """Open the file, created unless `readonly`. Raises Unavailable with a sentence when it cannot be."""

        def connect() -> sqlite3.Connection:
            mode = "ro" if readonly else "rwc"
            if not readonly:
                # Nobody else's to read, nor are the files that SQLite puts beside it: they take over these rights.
                with suppress(OSError):  # SQLite will say what is wrong with the place
                    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, cached_statements=256
            )
            connection.execute("PRAGMA busy_timeout = 5000")
            if not readonly:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                connection.execute("PRAGMA journal_size_limit = 67108864")
                connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
                # What a savepoint may have to bring back, rows of anybody, would else be put into a file elsewhere.
                connection.execute("PRAGMA temp_store = MEMORY").fetchall()
                if synchronous == "FULL":  # a log: a secret that was erased is to be in no free page
                    connection.execute("PRAGMA secure_delete = ON").fetchall()
            connection.execute("PRAGMA cache_size = -16384")
            return connection

        made = aiosqlite.Connection(connect, 64)
        made._thread.daemon = True  # an interpreter that fails half-way must still be able to exit (aiosqlite#290)
        try:
            return cls(await made)
        except sqlite3.Error as error:
            await asyncio.to_thread(made._thread.join, 5.0)  # else it may speak up after this loop is closed
            raise Unavailable(f"{path} cannot be opened: {error}.") from error

    async def run(self, work: Work[T]) -> T:
        """Do `work` on the connection's thread. Once handed over it runs to its end, even if the caller is gone."""
        connection = self._connection
        try:
            return await connection._execute(work, connection._conn)  # type: ignore[no-any-return, no-untyped-call]  # private
        finally:
            self.runs += 1

    async def close(self) -> None:
        await self._connection.close()


class Transfer:
    """Moves what was committed from the write-ahead log into the file, on a thread of its own.

    SQLite has the commit do it that finds a thousand pages there. Its command, and those behind it, then wait for all
    of them to be copied and synced: at 100 commands a second, that is one in a hundred.
    """

    def __init__(self, writer: session.Connection, connection: Connection) -> None:
        self._writer = writer
        self._connection = connection
        self._task = asyncio.create_task(self._run(), name="transfer")

    @classmethod
    async def begin(cls, path: Path, writer: session.Connection) -> "Transfer":
        return cls(writer, await Connection.open(path))

    async def _run(self) -> None:
        done = 0
        while True:
            await asyncio.sleep(TRANSFER_EVERY)
            if self._writer.runs != done:
                done = self._writer.runs
                with suppress(sqlite3.Error):  # it is tried again, and in the end a commit does it
                    await self._connection.run(_transfer)

    async def release(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.close()


def _transfer(session: Session) -> None:
    session.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


class File:
    """A SQLite file, which one process writes and any number read."""

    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return str(self.path)

    async def writer(self, *, is_log: bool) -> Connection:
        try:
            return await Connection.open(self.path, synchronous="FULL" if is_log else "NORMAL")
        except Unavailable as error:
            if is_log:
                raise
            raise Unavailable(f"{error} If it is damaged, delete it: it is folded anew from the log.") from error

    async def reader(self) -> Connection:
        return await Connection.open(self.path, readonly=True)

    async def own(self, what: str) -> Held:
        return Lock(self.path)

    async def tend(self, writer: session.Connection) -> Held:
        return await Transfer.begin(self.path, writer)

    def is_new(self, session: Session, names: Sequence[str]) -> bool:
        return not session.execute("SELECT 1 FROM sqlite_master").fetchone()

    def engine(self) -> sa.Engine:
        def connect() -> sqlite3.Connection:
            uri = f"{self.path.resolve().as_uri()}?mode=rw"
            # Transactions are begun by whoever wants one: sqlite3 would begin none for a CREATE TABLE.
            made = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            for pragma in ("busy_timeout = 5000", "synchronous = FULL", "secure_delete = ON"):
                made.execute(f"PRAGMA {pragma}").fetchall()
            return made

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
