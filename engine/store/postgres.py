"""PostgreSQL connections that carry whole units of work, each on a thread of its own."""

import asyncio
import logging
import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from engine import clock, urls
from engine.faults import GONE, Away, Unavailable
from engine.store.arrays import Array
from engine.store.dialect import POSTGRES
from engine.store.postgres_session import AT_ONCE, PostgresSession
from engine.store.session import Connection, Held, Session, Work
from engine.store.thread import Thread

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
PATIENCE = 4.5
"Seconds that one statement may take; then the server counts as gone."
WRITING = 60.0
"The same for what is written to the read tables, where an index over all rows may be made."


class _Watch:
    """Cuts off each statement that takes longer than it may, as long as a unit of work lasts.

    A server that is there but silent would be waited for until TCP gives up, which may be for ever.
    """

    def __init__(self, session: PostgresSession, patience: float) -> None:
        self._session, self._patience = session, patience
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(patience, self._look)

    def _look(self) -> None:
        began_at, left = self._session.began_at, self._patience
        if began_at is not None:
            left = began_at + self._patience - clock.monotonic()
        if left <= 0:
            self._session.cut()
        self._timer = self._loop.call_later(left if left > 0 else self._patience, self._look)

    def end(self) -> None:
        self._timer.cancel()


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

        watch = _Watch(session, self._patience)
        try:
            return await self._thread.run(unit)
        finally:
            self.runs += 1
            watch.end()

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

    def connect(self) -> "psycopg.Connection[Any]":
        """A connection on which every statement is a transaction, unless one was begun. Raises Away."""
        made = self._connect(autocommit=True)
        made.cursor_factory = psycopg.RawCursor
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
        return await PostgresConnection.open(self, prepares=True)

    async def own(self, what: str) -> Held:
        return _Nothing()  # of a consumer's owner leases tell

    async def tend(self, writer: Connection) -> Held:
        return _Nothing()

    def is_new(self, session: Session, names: Sequence[str]) -> bool:
        return not any(session.execute(self.dialect.finds, (name,)).fetchone()[0] for name in names)

    def engine(self) -> sa.Engine:
        how: dict[str, Any] = {"poolclass": sa.NullPool, "use_native_hstore": False}
        return sa.create_engine("postgresql+psycopg://", creator=partial(self._connect, autocommit=False), **how)


def _reason(error: Exception) -> str:
    """What the driver says, on one line."""
    return " ".join(str(error).split()).rstrip(".")
