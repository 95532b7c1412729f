"""How far each process has come, the states of its instances, and what it has set aside: tables beside the log."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from engine.store.instants import instant, microseconds
from engine.store.tables import metadata

consumers = Table(
    "consumers",
    metadata,
    Column("process", Text, primary_key=True),
    Column("layout", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("silent_until", Integer, nullable=False),
    sqlite_with_rowid=False,
)
instances = Table(
    "instances",
    metadata,
    Column("process", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("due_at", Integer),
    PrimaryKeyConstraint("process", "key"),
    sqlite_with_rowid=False,
)
Index("instances_due", instances.c.process, instances.c.due_at, sqlite_where=instances.c.due_at.is_not(None))
parked = Table(
    "parked",
    metadata,
    Column("process", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("parked_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", Integer),
    Column("error", Text),
    PrimaryKeyConstraint("process", "position"),
    sqlite_with_rowid=False,
)
Index("parked_by_key", parked.c.process, parked.c.key, parked.c.position)

AT_ONCE = 100


class Consumer(msgspec.Struct, frozen=True):
    """How far a process has come. Up to `silent_until` it only folds: what followed from that was sent before."""

    layout: str
    position: int
    silent_until: int


class Instance(msgspec.Struct, frozen=True):
    """One key's state, with the last event in it."""

    key: str
    position: int
    correlation_id: str
    state: bytes
    due_at: datetime | None


class Parked(msgspec.Struct, frozen=True):
    """An event that a process has set aside.

    The first of a key is tried again at `retry_at`, or has been given up when there is none; the others wait behind it.
    """

    process: str
    position: int
    key: str
    parked_at: datetime
    attempts: int = 0
    retry_at: datetime | None = None
    error: str | None = None

    @property
    def is_dead(self) -> bool:
        return self.attempts > 0 and self.retry_at is None


_CONSUMER = "SELECT layout, position, silent_until FROM consumers WHERE process = ?"
_INSTANCE = "SELECT key, position, correlation_id, state, due_at FROM instances WHERE process = ?"
_PARKED = "SELECT process, position, key, parked_at, attempts, retry_at, error FROM parked"
_PARK = "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)"
# A key's first event must have a time, or be given up; else nobody would ever come back to the key.
_BEHIND = """INSERT OR IGNORE INTO parked SELECT ?1, ?2, ?3, ?4, 0,
    CASE WHEN EXISTS (SELECT 1 FROM parked WHERE process = ?1 AND key = ?3) THEN NULL ELSE ?4 END, NULL"""
_PROMOTE = """UPDATE parked SET retry_at = ?3 WHERE process = ?1 AND attempts = 0 AND retry_at IS NULL
    AND position = (SELECT min(position) FROM parked WHERE process = ?1 AND key = ?2)"""
_AGAIN = "UPDATE parked SET retry_at = ?3, attempts = 0 WHERE process = ?1 AND position = ?2"


