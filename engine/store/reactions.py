"""How far each process has come, the states of its instances, and what it has set aside: tables beside the log."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, Table

from engine.parked import Asks, Parked
from engine.store.dialect import SQLITE, WHOLE, WORDS
from engine.store.instants import instant, microseconds
from engine.store.session import Session
from engine.store.tables import metadata

consumers = Table(
    "consumers",
    metadata,
    Column("process", WORDS, primary_key=True),
    Column("layout", WORDS, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("silent_until", WHOLE, nullable=False),
    Column("silent_before", WHOLE, nullable=False),
    sqlite_with_rowid=False,
)
instances = Table(
    "instances",
    metadata,
    Column("process", WORDS, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("correlation_id", WORDS, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("due_at", WHOLE),
    PrimaryKeyConstraint("process", "key"),
    sqlite_with_rowid=False,
)
Index(
    "instances_due",
    instances.c.process,
    instances.c.due_at,
    sqlite_where=instances.c.due_at.is_not(None),
    postgresql_where=instances.c.due_at.is_not(None),
)
parked = Table(
    "parked",
    metadata,
    Column("process", WORDS, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("key", WORDS, nullable=False),
    Column("parked_at", WHOLE, nullable=False),
    Column("asks", WORDS, nullable=False),
    Column("attempts", WHOLE, nullable=False),
    Column("retry_at", WHOLE),
    Column("error", WORDS),
    Column("is_discarded", WHOLE, nullable=False),
    PrimaryKeyConstraint("process", "position"),
    sqlite_with_rowid=False,
)
Index("parked_by_key", parked.c.process, parked.c.key, parked.c.position)
Index(
    "parked_due",
    parked.c.process,
    parked.c.retry_at,
    sqlite_where=parked.c.retry_at.is_not(None),
    postgresql_where=parked.c.retry_at.is_not(None),
)

AT_ONCE = 100


class Consumer(msgspec.Struct, frozen=True):
    """How far a process has come.

    Up to `silent_until` it only folds: what followed from that was sent before. So it is with deadlines in those events
    that were before `silent_before`.
    """

    layout: str
    position: int
    silent_until: int
    silent_before: datetime


class Instance(msgspec.Struct, frozen=True):
    """One key's state, with the last event in it."""

    key: str
    position: int
    correlation_id: str
    state: bytes
    due_at: datetime | None
    "When it is to be woken; None again once it was."


_INSTANCE = "SELECT key, position, correlation_id, state, due_at FROM instances WHERE process = ?"
_PARKED = "SELECT process, position, key, parked_at, asks, attempts, retry_at, error, is_discarded FROM parked"
# Left to itself, SQLite looks through what is set aside of all keys when it wants one key's first.
_OTHER = "parked AS other INDEXED BY parked_by_key WHERE other.process = parked.process AND other.key = parked.key"
_FIRST = f"(SELECT min(position) FROM {_OTHER})"
_FAILED = f"EXISTS (SELECT 1 FROM {_OTHER} AND other.error IS NOT NULL)"
_FREE = """NOT EXISTS (SELECT 1 FROM parked INDEXED BY parked_by_key
    WHERE parked.process = instances.process AND parked.key = instances.key)"""
_PARK = SQLITE.replacing(parked)
_KEEP = SQLITE.replacing(instances)
_BEGIN = SQLITE.replacing(consumers)
# Only a key's first has a time.
_YIELD = """UPDATE parked SET retry_at = NULL, attempts = 0
    WHERE process = ? AND key = ? AND position > ? AND (retry_at IS NOT NULL OR attempts > 0)"""
# A key's first must have a time, or be given up; else nobody would ever come back to the key.
_BEHIND = """INSERT INTO parked SELECT ?1, ?2, ?3, ?4, ?5, 0,
    CASE WHEN EXISTS (SELECT 1 FROM parked INDEXED BY parked_by_key WHERE process = ?1 AND key = ?3)
        THEN NULL ELSE ?4 END, NULL, 0 WHERE true ON CONFLICT DO NOTHING"""
_PROMOTE = """UPDATE parked SET retry_at = ?3 WHERE process = ?1 AND attempts = 0 AND retry_at IS NULL
    AND position = (SELECT min(position) FROM parked INDEXED BY parked_by_key WHERE process = ?1 AND key = ?2)"""
