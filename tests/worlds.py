"""Where a test keeps its tables: in files, or on a PostgreSQL server in schemas of its own, removed after it."""

import atexit
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg

from engine import ids
from engine.feed import Feed
from engine.store.dialect import POSTGRES, SQLITE, Dialect
from engine.store.postgres import Database
from engine.store.postgres_session import PostgresSession
from engine.store.revisions import LOG, READS, Kind, made_by
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
_used: set[str] = set()
"What the test that runs has used of each world: databases in files, and the server."


_seen: set[str] = set()
"Files that were opened before: a shop of several tests may open its own once more at any time."


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    """Note each new file. What is in memory is gone with the test, and what verifies writes is a draft."""
    if event == "sqlite3.connect" and ".db" in str(arguments[0]) and "/verify-" not in str(arguments[0]):
        path = str(arguments[0]).partition("?")[0].removeprefix("file:")
        if path not in _seen:
            _seen.add(path)
            _used.add(WORLDS[0])


sys.addaudithook(_look)


def begin() -> None:
    """Note from now on what is used."""
    _used.clear()


def stray(chosen: str | None, folder: Path | None) -> str:
    """What is wrong about what a test has used that was to run in this world, or in none; empty if all is well."""
    files = [] if folder is None else [path.name for path in folder.rglob("*.db")]
    used = _used | {WORLDS[0] for _ in files}
    if chosen is None:
        return f"It keeps tables: have it take tmp_path, or mark it `worlds` or `one_world`. ({used})" if used else ""
    return f"It runs in both worlds and is not in this one alone. ({used}, {files})" if used - {chosen} else ""


def is_postgres() -> bool:
    return _BESIDE[-1] == "postgresql"


def place(path: Path) -> Path | Database:
    """The tables that would be in a file."""
    return Database(url(path)) if is_postgres() else path


def name(path: Path) -> str:
    """What the tables are called in a sentence."""
    return shown(url(path))


def url(path: Path, *, is_empty: bool = False) -> str:
    """Where the tables are that would be in a file. On PostgreSQL they are there, unless it is to be empty."""
    if not is_postgres():
        return f"sqlite:///{path}"
    _used.add(WORLDS[1])
    schema = schema_of(path)
    if schema not in _made:
        _made.append(schema)
        _server().execute(f"CREATE SCHEMA {schema}".encode())
        if not is_empty:
            migrated(schema, _kind(path))
    return f"{SERVER}?options={quote(f'-csearch_path={schema}')}"


@contextmanager
def schemas(*names: str) -> Iterator[list[str]]:
    """URLs of migrated schemas on the server, of those that are named `log` and `reads`, for longer than one test."""
    _need_server()
    _used.add(WORLDS[1])
    made = [f"test_{name}_{ids.new()}" for name in names]
    try:
        for name, each in zip(names, made, strict=True):
            _server().execute(f"CREATE SCHEMA {each}".encode())
            migrated(each, {"log": LOG, "reads": READS}[name])
        yield [f"{SERVER}?options={quote(f'-csearch_path={each}')}" for each in made]
    finally:
        for each in made:
            _server().execute(f"DROP SCHEMA IF EXISTS {each} CASCADE".encode())


def migrated(schema: str, *kinds: Kind) -> None:
    """Have what `server.py migrate` makes, in one round trip: Alembic would take longer than most tests."""
    texts = [f"SET search_path = {schema}", *[text for kind in kinds for text in made_by(POSTGRES, kind)]]
    if LOG in kinds:
        texts += [
            "INSERT INTO meta VALUES ('format', '1'), ('id', gen_random_uuid())",
            "INSERT INTO head VALUES (1, 0, 0)",
        ]
    _server().execute("; ".join([*texts, "RESET search_path"]).encode())


