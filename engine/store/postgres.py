"""PostgreSQL connections that carry whole units of work, each on a thread of its own."""

import asyncio
import logging
import math
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

from engine import clock, urls
from engine.faults import GONE, Away, Unavailable, Unconfirmed, Unsettled
from engine.store.advisory import Advisory
from engine.store.dialect import POSTGRES
from engine.store.session import APPEND, Connection, Cursor, Held, Session, Work
from engine.store.thread import Thread

try:
    import psycopg
    from psycopg.types.numeric import Int8Dumper
    from psycopg.types.string import StrDumper
except ImportError:  # an installation that stays with SQLite does without it
    psycopg = None  # type: ignore[assignment]

# What a statement among many failed of is raised; that the others then failed too need not be told.
logging.getLogger("psycopg").setLevel(logging.ERROR)
T = TypeVar("T")
CONNECTING = 4
"Seconds that a connection may take to be made."
AT_ONCE = 0.5
"Seconds within which a lost connection shows itself, if the server is there again."
PATIENCE = 4.5
"Seconds that one statement may take; then the server counts as gone."
WRITING = 60.0
"The same for what is written to the read tables, where an index over all rows may be made."
_BEGIN = {
    "BEGIN": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # A lock that is not had in time is one that a process holds which hangs; its own time is limited likewise.
    # Full durability is for the transaction to ask for: behind a proxy a session is somebody else's in the next one.
    "BEGIN IMMEDIATE": "BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = 4000;"
    " SET LOCAL idle_in_transaction_session_timeout = 10000",
}
_BEGIN[APPEND] = f"{_BEGIN['BEGIN IMMEDIATE']}; SELECT position, recorded_at FROM head FOR UPDATE"
_PLACES = re.compile(r"\?(\d*)|(?<!:):([a-z]\w*)| INDEXED BY \w+")
_UNDEFINED_TABLE = "42P01"


@lru_cache(maxsize=4096)
def translated(text: str) -> tuple[str, tuple[str, ...] | None]:
    """A statement as PostgreSQL takes it, with the names of its parameters in order if it names them.

    The hints by which SQLite is told what index to use fall away.
    """
    if text in _BEGIN:
        return _BEGIN[text], None
    names: dict[str, int] = {}
    count = 0

    def place(found: re.Match[str]) -> str:
        nonlocal count
        if found[0].startswith(" "):
            return ""
        if found[2]:
            return f"${names.setdefault(found[2], len(names) + 1)}"
        count += 1
        return f"${found[1] or count}"

    made = _PLACES.sub(place, text)
    return made, tuple(names) if names else None


