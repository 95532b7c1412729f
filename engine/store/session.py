"""What a unit of work may do with a connection, whichever database is behind it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar, cast

import sqlalchemy as sa

from engine.faults import Unavailable
from engine.store.dialect import Dialect

FAULTS = (sqlite3.Error, Unavailable)
"How a store says that it cannot: no fault of whoever asked."
T = TypeVar("T")


class Cursor(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection on its own thread, as sqlite3 has it.

    Statements are written as SQLite takes them: `?`, `?1` or `:name` for a parameter. `BEGIN` is a transaction that
    reads one state, `BEGIN IMMEDIATE` one that writes.
    """

    @property
    def in_transaction(self) -> bool: ...
    def execute(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /) -> Cursor: ...
    def executemany(self, text: str, rows: Iterable[Sequence[Any]], /) -> Cursor: ...


Work = Callable[[Session], T]
Verdict = Callable[[], None]
"Looks at an answer, once that has come. Raises LeaseLost when another process owns what this one did."


class Guard:
    """Called in each transaction that moves a checkpoint. Raises LeaseLost when another process may move it instead."""

    def __init__(self, ask: Callable[[Session], Verdict]) -> None:
        self.ask = ask
        "The same in two steps, between which other questions go the same way."

    def __call__(self, session: Session) -> None:
        self.ask(session)()


Question = tuple[str, Sequence[Any]]
"A statement that finds something, with its parameters."


class Gathering(Session, Protocol):
    """A session at the other end of a wire, where what goes in one round trip is worth a method."""

    def together(self) -> AbstractContextManager[Session]: ...
    def ask(self, *questions: Question) -> list[Cursor]: ...
    def look(self, ask: Callable[[Session], T]) -> T:
        """Ask of one state of the database. It may be asked twice."""

    def begin(self, ask: Callable[[Session], T]) -> T:
        """Begin a transaction that a crash of the server may take back, and ask. What is asked may be asked twice."""

    def append(self, *questions: Question) -> list[Cursor]:
        """Begin a transaction when its turn has come among all that append, and ask.

        The first answer is the position and time of the last event.
        """


alone = Guard(lambda _: lambda: None)
"The guard where no other process can write."


def asked(session: Session, text: str, parameters: Any = ()) -> Iterable[tuple[Any, ...]]:
    """What a statement finds, to be looked at once it has come: over a wire that may be later.

    A file has it at once, and all of it: a statement that is not read to its end, as what was asked with it failed,
    keeps its connection at the state that it began on, and so from writing, until it is forgotten.
    """
    cursor = session.execute(text, parameters)
    return cursor.fetchall() if isinstance(session, sqlite3.Connection) else cursor


@contextmanager
def together(session: Session) -> Iterator[Session]:
    """Statements of which nobody needs the answer, up to a commit: in one go, where each would be a journey."""
    wire = gathering(session)
    if wire is None:
        yield session
    else:
        with wire.together() as gathered:
            yield gathered


def gathering(session: Session) -> Gathering | None:
    """The session if it is such a one. To ask with `isinstance` takes 20 µs, which every commit would."""
    return cast(Gathering, session) if hasattr(session, "together") else None


def wired(session: Session) -> Gathering:
    """The session where it is known to be such a one."""
    return cast(Gathering, session)


class Connection(Protocol):
    """A connection that carries whole units of work to its thread: one hop between threads each."""

    runs: int
    "How many units of work were done."

    async def run(self, work: Work[T]) -> T:
        """Do `work` on the connection's thread. Once handed over it runs to its end, even if the caller is gone."""

    async def close(self) -> None: ...


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """All of it or nothing. IMMEDIATE, as only then SQLite waits for another writer instead of failing."""
    session.execute("BEGIN IMMEDIATE")
    try:
        yield
        session.execute("COMMIT")
    except BaseException:
        if session.in_transaction:
            session.execute("ROLLBACK")
        raise


class Writing(Protocol):
    """Where units of work are done, each in one transaction."""

    async def write(self, work: Callable[[Session], T], /) -> T: ...


class Guarded:
    """The same with a guard, which is called first in each of them."""

    def __init__(self, store: Writing) -> None:
        self._store = store
        self.guard: Guard = alone

    async def write(self, work: Callable[[Session], T]) -> T:
        guard = self.guard
        if guard is alone:
            return await self._store.write(work)

        def unit(session: Session) -> T:
            guard(session)
            return work(session)

        return await self._store.write(unit)


class Held(Protocol):
    """Something that one process has, and no other."""

    async def release(self) -> None: ...


class Place(Protocol):
    """Where tables are: a file, or a database on a server."""

    dialect: Dialect

    @property
    def name(self) -> str:
        """What it is called in a sentence; without a password."""

    async def writer(self, *, is_log: bool) -> Connection:
        """A connection that writes. What it commits of the log is on disk. Raises Unavailable."""

    async def reader(self) -> Connection: ...

    async def own(self, what: str) -> Held:
        """Be the one process that has a file. Raises Taken when another is. A database on a server is anybody's."""

    async def tend(self, writer: Connection) -> Held:
        """Do what the place needs beside its writer, until that is released."""

    def is_new(self, session: Session, names: Sequence[str]) -> bool:
        """Whether tables of these names may be made: a file must be empty, a database have none of them."""

    def engine(self) -> sa.Engine:
        """For what SQLAlchemy does by itself, on connections of its own. Raises Unavailable."""
