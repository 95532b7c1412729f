"""The tables of the event log, and the statements on them that every command runs."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    bindparam,
    select,
)
from sqlalchemy.sql import ClauseElement

from engine.shapes import Receipt
from engine.store.arrays import Columns
from engine.store.dialect import SQLITE, WHOLE, WORDS
from engine.store.instants import instant
from engine.store.session import Session

FORMAT = 1
"The layout of the tables below. A file with a higher one was written by newer code."

metadata = MetaData()
events = Table(
    "events",
    metadata,
    Column("position", WHOLE, primary_key=True, autoincrement=False),
    Column("stream", WORDS, nullable=False),
    Column("version", WHOLE, nullable=False),
    Column("type", WORDS, nullable=False),
    Column("schema", WHOLE, nullable=False),
    Column("data", WORDS, nullable=False),
    Column("recorded_at", WHOLE, nullable=False),
    Column("command_id", WORDS, nullable=False),
    Column("correlation_id", WORDS, nullable=False),
    Column("causation_id", WORDS),
    Column("actor_id", WORDS),
    Column("trace", WORDS),
    UniqueConstraint("stream", "version"),
)
correlated = Index("events_correlated", events.c.correlation_id, events.c.position)
commands = Table(
    "commands",
    metadata,
    Column("command_id", WORDS, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("stream", WORDS, nullable=False),
    Column("version", WHOLE, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("events", WHOLE, nullable=False),
    Column("accepted_at", WHOLE, nullable=False),
    Column("actor_id", WORDS),
)
claims = Table(
    "claims",
    metadata,
    Column("scope", WORDS, nullable=False),
    Column("value", WORDS, nullable=False),
    Column("stream", WORDS, nullable=False),
    PrimaryKeyConstraint("scope", "value"),
    sqlite_with_rowid=False,
)
secrets = Table(
    "secrets",
    metadata,
    Column("stream", WORDS, nullable=False),
    Column("name", WORDS, nullable=False),
    Column("value", WORDS, nullable=False),
    PrimaryKeyConstraint("stream", "name"),
    sqlite_with_rowid=False,
)
snapshots = Table(
    "snapshots",
    metadata,
    Column("stream", WORDS, primary_key=True),
    Column("version", WHOLE, nullable=False),
    Column("layout", WORDS, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
event_types = Table(
    "event_types",
    metadata,
    Column("type", WORDS, nullable=False),
    Column("schema", WHOLE, nullable=False),
    PrimaryKeyConstraint("type", "schema"),
    sqlite_with_rowid=False,
)
UNPROVEN = "unproven copy"
"In `meta`, as long as the log is a copy that was not compared yet, or turned out not to be equal."
meta = Table("meta", metadata, Column("name", WORDS, primary_key=True), Column("value", WORDS, nullable=False))
heads = MetaData()
head = Table(
    "head",
    heads,
    Column("one", WHOLE, primary_key=True, autoincrement=False),
    Column("position", WHOLE, nullable=False),
    Column("recorded_at", WHOLE, nullable=False),
)
"Where appends queue up, where several processes append: one row, which each holds from its first read to its commit."


def sql(statement: ClauseElement) -> str:
    """The text of a statement, with `?` for each parameter in order of appearance."""
    return SQLITE.text(statement)


_NOTHING = {None}


class Insert(Protocol):
    """An INSERT of every column of a table, many rows to the statement."""

    def run(self, session: Session, rows: Sequence[Sequence[Any]]) -> None: ...


class Values:
    """Rows as lists of values.

    Measured against `executemany`: 20 % less time, and the interpreter's lock is let go once a statement instead of
    once a row, so that the event loop is not made to wait for it row by row. A column that is empty in all rows is not
    named: to hand over None takes sqlite3 0.35 µs, a number 0.03.
    """

    def __init__(self, table: Table, conflict: str = "") -> None:
        self._names = [column.name for column in table.columns]
        self._optional = [(place, itemgetter(place)) for place, column in enumerate(table.columns) if column.nullable]
        self._into, self._conflict = f"INSERT INTO {table.name}", conflict
        self._made = cache(self._of)

    def run(self, session: Session, rows: Sequence[Sequence[Any]]) -> None:
        filled, texts = self._made(*(place for place, of in self._optional if set(map(of, rows)) == _NOTHING))
        done = 0
        for size, text in texts:
            while len(rows) - done >= size:
                session.execute(text, list(chain.from_iterable(map(filled, rows[done : done + size]))))
                done += size

    def _of(self, *empty: int) -> tuple[Callable[[Sequence[Any]], Sequence[Any]], list[tuple[int, str]]]:
        """What takes the values out of a row, and the statements for so many rows."""
        places = [place for place in range(len(self._names)) if place not in empty]
        names, row = ", ".join(self._names[place] for place in places), f"({', '.join('?' * len(places))})"
        into = f"{self._into} ({names}) VALUES"
        texts = [(rows, f"{into} {', '.join([row] * rows)} {self._conflict}") for rows in (64, 16, 4, 1)]
        return itemgetter(*places), texts


class Unnest:
    """Rows as an array for each column: one statement, and one round trip, for any number of them."""

    def __init__(self, table: Table, conflict: str = "") -> None:
        names = ", ".join(column.name for column in table.columns)
        self._columns = Columns(table.columns)
        self._text = f"INSERT INTO {table.name} ({names}) SELECT * FROM {self._columns.text} {conflict}"

    def run(self, session: Session, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            session.execute(self._text, self._columns.pack(rows))


class Writes:
    """What a transaction puts in."""

    def __init__(self, insert: Callable[[Table, str], Insert]) -> None:
        self.append = insert(events, "")
        self.remember = insert(commands, "")
        self.claim = insert(claims, "")
        # The types that a transaction adds are known from what was written since the start, so some are there already.
        self.type = insert(event_types, "ON CONFLICT DO NOTHING")
        self.meta = insert(meta, "")
        self.secret = insert(secrets, "ON CONFLICT (stream, name) DO UPDATE SET value = excluded.value")
        self.snapshot = insert(
            snapshots,
            "ON CONFLICT (stream) DO UPDATE SET version = excluded.version, layout = excluded.layout,"
            " state = excluded.state",
        )


READ = sql(select(events).where(events.c.position > bindparam("after")).order_by(events.c.position)) + " LIMIT ?"
HEAD = "SELECT coalesce(max(position), 0) FROM events"
READ_STREAM = sql(
    select(events.c.version, events.c.type, events.c.schema, events.c.data)
    .where(events.c.stream == bindparam("stream"), events.c.version > bindparam("after"))
    .order_by(events.c.version)
)
# One statement for a whole group: a statement for each stream costs twice as much. Unused places hold NULL. Only
# streams that are there have a row: to make one, and let go of the interpreter's lock for it, takes as long as to look.
VERSIONS = {
    streams: f"""
    WITH wanted(stream) AS (VALUES {", ".join(["(?)"] * streams)})
    SELECT events.stream, events.version FROM wanted CROSS JOIN events
    WHERE events.stream = wanted.stream AND events.version =
    (SELECT version FROM events WHERE events.stream = wanted.stream ORDER BY version DESC LIMIT 1)
