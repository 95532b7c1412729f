"""Behind a proxy that lends out a connection for a transaction at a time, all is as it is without."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from domain.record import WriteRecord
from engine.dispatcher import Dispatcher
from engine.shapes import Receipt
from tests.appending import appending
from tests.e2e.process import run
from tests.e2e.test_process import verdict
from tests.postgres import own_postgres, pooling
from tests.running import Shop, View, opened

pytestmark = pytest.mark.one_world("it is about PostgreSQL")

CONNECTIONS = 2
ASPIRIN = {
    "name": "Aspirin",
    "genericName": "acetylsalicylic acid",
    "manufacturer": "Bayer",
    "strength": "500 mg",
    "price": "4.99",
}
RECORDS = "subscription { records { kind since position upserted { id value writeCount } removed } }"
PAGES = """query($after: String) {
  records(first: 7, after: $after) { nodes { id value writeCount } pageInfo { hasNextPage endCursor } }
}"""
OF_PROXY = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


async def table(shop: Shop) -> dict[str, object]:
    """Every record, page by page."""
    found: dict[str, object] = {}
    after, more = None, True
    while more:
        page = await shop.data(PAGES, after=after)
        found |= {node["id"]: node for node in page["nodes"]}
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return found


async def written(shop: Shop, number: int) -> None:
    for turn in range(10):
        await shop.accepted("writeRecord", key=f"k{(number + turn) % 20}", value=f"{number}-{turn}")
        await shop.data("{ records(first: 3) { nodes { id } } }")


async def sent(dispatcher: Dispatcher, number: int) -> None:
    for turn in range(10):
        command = WriteRecord(key=f"k{(number + turn) % 20}", value=f"{number}-{turn}")
        assert isinstance(await dispatcher.send(command), Receipt)


async def test_a_shop_and_others_who_append_share_two_connections(tmp_path: Path) -> None:
    async with own_postgres() as server, pooling(server, CONNECTIONS) as url:
        async with (
            opened(tmp_path, write_db_url=url, read_db_url=url) as shop,
            appending(url) as one,
            appending(url) as other,
            shop.follow(RECORDS) as stream,
        ):
            view = View()
            view.apply(await stream.next())
            work = [written(shop, number) for number in range(10)]
            work += [sent(each, number) for number in range(5) for each in (one, other)]
            await asyncio.gather(*work)
            await view.until(stream, "200")
            await shop.settled()
            await shop.accepted("registerMedicine", id="a", **ASPIRIN)
            await shop.settled()
            found = await shop.data('{ searchMedicines(text: "asp bay") { nodes { id } } }')
            assert [node["id"] for node in found["nodes"]] == ["a"]
            assert await table(shop) == view.rows
            with psycopg.connect(server.url) as beside:
                count = beside.execute(OF_PROXY).fetchone()
            assert count is not None
            assert 0 < count[0] <= CONNECTIONS
            assert set(view.kinds) == {"SNAPSHOT", "CHANGES"}
        verified = await run(tmp_path, "verify", WRITE_DB_URL=url, READ_DB_URL=url)
        assert (verified.code, set(verdict(verified.out)), verified.err) == (0, {"equal"}, "")
