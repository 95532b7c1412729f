"""PostgreSQL connections that carry whole units of work, each on a thread of its own."""

import asyncio
import logging
import math
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from engine import clock, urls
from engine.faults import GONE, Away, Unavailable, Unconfirmed, Unsettled
from engine.store.arrays import Array
from engine.store.dialect import POSTGRES
from engine.store.session import Connection, Cursor, Held, Question, Session, Work
from engine.store.thread import Thread
from engine.store.translation import APPEND, BEGIN, translated

try:
    import psycopg
    from psycopg.adapt import Dumper
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
_UNDEFINED_TABLE = "42P01"


class PostgresSession:
    """What a unit of work has of a connection. It lives on the connection's thread."""

    def __init__(self, database: "Database", prepares: bool) -> None:
        self._database = database
        self._prepares = prepares
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
            self._connection = self._database.connect(prepares=self._prepares)
        elif self.in_transaction:
            self.execute("ROLLBACK")

    def execute(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        if text in BEGIN:
            return self._begin(lambda: self._send(text, parameters))
        return self._send(text, parameters)

    def ask(self, *questions: Question) -> list[Cursor]:
        with self.together("SELECT") as all:
            return [all.execute(text, parameters) for text, parameters in questions]

    def append(self, *questions: Question) -> list[Cursor]:
        begin = [(text, ()) for text in APPEND]
        return self._begin(lambda: self.ask(*begin, *questions))[len(begin) - 1 :]

    def _begin(self, send: Callable[[], T]) -> T:
        began_at = clock.monotonic()
        try:
            return send()
        except Unsettled:
            # Whoever waited already is to be told in time.
            if self._is_alive() or clock.monotonic() - began_at > AT_ONCE:
                raise
        self.ready()  # it was lost since it was last used; nothing is under way yet
        return send()

    def executemany(self, text: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        made, _ = translated(text)
        return self._try(lambda cursor: cursor.executemany(made, map(_plain, rows)), text)

    @contextmanager
    def together(self, what: str = "COMMIT") -> Iterator[Session]:
        """Statements of which nobody needs the answer before it ends, in one round trip; `what` they do in the end."""
        if self._connection is None:
            raise Unsettled(f"There is no connection to {self._database.name}.")
        self._is_together = True
        try:
            with self._connection.pipeline():
                yield self
                self.began_at = clock.monotonic()
        except psycopg.Error as error:
            raise self._fault(error, what) from error
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
            if not self._is_together:  # else its answer is still to come
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

    def __init__(self, database: "Database", patience: float, prepares: bool) -> None:
        self._name, self._session = database.name, PostgresSession(database, prepares)
        self._patience = patience
        self._thread = Thread(f"PostgreSQL {database.name}")
        self._gone_at = -math.inf
        "When somebody last waited for the server in vain: those behind them have waited as well."
        self.runs = 0

    @classmethod
    async def open(
        cls, database: "Database", patience: float = PATIENCE, *, prepares: bool = False
    ) -> "PostgresConnection":
        made = cls(database, patience, prepares)
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


if psycopg is not None:

    class _ArrayDumper(Dumper):
        format = psycopg.pq.Format.BINARY

        def dump(self, obj: Array) -> Array:
            return obj


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

    def connect(self, *, prepares: bool = False) -> "psycopg.Connection[Any]":
        """Raises Away. Statements are prepared on the server only if `prepares`, and no proxy is in between."""
        made = self._connect(autocommit=True)
        made.cursor_factory = psycopg.RawCursor
        if prepares and _is_direct(made):
            made.prepare_threshold = 2
        made.adapters.register_dumper(str, StrDumper)
        made.adapters.register_dumper(int, Int8Dumper)
        made.adapters.register_dumper(Array, _ArrayDumper)
        return made

    def _connect(self, **how: Any) -> "psycopg.Connection[Any]":
        """A statement is not prepared on the server: behind a proxy the next may go elsewhere."""
        if psycopg is None:
            raise Unavailable("PostgreSQL needs a driver: install dispensary[postgres].")
        try:
            return psycopg.connect(
                self._url,
                prepare_threshold=None,
                connect_timeout=CONNECTING,
                application_name="dispensary",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=2,
                **how,
            )
        except psycopg.Error as error:
            raise Away(f"{self.name} cannot be reached: {urls.without_password(_reason(error), self._url)}.") from None

    async def writer(self, *, is_log: bool) -> Connection:
        return await PostgresConnection.open(self, PATIENCE if is_log else WRITING, prepares=True)

    async def reader(self) -> Connection:
        return await PostgresConnection.open(self)

    async def own(self, what: str) -> Held:
        return _Nothing()  # of a consumer's owner leases tell

    async def tend(self, writer: Connection) -> Held:
        return _Nothing()

    def is_new(self, session: Session, names: Sequence[str]) -> bool:
        return not any(session.execute(self.dialect.finds, (name,)).fetchone()[0] for name in names)

    def engine(self) -> sa.Engine:
        how: dict[str, Any] = {"poolclass": sa.NullPool, "use_native_hstore": False}
        return sa.create_engine("postgresql+psycopg://", creator=partial(self._connect, autocommit=False), **how)


def _is_direct(connection: "psycopg.Connection[Any]") -> bool:
    """Whether statements run where it ends. A proxy, which gives each transaction another end, names its own."""
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (None,)
    return bool(pid == connection.info.backend_pid)


def _reason(error: Exception) -> str:
    """What the driver says, on one line."""
    return " ".join(str(error).split()).rstrip(".")