class Reactions:
    """The rows of one process. Its functions run on a connection's thread; those that write, in the caller's
    transaction."""

    def __init__(self, process: str) -> None:
        self._process = process

    # ------------------------------------------------------------------ reading

    def consumer(self, connection: sqlite3.Connection) -> Consumer | None:
        found = connection.execute(_CONSUMER, (self._process,)).fetchone()
        return Consumer(*found) if found else None

    def instances(self, connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, Instance]:
        found = (connection.execute(f"{_INSTANCE} AND key = ?", (self._process, key)).fetchone() for key in keys)
        return {row[0]: _instance(row) for row in found if row}

    def blocked(self, connection: sqlite3.Connection, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an event set aside."""
        text = "SELECT 1 FROM parked WHERE process = ? AND key = ? LIMIT 1"
        return {key for key in keys if connection.execute(text, (self._process, key)).fetchone()}

    def due(self, connection: sqlite3.Connection, now: datetime) -> list[Instance]:
        """Instances whose time has come, the longest due first."""
        text = f"{_INSTANCE} AND due_at <= ? ORDER BY due_at LIMIT ?"
        return [_instance(row) for row in connection.execute(text, (self._process, microseconds(now), AT_ONCE))]

    def to_retry(self, connection: sqlite3.Connection, now: datetime) -> list[Parked]:
        text = f"{_PARKED} WHERE process = ? AND retry_at <= ? ORDER BY retry_at LIMIT ?"
        return [_parked(row) for row in connection.execute(text, (self._process, microseconds(now), AT_ONCE))]

    def first(self, connection: sqlite3.Connection, key: str) -> Parked | None:
        """The event of a key that the others wait behind."""
        text = f"{_PARKED} WHERE process = ? AND key = ? ORDER BY position LIMIT 1"
        found = connection.execute(text, (self._process, key)).fetchone()
        return _parked(found) if found else None

    def next_time(self, connection: sqlite3.Connection) -> datetime | None:
        """When something is to be done next without an event."""
        text = """SELECT min(at) FROM (SELECT min(retry_at) AS at FROM parked WHERE process = ?1
            UNION ALL SELECT min(due_at) FROM instances WHERE process = ?1)"""
        (found,) = connection.execute(text, (self._process,)).fetchone()
        return None if found is None else instant(found)

    def parked(self, connection: sqlite3.Connection, after: int = 0, limit: int = AT_ONCE) -> list[Parked]:
        """What is set aside, oldest event first."""
        text = f"{_PARKED} WHERE process = ? AND position > ? ORDER BY position LIMIT ?"
        return [_parked(row) for row in connection.execute(text, (self._process, after, limit))]

    def count(self, connection: sqlite3.Connection) -> int:
        found: int = connection.execute("SELECT count(*) FROM parked WHERE process = ?", (self._process,)).fetchone()[0]
        return found

    # ------------------------------------------------------------------ writing

    def begin(self, connection: sqlite3.Connection, consumer: Consumer) -> None:
        """Start over with no states; what is set aside stays so."""
        connection.execute("DELETE FROM instances WHERE process = ?", (self._process,))
        connection.execute(
            "INSERT OR REPLACE INTO consumers VALUES (?, ?, ?, ?)",
            (self._process, consumer.layout, consumer.position, consumer.silent_until),
        )

    def move(self, connection: sqlite3.Connection, position: int) -> None:
        connection.execute("UPDATE consumers SET position = ? WHERE process = ?", (position, self._process))

    def keep(self, connection: sqlite3.Connection, instance: Instance) -> None:
        due_at = None if instance.due_at is None else microseconds(instance.due_at)
        connection.execute(
            "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?)",
            (self._process, instance.key, instance.position, instance.correlation_id, instance.state, due_at),
        )

    def forget(self, connection: sqlite3.Connection, key: str) -> None:
        connection.execute("DELETE FROM instances WHERE process = ? AND key = ?", (self._process, key))

    def put_off(self, connection: sqlite3.Connection, instance: Instance, due_at: datetime | None) -> None:
        """Set the time of an instance anew, unless an event has changed it since."""
        at = None if due_at is None else microseconds(due_at)
        connection.execute(
            "UPDATE instances SET due_at = ? WHERE process = ? AND key = ? AND position = ?",
            (at, self._process, instance.key, instance.position),
        )

    def park(self, connection: sqlite3.Connection, each: Parked) -> None:
        """Set an event aside, or note another attempt at it."""
        retry_at = None if each.retry_at is None else microseconds(each.retry_at)
        row = (
            self._process,
            each.position,
            each.key,
            microseconds(each.parked_at),
            each.attempts,
            retry_at,
            each.error,
        )
        connection.execute(_PARK, row)

    def park_behind(self, connection: sqlite3.Connection, key: str, positions: Sequence[int], now: datetime) -> None:
        """Set events aside because an earlier one of their key is."""
        at = microseconds(now)
        connection.executemany(_BEHIND, [(self._process, position, key, at) for position in positions])

    def release(self, connection: sqlite3.Connection, key: str, position: int, now: datetime) -> None:
        """Let go of a key's event; the next one's turn has come."""
        connection.execute("DELETE FROM parked WHERE process = ? AND position = ?", (self._process, position))
        connection.execute(_PROMOTE, (self._process, key, microseconds(now)))

    def again(self, connection: sqlite3.Connection, position: int, now: datetime) -> None:
        """Try an event again, as if for the first time."""
        connection.execute(_AGAIN, (self._process, position, microseconds(now)))


def _instance(row: Sequence[object]) -> Instance:
    key, position, correlation_id, state, due_at = row
    at = instant(due_at) if isinstance(due_at, int) else None
    return Instance(key, position, correlation_id, state, at)  # type: ignore[arg-type]  # as the columns say


def _parked(row: Sequence[object]) -> Parked:
    process, position, key, parked_at, attempts, retry_at, error = row
    at = instant(retry_at) if isinstance(retry_at, int) else None
    return Parked(process, position, key, instant(parked_at), attempts, at, error)  # type: ignore[arg-type]
