"""The server of the read tables stopped at once, again and again: what it lost of them is folded again."""

import asyncio
import re
from pathlib import Path

import psycopg
import pytest

from tests import worlds
from tests.e2e.under_load import FAST, Load, under_load
from tests.postgres import OwnPostgres, own_postgres
from tests.redis import PACE

pytestmark = pytest.mark.one_world("it is about PostgreSQL")

STOPS = 6
SLOW_FLUSH = "10s"
"A commit that does not wait for the disk gets there within three times this, so that there is always some to lose."


async def shown(store: OwnPostgres, position: str) -> str:
    """Wait until every table is at a position: what a process says of itself it may have yet to find out."""
    async with await psycopg.AsyncConnection.connect(store.url, autocommit=True) as connection:
        while True:
            found = await connection.execute("SELECT DISTINCT position FROM checkpoints")
            if await found.fetchall() == [(int(position),)]:
                return position
            await asyncio.sleep(PACE)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("servers", [1, 2])
async def test_read_tables_are_those_of_the_log_however_often_their_server_stops(tmp_path: Path, servers: int) -> None:
    async with own_postgres() as store:
        store.options["wal_writer_delay"] = SLOW_FLUSH
        await store.stop()
        await store.start()

        async def stopped(_: Load | None = None) -> None:
            await store.stop()
            await store.start()

        with worlds.schemas("log") as (log,):
            urls = {"WRITE_DB_URL": log if servers == 2 else store.url, "READ_DB_URL": store.url}
            async with under_load(tmp_path, urls) as ordeal:
                load = ordeal.load
                async with asyncio.timeout(150):
                    await ordeal.stops(STOPS, stopped, within=2 * FAST)
                    newest = str(max(load.acknowledged.values()))
                    await ordeal.seen(newest)
                    await stopped()  # and once when there is nothing more to write
                    head = await shown(store, newest)
                said = await ordeal.survived(head, tmp_path, urls)
    set_back = len(re.findall(rb"projection set back", said))
    told = f"{set_back} set back, {len(ordeal.resumed)} resumed, {ordeal.paused}"
    print(f"{len(load.acknowledged)} commands, {load.codes}, {told}")
    assert set_back > 0