def sql(path: Path, *texts: str) -> list[tuple[Any, ...]]:
    """Run statements on the tables that are there; what the last one found."""
    if not is_postgres():
        with closing(sqlite3.connect(path)) as file, file:
            return [file.execute(text).fetchall() for text in texts][-1]
    with _server().transaction():
        _server().execute(f"SET LOCAL search_path = {schema_of(path)}".encode())
        cursor = [_server().execute(text.encode()) for text in texts][-1]
        return cursor.fetchall() if cursor.description else []


@contextmanager
def holding(path: Path, table: str) -> Iterator[None]:
    """Have whoever writes to a table wait."""
    with psycopg.connect(SERVER, connect_timeout=3) as other:
        other.execute(f"LOCK TABLE {schema_of(path)}.{table} IN SHARE MODE".encode())
        yield


def snapshot(path: Path, to: Path) -> None:
    """Have the tables a second time as they are at this moment, which is what a process finds after a crash."""
    if not is_postgres():
        for end in ("", "-wal"):
            if path.with_name(f"{path.name}{end}").exists():
                shutil.copy(path.with_name(f"{path.name}{end}"), to.with_name(f"{to.name}{end}"))
        return
    old, new = schema_of(path), schema_of(to)
    _made.append(new)
    with _server().transaction():
        _server().execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _server().execute(f"CREATE SCHEMA {new}".encode())
        found = _server().execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (old,)).fetchall()
        for (table,) in found:
            _server().execute(f'CREATE TABLE {new}."{table}" (LIKE {old}."{table}" INCLUDING ALL)'.encode())
            # The owners are gone. That their leases expire takes seconds, and is tried by tests of its own.
            if table != "leases":
                _server().execute(f'INSERT INTO {new}."{table}" SELECT * FROM {old}."{table}"'.encode())


def _kind(path: Path) -> Kind:
    return READS if path.name == "read.db" else LOG


def schema_of(path: Path) -> str:
    return f"test_{blake2b(str(path).encode(), digest_size=10).hexdigest()}"


def remove(path: Path) -> None:
    """Have the tables be gone, as nobody uses them."""
    if not is_postgres():
        path.unlink()
        return
    schema = schema_of(path)
    _server().execute(f"DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}".encode())
    migrated(schema, _kind(path))


def session(path: Path) -> Any:
    """A connection to the tables, for a unit of work on the thread of the test; to be closed."""
    if not is_postgres():
        made = sqlite3.connect(path, isolation_level=None)
        made.execute("PRAGMA synchronous = OFF")  # nothing here is about power that fails
        if not path.stat().st_size:
            made.executescript(";".join(made_by(SQLITE, _kind(path))))
        return made
    session = PostgresSession(Database(url(path)), prepares=True)
    session.ready()
    return session


def dialect() -> Dialect:
    return POSTGRES if is_postgres() else SQLITE


def settings(folder: Path) -> dict[str, str]:
    """Where a shop in a folder keeps what it keeps: in files, or on PostgreSQL with its hints over Redis."""
    stores = {"write_db_url": url(folder / "log.db"), "read_db_url": url(folder / "read.db")}
    return {**stores, "redis_url": broker("redis")} if is_postgres() else stores


def feed(**options: Any) -> Feed:
    """A feed as this world has it, whose hints nobody else hears."""
    return Feed(broker("redis") if is_postgres() else "", channel=f"hints:{ids.new()}", **options)


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
        _drop(others)
        _BESIDE.pop()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one example of many. What was kept for it goes with it."""
    others = len(_made)
    with TemporaryDirectory() as made:
        try:
            yield Path(made)
        finally:
            _drop(others)


def _drop(others: int) -> None:
    """Remove what was made since there were only so many."""
    for schema in _made[others:]:
        _server().execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
    del _made[others:]


@cache
def _server() -> "psycopg.Connection[tuple[object, ...]]":
    made = psycopg.connect(SERVER, autocommit=True, connect_timeout=3, options="-c client_min_messages=warning")
    atexit.register(made.close)
    return made


def _need_server() -> None:
    try:
        _server()
    except psycopg.Error as error:
        lack(f"PostgreSQL is needed for this world, at TEST_POSTGRES_URL: {error}")
