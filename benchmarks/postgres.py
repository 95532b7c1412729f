"""A PostgreSQL server for a measurement: schemas of its own there, removed after it."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

import asyncpg

from engine import ids, urls
from engine.migration import migrated
from engine.store.postgres import Database
from engine.store.revisions import Kind

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
PATIENCE = 3.0
"Seconds that the server may take to be reached."


def lacking() -> str | None:
    """Why nothing can be measured here, in a sentence; None when the server is there."""
    try:
        asyncio.run(_reach())
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        return f"skipped: PostgreSQL is needed, at TEST_POSTGRES_URL or {urls.shown(SERVER)}: {reason}."
    return None


async def _reach() -> None:
    await (await asyncpg.connect(SERVER, timeout=PATIENCE)).close()


@asynccontextmanager
async def schemas(**kinds: Kind | None) -> AsyncIterator[Sequence[str]]:
    """URLs of schemas, each with the tables of its kind of store, which hold nothing yet."""
    unique = ids.new()
    made = [f"bench_{name}_{unique}" for name in kinds]
    connection = await asyncpg.connect(SERVER, timeout=PATIENCE)
    try:
        for each in made:
            await connection.execute(f"CREATE SCHEMA {each}")
        found = [f"{SERVER}?options={quote(f'-csearch_path={each}')}" for each in made]
        for url, kind in zip(found, kinds.values(), strict=True):
            if kind is not None:
                await migrated(Database(url), kind)
        yield found
    finally:
        for each in made:
            await connection.execute(f"DROP SCHEMA IF EXISTS {each} CASCADE")
        await connection.close()


@asynccontextmanager
async def connected(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to one of the schemas; asyncpg reads no options out of a URL."""
    server, _, path = url.partition("?options=")
    connection = await asyncpg.connect(
        server, timeout=PATIENCE, server_settings={"search_path": path.rpartition("%3D")[2]}
    )
    try:
        yield connection
    finally:
        await connection.close()