# What was discarded in the meantime stays so.
_FAIL = """UPDATE parked SET attempts = ?, retry_at = ?, error = ?
    WHERE process = ? AND position = ? AND is_discarded = 0"""
# What waits behind another has not been tried, and must not be out of turn.
_AGAIN = f"UPDATE parked SET retry_at = ?3, attempts = 0 WHERE process = ?1 AND position = ?2 AND position = {_FIRST}"
_DISCARD = f"""UPDATE parked SET is_discarded = 1, attempts = 0,
    retry_at = CASE WHEN position = {_FIRST} THEN ?3 END WHERE process = ?1 AND position = ?2"""


class Reactions:
    """The rows of one process. Its functions run on a connection's thread; those that write, in the caller's
    transaction."""

    def __init__(self, process: str) -> None:
        self.process = process

    # ------------------------------------------------------------------ reading

    def consumer(self, connection: Session) -> Consumer | None:
        text = "SELECT layout, position, silent_until, silent_before FROM consumers WHERE process = ?"
        if found := connection.execute(text, (self.process,)).fetchone():
            layout, position, silent_until, silent_before = found
            return Consumer(layout, position, silent_until, instant(silent_before))
        return None

    def position(self, connection: Session) -> int:
        """How far it has come, as that is stored; 0 where it has not begun."""
        found = self.consumer(connection)
        return found.position if found else 0

    def instances(self, connection: Session, keys: Iterable[str]) -> dict[str, Instance]:
        found = (connection.execute(f"{_INSTANCE} AND key = ?", (self.process, key)).fetchone() for key in keys)
        return {row[0]: _instance(row) for row in found if row}

    def blocked(self, connection: Session, keys: Iterable[str]) -> dict[str, int]:
        """From which position on the events of a key have to wait, for those that have something set aside."""
        text = """SELECT position + CASE WHEN asks = 'wake' THEN 1 ELSE 0 END FROM parked INDEXED BY parked_by_key
            WHERE process = ? AND key = ? ORDER BY position LIMIT 1"""
        found = ((key, connection.execute(text, (self.process, key)).fetchone()) for key in keys)
        return {key: row[0] for key, row in found if row}

    def due(self, connection: Session, now: datetime, most: int) -> list[str]:
        """Keys whose time has come and that have nothing set aside, the longest due first."""
        text = f"SELECT key FROM instances WHERE process = ? AND due_at <= ? AND {_FREE} ORDER BY due_at LIMIT ?"
        return [key for (key,) in connection.execute(text, (self.process, microseconds(now), most))]

    def to_retry(self, connection: Session, now: datetime, far: datetime, most: int) -> list[str]:
        """Keys whose first is to be tried again. One beyond `far` is, too: the clock has gone back since."""
        text = """SELECT key FROM parked WHERE process = ?1 AND retry_at <= ?2
            UNION ALL SELECT key FROM parked WHERE process = ?1 AND retry_at > ?3 LIMIT ?4"""
        found = connection.execute(text, (self.process, microseconds(now), microseconds(far), most))
        return [key for (key,) in found]

    def next_time(self, connection: Session, now: datetime) -> datetime | None:
        """When something is to be done next, later than now, without an event."""
        text = """SELECT min(at) FROM (SELECT min(retry_at) AS at FROM parked WHERE process = ?1 AND retry_at > ?2
            UNION ALL SELECT min(due_at) FROM instances WHERE process = ?1 AND due_at > ?2) AS times"""
        (found,) = connection.execute(text, (self.process, microseconds(now))).fetchone()
        return None if found is None else instant(found)

    def of(self, connection: Session, key: str, most: int = AT_ONCE) -> list[Parked]:
        """What is set aside of a key, in order."""
        text = f"{_PARKED} INDEXED BY parked_by_key WHERE process = ? AND key = ? ORDER BY position LIMIT ?"
        return [_parked(row) for row in connection.execute(text, (self.process, key, most))]

    def parked(self, connection: Session, after: int = 0, most: int = AT_ONCE) -> list[Parked]:
        """What failed or waits behind what did, oldest event first."""
        text = f"{_PARKED} WHERE process = ? AND position > ? AND {_FAILED} ORDER BY position LIMIT ?"
        return [_parked(row) for row in connection.execute(text, (self.process, after, most))]

    def count(self, connection: Session) -> int:
        text = f"SELECT count(*) FROM parked WHERE process = ? AND {_FAILED}"
        found: int = connection.execute(text, (self.process,)).fetchone()[0]
        return found

    # ------------------------------------------------------------------ writing

    def begin(self, connection: Session, layout: str, until: int, now: datetime) -> Consumer:
        """Start over with no states; what is set aside stays so. A deadline that nobody was woken for is not past."""
        text = "SELECT min(due_at) FROM instances WHERE process = ?"
        (oldest,) = connection.execute(text, (self.process,)).fetchone()
        connection.execute("DELETE FROM instances WHERE process = ?", (self.process,))
        before = microseconds(now) if oldest is None else min(oldest, microseconds(now))
        row = (self.process, layout, 0, until, before)
        connection.execute(_BEGIN, row)
        return Consumer(layout, 0, until, instant(before))

    def move(self, connection: Session, position: int) -> None:
        connection.execute("UPDATE consumers SET position = ? WHERE process = ?", (position, self.process))

    def keep(self, connection: Session, instance: Instance) -> None:
        due_at = None if instance.due_at is None else microseconds(instance.due_at)
        connection.execute(
            _KEEP,
            (self.process, instance.key, instance.position, instance.correlation_id, instance.state, due_at),
        )

    def forget(self, connection: Session, key: str) -> None:
        connection.execute("DELETE FROM instances WHERE process = ? AND key = ?", (self.process, key))

    def park(self, connection: Session, each: Parked) -> None:
        """Set aside what has failed; whatever of its key was set aside from behind it waits for it."""
        retry_at = None if each.retry_at is None else microseconds(each.retry_at)
        at = microseconds(each.parked_at)
        row = (self.process, each.position, each.key, at, each.asks, each.attempts, retry_at, each.error, 0)
        connection.execute(_PARK, row)
        connection.execute(_YIELD, (self.process, each.key, each.position))

    def park_behind(self, connection: Session, behind: Iterable[Parked]) -> None:
        """Set aside what has to wait for what is before it, or for its turn."""
        rows = [(self.process, each.position, each.key, microseconds(each.parked_at), each.asks) for each in behind]
        connection.executemany(_BEHIND, rows)

    def park_wake(self, connection: Session, keys: Iterable[str], now: datetime) -> None:
        """Set aside the waking of instances whose time has come, unless they have something set aside by now."""
        text = f"""INSERT INTO parked SELECT process, position, key, ?2, 'wake', 0, ?2, NULL, 0 FROM instances
            WHERE process = ?1 AND key = ?3 AND due_at <= ?2 AND {_FREE}"""
        connection.executemany(text, [(self.process, microseconds(now), key) for key in keys])

    def fail(self, connection: Session, each: Parked) -> None:
        """Note another attempt at what is set aside."""
        retry_at = None if each.retry_at is None else microseconds(each.retry_at)
        connection.execute(_FAIL, (each.attempts, retry_at, each.error, self.process, each.position))

    def release(self, connection: Session, key: str, positions: Sequence[int], now: datetime) -> None:
        """Let go of what is done; the turn of the next one of the key has come."""
        text = "DELETE FROM parked WHERE process = ? AND position = ?"
        connection.executemany(text, [(self.process, position) for position in positions])
        connection.execute(_PROMOTE, (self.process, key, microseconds(now)))

    def again(self, connection: Session, position: int, now: datetime) -> None:
        """Try the first of a key again, as if for the first time."""
        connection.execute(_AGAIN, (self.process, position, microseconds(now)))

    def discard(self, connection: Session, position: int, now: datetime) -> None:
        connection.execute(_DISCARD, (self.process, position, microseconds(now)))


def _instance(row: Sequence[Any]) -> Instance:
    key, position, correlation_id, state, due_at = row
    return Instance(key, position, correlation_id, state, None if due_at is None else instant(due_at))


def _parked(row: Sequence[Any]) -> Parked:
    process, position, key, parked_at, asks, attempts, retry_at, error, is_discarded = row
    at = None if retry_at is None else instant(retry_at)
    return Parked(process, position, key, instant(parked_at), Asks(asks), attempts, at, error, bool(is_discarded))
