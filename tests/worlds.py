"""Where a test keeps its tables: in files, or on a PostgreSQL server in schemas of its own, removed after it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from engine.store.dialect import POSTGRES, SQLITE, Dialect
from engine.store.postgres import Database, PostgresSession
from engine.urls import shown
from tests.services import broker, lack

WORLDS = ("sqlite", "postgresql")
SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
TABLES = {
    False: "SELECT name FROM sqlite_master WHERE type = 'table'",
    True: "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()",
}
"What finds the names of all tables, by whether it is on PostgreSQL."
_BESIDE = [WORLDS[0]]
"The world of the test that runs."
_made: list[str] = []


def is_postgres() -> bool:
    return _BESIDE[-1] == "postgresql"


def place(path: Path) -> Path | Database:
    """The tables that would be in a file."""
    return Database(url(path)) if is_postgres() else path


def name(path: Path) -> str:
    """What the tables are called in a sentence."""
    return shown(url(path))


def url(path: Path) -> str:
    if not is_postgres():
        return f"sqlite:///{path}"
    schema = _schema(path)
    if schema not in _made:
        _made.append(schema)
        _server().execute(f"CREATE SCHEMA {schema}".encode())
    return f"{SERVER}?options={quote(f'-csearch_path={schema}')}"


def remove(path: Path) -> None:
    """Have the tables be gone, as nobody uses them."""
    if not is_postgres():
        path.unlink()
        return
    schema = _schema(path)
    _server().execute(f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}".encode())


def session(path: Path) -> Any:
    """A connection to the tables, for a unit of work on the thread of the test; to be closed."""
    if not is_postgres():
        made = sqlite3.connect(path, isolation_level=None)
        made.execute("PRAGMA synchronous = OFF")  # nothing here is about power that fails
        return made
    session = PostgresSession(Database(url(path)), prepares=True)
    session.ready()
    return session


def dialect() -> Dialect:
    return POSTGRES if is_postgres() else SQLITE


def _schema(path: Path) -> str:
    return f"test_{blake2b(str(path).encode(), digest_size=10).hexdigest()}"


def settings(folder: Path) -> dict[str, str]:
    """Where a shop in a folder keeps what it keeps: in files, or on PostgreSQL with its hints over Redis."""
    stores = {"write_db_url": url(folder / "log.db"), "read_db_url": url(folder / "read.db")}
    return {**stores, "redis_url": broker("redis")} if is_postgres() else stores


def matches(vector: str, terms: str) -> bool:
    """Whether PostgreSQL finds a row with these words."""
    found = _server().execute("SELECT %s::tsvector @@ %s::tsquery", (vector, terms)).fetchone()
    assert found is not None
    return bool(found[0])


@contextmanager
def world(name: str) -> Iterator[None]:
    """Keep tables there. Without the server the test is skipped; with REQUIRE_SERVICES set, it fails."""
    _BESIDE.append(name)
    others = len(_made)
    try:
        if is_postgres():
            _need_server()
        yield
    finally:
        for schema in _made[others:]:
            _server().execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
        del _made[others:]
        _BESIDE.pop()


@cache
def _server() -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(SERVER, autocommit=True, connect_timeout=3, options="-c client_min_messages=warning")


def _need_server() -> None:
    try:
        _server()
    except psycopg.Error as error:
        lack(f"PostgreSQL is needed for this world, at TEST_POSTGRES_URL: {error}")
