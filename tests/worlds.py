"""Where a test keeps its tables: in files, or on a PostgreSQL server in schemas of its own, removed after it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from engine.store.dialect import POSTGRES
from engine.store.postgres import Database
from engine.store.revisions import LOG, READS, Kind, made_by
from engine.urls import shown

WORLDS = ("sqlite", "postgresql")
SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
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
    schema = f"test_{blake2b(str(path).encode(), digest_size=10).hexdigest()}"
    if schema not in _made:
        _made.append(schema)
        _server().execute(f"CREATE SCHEMA {schema}".encode())
        migrated(schema, READS if path.name == "read.db" else LOG)
    return f"{SERVER}?options={quote(f'-csearch_path={schema}')}"


def migrated(schema: str, kind: Kind) -> None:
    """Have what `server.py migrate` makes, in one round trip: Alembic would take longer than most tests."""
    texts = [f"SET search_path = {schema}", *made_by(POSTGRES, kind)]
    if kind is LOG:
        texts += [
            "INSERT INTO meta VALUES ('format', '1'), ('id', gen_random_uuid())",
            "INSERT INTO head VALUES (1, 0, 0)",
        ]
    _server().execute("; ".join([*texts, "RESET search_path"]).encode())


def matches(vector: str, terms: str) -> bool:
    """Whether PostgreSQL finds a row with these words."""
    found = _server().execute("SELECT %s::tsvector @@ %s::tsquery", (vector, terms)).fetchone()
    assert found is not None
    return bool(found[0])


@contextmanager
def world(name: str) -> Iterator[None]:
    """Keep tables there. Without the server the test is skipped; with REQUIRE_SERVICES set, it fails."""
    _BESIDE.append(name)
    try:
        if is_postgres():
            _need_server()
        yield
    finally:
        for schema in _made:
            _server().execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
        _made.clear()
        _BESIDE.pop()


@cache
def _server() -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(SERVER, autocommit=True, connect_timeout=3, options="-c client_min_messages=warning")


def _need_server() -> None:
    try:
        _server()
    except psycopg.Error as error:
        reason = f"PostgreSQL is needed for this world, at TEST_POSTGRES_URL: {error}"
        if "REQUIRE_SERVICES" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
