"""PostgreSQL stopped at once, again and again, under load: nothing that was acknowledged is taken back."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import worlds
from tests.e2e.test_process import WRITE, settled
from tests.e2e.under_load import FAST, Load, under_load
from tests.line import line
from tests.postgres import own_postgres
from tests.running import opened

pytestmark = pytest.mark.one_world("it is about PostgreSQL")

STOPS = 10


@pytest.mark.timeout(180)
async def test_what_was_acknowledged_is_there_once_however_often_the_database_stops(tmp_path: Path) -> None:
    async with own_postgres() as store:

        async def stopped(load: Load) -> None:
            await store.stop()
            async with asyncio.timeout(FAST):
                await load.failed()
            await store.start()

        urls = {"WRITE_DB_URL": store.url, "READ_DB_URL": store.url}
        async with under_load(tmp_path, urls) as ordeal:
            load = ordeal.load
            async with asyncio.timeout(150):
                await ordeal.stops(STOPS, stopped, within=FAST)
                head = await settled(ordeal.client)
                await ordeal.seen(head)
            await ordeal.survived(head, tmp_path, urls)
    told = f"{load.replayed} replayed, {len(ordeal.resumed)} resumed, {ordeal.paused}"
    print(f"{len(load.acknowledged)} commands, {load.codes}, {told}")
    assert set(load.codes) == {"UNAVAILABLE"}
    # None is missing, none is there twice.
    assert sorted(load.acknowledged.values()) == list(range(2, len(load.acknowledged) + 2))


async def test_whether_a_command_was_stored_whose_answer_is_lost_is_found_out_by_sending_it_again(
    tmp_path: Path,
) -> None:
    with worlds.world("postgresql"):
        parts = urlsplit(worlds.url(tmp_path / "log.db"))
        async with line(parts.hostname or "127.0.0.1", parts.port or 5432) as between:
            through = parts._replace(netloc=f"{parts.username}@127.0.0.1:{between.port}").geturl()
            async with opened(tmp_path, write_db_url=through) as shop:
                for number in range(5):
                    record = {"key": "k", "value": str(number), "id": f"c{number}"}
                    between.loses = b"COMMIT\0"  # as the server says that it has
                    refused = await shop.refused(WRITE, **record)
                    assert refused["extensions"]["code"] == "UNAVAILABLE"
                    between.loses = b""
                    payload = await shop.data(WRITE, **record)
                    assert payload["receipt"] == {"position": str(number + 1), "replayed": True}
                await shop.settled()
                (row,) = (await shop.data("{ records { nodes { value writeCount } } }"))["nodes"]
                assert row == {"value": "4", "writeCount": 5}