class PostgresSession:
    """What a unit of work has of a connection. It lives on the connection's thread."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._is_together = False
        self.began_at: float | None = None
        "When the statement under way was sent."

    @property
    def in_transaction(self) -> bool:
        connection = self._connection
        if connection is None or connection.closed:
            return False
        return connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def ready(self) -> None:
        """Connect if there is no connection, and be outside of a transaction."""
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect()
        elif self.in_transaction:
            self.execute("ROLLBACK")

    def execute(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        began_at = clock.monotonic()
        try:
            return self._send(text, parameters)
        except Unsettled:
            # Whoever waited already is to be told in time.
            if text not in _BEGIN or self._is_alive() or clock.monotonic() - began_at > AT_ONCE:
                raise
        self.ready()  # it was lost since it was last used; nothing is under way yet
        return self._send(text, parameters)

    def executemany(self, text: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        made, _ = translated(text)
        return self._try(lambda cursor: cursor.executemany(made, map(_plain, rows)), text)

    @contextmanager
    def together(self) -> Iterator[Session]:
        """Statements of which nobody needs the answer, in one round trip; the last one commits."""
        if self._connection is None:
            raise Unsettled(f"There is no connection to {self._database.name}.")
        self._is_together = True
        try:
            with self._connection.pipeline():
                yield self
                self.began_at = clock.monotonic()
        except psycopg.Error as error:
            raise self._fault(error, "COMMIT") from error
        finally:
            self.began_at = None
            self._is_together = False

    def cut(self) -> None:
        """Have the statement under way fail: from another thread, when the server does not answer."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _send(self, text: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Cursor:
        made, names = translated(text)
        if isinstance(parameters, Mapping):
            parameters = [parameters[name] for name in names or ()]
        values = _plain(parameters) or None
        return self._try(lambda cursor: cursor.execute(made, values), text)

    def _try(self, do: Any, text: str) -> Cursor:
        if self._connection is None:
            raise Unsettled(f"There is no connection to {self._database.name}.")
        self.began_at = clock.monotonic()
        try:
            cursor = self._connection.cursor()
            do(cursor)
            while not self._is_together and cursor.nextset():  # of several statements, the last one's answer
                pass
        except psycopg.Error as error:
            raise self._fault(error, text) from error
        finally:
            self.began_at = None
        return cursor

    def _is_alive(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def _fault(self, error: "psycopg.Error", text: str) -> Unavailable:
        name = self._database.name
        if not self._is_alive():
            if text == "COMMIT":
                return Unconfirmed(f"The connection to {name} was lost during a commit.")
            return Unsettled(f"The connection to {name} was lost.")
        # Without its detail, which holds values of the row.
        reason = (error.diag.message_primary or str(error)).strip().rstrip(".")
        kind = Unsettled if error.sqlstate == _UNDEFINED_TABLE else Unavailable
        return kind(f"{name} refuses: {reason}.")


def _plain(values: Sequence[Any]) -> Sequence[Any]:
    """PostgreSQL's text has no place for NUL. No row of the shop has one; to look for it must find nothing."""
    if any(type(each) is str and "\0" in each for each in values):
        return [each.replace("\0", "\1") if type(each) is str else each for each in values]
    return values


class PostgresConnection:
    """One connection, made anew when it was lost. `run` hands over a whole unit of work: one hop between threads."""

    def __init__(self, database: "Database", patience: float) -> None:
        self._name, self._session = database.name, PostgresSession(database)
        self._patience = patience
        self._thread = Thread(f"PostgreSQL {database.name}")
        self._gone_at = -math.inf
        "When somebody last waited for the server in vain: those behind them have waited as well."
        self.runs = 0

    @classmethod
    async def open(cls, database: "Database", patience: float = PATIENCE) -> "PostgresConnection":
        made = cls(database, patience)
        try:
            await made._thread.run(made._session.ready)
        except BaseException:
            made._thread.end(made._session.close)
            raise
        return made

    async def run(self, work: Work[T]) -> T:
        """Do `work` on the connection's thread. Once handed over it runs to its end, even if the caller is gone."""
        session, asked_at = self._session, clock.monotonic()

        def unit() -> T:
            if self._gone_at > asked_at:
                raise Away(f"{self._name} did not answer who asked before.")
            began_at = clock.monotonic()
            try:
                session.ready()
                return work(session)
            except GONE:
                if clock.monotonic() - began_at > AT_ONCE:
                    self._gone_at = clock.monotonic()
                raise

        watch = asyncio.get_running_loop().call_later(self._patience, self._watch)
        try:
            return await self._thread.run(unit)
        finally:
            self.runs += 1
            watch.cancel()

    def _watch(self) -> None:
        """A server that is there but silent would be waited for until TCP gives up, which may be for ever."""
        began_at = self._session.began_at
        if began_at is not None and clock.monotonic() - began_at >= self._patience:
            self._session.cut()

    async def close(self) -> None:
        await self._thread.run(self._session.close)
        self._thread.end(lambda: None)


class _Nothing:
    async def release(self) -> None: ...


class Database:
    """A database on a PostgreSQL server, named by a URL."""

    dialect = POSTGRES

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def name(self) -> str:
        return urls.shown(self._url)

    def connect(self) -> "psycopg.Connection[Any]":
        """Raises Away. A statement is never prepared on the server: behind a proxy the next may go elsewhere."""
        if psycopg is None:
            raise Unavailable("PostgreSQL needs a driver: install dispensary[postgres].")
        try:
            made = psycopg.connect(
                self._url,
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=psycopg.RawCursor,
                connect_timeout=CONNECTING,
                application_name="dispensary",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=2,
            )
        except psycopg.Error as error:
            raise Away(f"{self.name} cannot be reached: {urls.without_password(_reason(error), self._url)}.") from None
        made.adapters.register_dumper(str, StrDumper)
        made.adapters.register_dumper(int, Int8Dumper)
        return made

    async def writer(self, *, is_log: bool) -> Connection:
        return await PostgresConnection.open(self, PATIENCE if is_log else WRITING)

    async def reader(self) -> Connection:
        return await PostgresConnection.open(self)

    async def own(self, what: str) -> Held:
        return await Advisory.take(await PostgresConnection.open(self), what, self.name)

    async def tend(self, writer: Connection) -> Held:
        return _Nothing()

    def is_new(self, session: Session) -> bool:
        """No log is there yet. Processes that start together wait here for one another."""
        session.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema()), hashtext('new log'))")
        found: list[Any] = session.execute("SELECT to_regclass('meta'), to_regclass('events')").fetchone()
        return found[0] is None and found[1] is None


def _reason(error: Exception) -> str:
    """What the driver says, on one line."""
    return " ".join(str(error).split()).rstrip(".")