"""
    for streams in (1, 8, 64)
}
VERSIONS_OF_ARRAY = """
    SELECT stream, found.version FROM (SELECT unnest(?::text[]) COLLATE "C" AS stream) AS wanted CROSS JOIN LATERAL
    (SELECT version FROM events WHERE events.stream = wanted.stream ORDER BY version DESC LIMIT 1) AS found
"""
STREAMS_AT_ONCE = max(VERSIONS)
COMMAND = sql(select(commands).where(commands.c.command_id == bindparam("command_id")))
READ_STREAMS = """
    SELECT stream, version, type, schema, data FROM events WHERE stream = ANY(?::text[]) ORDER BY stream, version
"""
SNAPSHOTS = f"{sql(select(snapshots))} WHERE stream = ANY(?::text[])"
CLAIMANTS = """
    SELECT scope, value, stream FROM unnest(?::text[], ?::text[]) AS wanted (scope, value)
    JOIN claims USING (scope, value)
"""
COMMANDS_OF_ARRAY = f"{sql(select(commands))} WHERE command_id = ANY(?::text[])"
CLAIMANT = sql(
    select(claims.c.stream).where(claims.c.scope == bindparam("scope"), claims.c.value == bindparam("value"))
)
SNAPSHOT = sql(select(snapshots).where(snapshots.c.stream == bindparam("stream")))
RELEASE = sql(
    claims.delete().where(
        claims.c.scope == bindparam("scope"),
        claims.c.value == bindparam("value"),
        claims.c.stream == bindparam("stream"),
    )
)
SECRET = sql(
    select(secrets.c.value).where(secrets.c.stream == bindparam("stream"), secrets.c.name == bindparam("name"))
)
ERASE = sql(secrets.delete().where(secrets.c.stream == bindparam("stream")))
WRITES = {"sqlite": Writes(Values), "postgresql": Writes(Unnest)}
FORGET = {
    # In the order of their rows, which is that of acceptance: an index on the time would cost every append.
    "sqlite": "DELETE FROM commands WHERE accepted_at < ?"
    " AND rowid IN (SELECT rowid FROM commands ORDER BY rowid LIMIT ?)",
    "postgresql": "DELETE FROM commands"
    " WHERE ctid = ANY(ARRAY(SELECT ctid FROM commands WHERE accepted_at < ? LIMIT ?))",
}
ADVANCE = "UPDATE head SET position = ?, recorded_at = ?"


def receipt(row: Sequence[Any], *, replayed: bool) -> Receipt:
    command_id, _, stream, version, position, stored, accepted_at, actor_id = row
    return Receipt(command_id, position, stream, version, instant(accepted_at), stored, replayed, actor_id)
