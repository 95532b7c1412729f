"""What a unit of work has of a PostgreSQL connection, on the thread of that connection."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

from engine import clock
from engine.faults import Replaced, Unavailable, Unconfirmed, Unsettled
from engine.store.session import Cursor, Question, Session
from engine.store.translation import APPEND, BEGIN, PROJECT, translated

try:
    import psycopg
except ImportError:  # an installation that stays with SQLite does without it
    psycopg = None  # type: ignore[assignment]

T = TypeVar("T")
AT_ONCE = 0.5
"Seconds within which a lost connection shows itself, if the server is there again."
PREPARED_AT = 2
"How often a statement was sent before it is prepared on the server."
_UNDEFINED_TABLE = "42P01"


class Connecting(Protocol):
    """The database that a session belongs to."""

    @property
    def name(self) -> str: ...

    def connect(self) -> "psycopg.Connection[Any]":
        """Raises Away."""


class PostgresSession:
    """What a unit of work has of a connection. It lives on the connection's thread."""

    def __init__(self, database: Connecting, prepares: bool) -> None:
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
            self._connection = self._database.connect()
            if self._prepares and self._is_direct(self._connection):
                self._connection.prepare_threshold = PREPARED_AT
        elif self.in_transaction:
            self.execute("ROLLBACK")

    def _is_direct(self, connection: "psycopg.Connection[Any]") -> bool:
        """Whether statements run where it ends. A proxy, which gives each transaction another end, names its own."""
        (pid,) = self.execute("SELECT pg_backend_pid()").fetchone()
        return bool(pid == connection.info.backend_pid)

    def execute(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        if text in BEGIN:
            return self._begin(lambda: self._send(text, parameters))
        return self._send(text, parameters)

    def ask(self, *questions: Question) -> list[Cursor]:
        with self.together("SELECT") as all:
            return [all.execute(text, parameters) for text, parameters in questions]

    def look(self, ask: Callable[[Session], T]) -> T:
        def send() -> T:
            with self.together("SELECT") as all:
                all.execute(BEGIN["BEGIN"])
                found = ask(all)
                all.execute("END")  # as COMMIT, of which nobody has to know whether it was done
                return found

        return self._begin(send)

    def begin(self, ask: Callable[[Session], T]) -> T:
        def send() -> T:
            with self.together("SELECT") as all:
                for text in PROJECT:
                    all.execute(text)
                return ask(all)

        return self._begin(send)

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
        except BaseException as error:
            fault = self._fault(error, what) if isinstance(error, psycopg.Error) else error
            if self._prepares:
                # What was to be prepared behind the statement that failed was not, though the driver says it was.
                self.close()
            if fault is error:
                raise
            raise fault from error
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
        kind = Replaced if error.sqlstate == _UNDEFINED_TABLE else Unavailable
        return kind(f"{name} refuses: {reason}.")


def _plain(values: Sequence[Any]) -> Sequence[Any]:
    """PostgreSQL's text has no place for NUL. No row of the shop has one; to look for it must find nothing."""
    if any(type(each) is str and "\0" in each for each in values):
        return [each.replace("\0", "\1") if type(each) is str else each for each in values]
    return values
