"""The log as it was before there were migrations. What a log from then has of it already stays as it is."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, UniqueConstraint

from engine import ids
from engine.store.dialect import WHOLE, WORDS

revision = "r0001"
down_revision = None


def upgrade() -> None:
    _of_commands()
    _of_processes()
    if op.get_bind().dialect.name == "postgresql":
        _head()
    meta = sa.table("meta", sa.column("name"), sa.column("value"))
    if op.get_bind().scalar(sa.select(sa.func.count()).select_from(meta)) == 0:
        op.bulk_insert(meta, [{"name": "format", "value": "1"}, {"name": "id", "value": ids.new()}])


def _table(name: str, *parts: sa.Column[Any] | sa.Constraint, **how: object) -> None:
    op.create_table(name, *parts, if_not_exists=True, **how)


def _words(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return Column(name, WORDS, nullable=optional)


def _whole(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return Column(name, WHOLE, nullable=optional)


def _of_commands() -> None:
    _table(
        "events",
        Column("position", WHOLE, primary_key=True, autoincrement=False),
        *[_words("stream"), _whole("version"), _words("type"), _whole("schema"), _words("data")],
        *[_whole("recorded_at"), _words("command_id"), _words("correlation_id")],
        *[_words("causation_id", optional=True), _words("actor_id", optional=True), _words("trace", optional=True)],
        UniqueConstraint("stream", "version"),
    )
    op.create_index("events_correlated", "events", ["correlation_id", "position"], if_not_exists=True)
    _table(
        "commands",
        Column("command_id", WORDS, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        *[_words("stream"), _whole("version"), _whole("position"), _whole("events"), _whole("accepted_at")],
        _words("actor_id", optional=True),
    )
    without = {"sqlite_with_rowid": False}
    _table(
        "claims", _words("scope"), _words("value"), _words("stream"), PrimaryKeyConstraint("scope", "value"), **without
    )
    _table(
        "secrets", _words("stream"), _words("name"), _words("value"), PrimaryKeyConstraint("stream", "name"), **without
    )
    _table(
        "snapshots",
        Column("stream", WORDS, primary_key=True),
        _whole("version"),
        _words("layout"),
        Column("state", LargeBinary, nullable=False),
    )
    _table("event_types", _words("type"), _whole("schema"), PrimaryKeyConstraint("type", "schema"), **without)
    _table("meta", Column("name", WORDS, primary_key=True), _words("value"))


def _of_processes() -> None:
    _table(
        "consumers",
        Column("process", WORDS, primary_key=True),
        *[_words("layout"), _whole("position"), _whole("silent_until"), _whole("silent_before")],
        sqlite_with_rowid=False,
    )
    _table(
        "instances",
        *[_words("process"), _words("key"), _whole("position"), _words("correlation_id")],
        Column("state", LargeBinary, nullable=False),
        _whole("due_at", optional=True),
        PrimaryKeyConstraint("process", "key"),
        sqlite_with_rowid=False,
    )
    _where("instances_due", "instances", ["process", "due_at"], "due_at IS NOT NULL")
    _table(
        "parked",
        *[_words("process"), _whole("position"), _words("key"), _whole("parked_at"), _words("asks")],
        *[_whole("attempts"), _whole("retry_at", optional=True), _words("error", optional=True)],
        _whole("is_discarded"),
        PrimaryKeyConstraint("process", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("parked_by_key", "parked", ["process", "key", "position"], if_not_exists=True)
    _where("parked_due", "parked", ["process", "retry_at"], "retry_at IS NOT NULL")


def _where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, if_not_exists=True, sqlite_where=where, postgresql_where=where)


def _head() -> None:
    _table(
        "head", Column("one", WHOLE, primary_key=True, autoincrement=False), _whole("position"), _whole("recorded_at")
    )
    op.execute(
        "INSERT INTO head SELECT 1, coalesce(max(position), 0), coalesce(max(recorded_at), 0) FROM events"
        " ON CONFLICT DO NOTHING"
    )
