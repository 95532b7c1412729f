"""A shop of which one database is away: what needs the other one goes on, and all goes on when it is back."""

import asyncio
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.clock import monotonic
from tests import worlds
from tests.e2e.process import run, serving
from tests.e2e.test_process import WRITE
from tests.postgres import own_postgres
from tests.redis import until
from tests.running import Shop, Stream, View, opened

pytestmark = pytest.mark.one_world("it is about PostgreSQL")

RECORDS = """subscription($after: Position) {
  records(after: $after) { kind since position upserted { id } removed }
}"""
EVENTS = "subscription { events { events { position } } }"
LIST = "{ records { nodes { id } } }"
STATES = "{ projections { state } }"
FAST = 5.0
"Seconds within which a command has failed, and within which all goes on."
LONGEST = 8.0
"The same for a command when the server is there and silent, which takes a while to see."
AWAY = 2.5
"Seconds for which a store is away: long enough that whoever tries again has done so several times."


@pytest.fixture(autouse=True)
def stays(world: str) -> Iterator[None]:
    """The server that stays."""
    with worlds.world("postgresql"):
        yield


async def written(shop: Shop, key: str, limit: float = FAST) -> dict[str, Any] | str:
    """The receipt of a record, or the code of the error; either of them fast."""
    async with asyncio.timeout(limit):
        answer = await shop.answer(WRITE, key=key, value="v", id=key)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    receipt: dict[str, Any] = answer["data"]["writeRecord"]["receipt"]
    return receipt


async def accepted(shop: Shop, key: str) -> str:
    """The position of a record that may have to be sent again."""
    async with asyncio.timeout(FAST):
        while not isinstance(receipt := await written(shop, key), dict):
            assert receipt == "UNAVAILABLE"
    return str(receipt["position"])


async def ready(shop: Shop, service: str) -> int:
    return (await shop.http.get("/health/ready", params={"for": service})).status_code


async def live(shop: Shop) -> bool:
    return {each["state"] for each in await shop.data(STATES)} == {"LIVE"}


async def first(shop: Shop, after: str | None) -> Any:
    """The first frame of a new subscription, without what tells the rows from each other."""
    async with shop.follow(RECORDS, after=after) as stream:
        frame = await stream.next()
    return frame["kind"], frame["since"], frame["position"], len(frame["upserted"])


async def positions(feed: Stream) -> list[str]:
    return [each["position"] for each in (await feed.next())["events"]]


async def caught_up(view: View, stream: Stream, position: str) -> None:
    async with asyncio.timeout(FAST):
        await view.until(stream, position)


async def test_queries_and_subscriptions_go_on_while_the_log_is_away(tmp_path: Path) -> None:
    async with own_postgres() as server, opened(tmp_path, write_db_url=server.url) as shop:
        view = View()
        async with shop.follow(RECORDS) as stream, shop.follow(EVENTS) as feed:
            for number in range(5):
                await accepted(shop, f"with-{number}")
            await view.until(stream, "5")
            await shop.settled()
            await server.stop()
            began, rounds = monotonic(), 0
            while monotonic() - began < AWAY:
                assert await written(shop, f"away-{rounds}") == "UNAVAILABLE"
                assert len((await shop.data(LIST))["nodes"]) == 5
                assert await first(shop, None) == ("SNAPSHOT", "0", "5", 5)
                assert await first(shop, "3") == ("CHANGES", "3", "5", 2)
                assert await first(shop, "5") == ("CHANGES", "5", "5", 0)
                assert len(await shop.data(STATES)) > 5
                assert (await ready(shop, "reads"), await ready(shop, "commands")) == (200, 503)
                rounds += 1
            await server.start()
            last = await accepted(shop, "again")
            await caught_up(view, stream, last)
            assert [await positions(feed) for _ in range(6)] == [[str(each)] for each in range(1, 7)]
            await shop.settled()
            await shop.drained()
            await until(partial(live, shop), FAST)
        assert set(view.kinds) == {"SNAPSHOT", "CHANGES"}
        assert len(view.rows) == int(last) == 6


async def test_a_log_that_is_there_but_silent_holds_up_commands_for_seconds_and_queries_not_at_all(
    tmp_path: Path,
) -> None:
    async with own_postgres() as server, opened(tmp_path, write_db_url=server.url) as shop:
        await accepted(shop, "with")
        await shop.settled()
        with server.paused():
            # Some come while others already wait.
            commands = [asyncio.create_task(written(shop, "away-0", LONGEST))]
            for number in range(1, 4):
                began = monotonic()
                assert len((await shop.data(LIST))["nodes"]) == 1
                assert await ready(shop, "reads") == 200
                assert len(await shop.data(STATES)) > 5
                assert monotonic() - began < FAST
                commands.append(asyncio.create_task(written(shop, f"away-{number}", LONGEST)))
            assert set(await asyncio.gather(*commands)) == {"UNAVAILABLE"}
        await accepted(shop, "again")
        async with asyncio.timeout(FAST):
            await shop.settled()


async def test_commands_are_accepted_while_the_read_tables_are_away(tmp_path: Path) -> None:
    async with own_postgres() as server, opened(tmp_path, read_db_url=server.url) as shop:
        view = View()
        async with shop.follow(RECORDS) as stream:
            await view.until(stream, await accepted(shop, "with"))
            await shop.settled()
            await server.stop()
            began, rounds = monotonic(), 0
            while monotonic() - began < AWAY:
                assert isinstance(await written(shop, f"away-{rounds}"), dict)
                assert (await shop.refused(LIST))["extensions"]["code"] == "UNAVAILABLE"
                assert (await ready(shop, "reads"), await ready(shop, "commands")) == (503, 200)
                rounds += 1
            await server.start()
            last = await accepted(shop, "again")
            await caught_up(view, stream, last)
            assert await first(shop, last) == ("CHANGES", last, last, 0)
            assert len(view.rows) == int(last) == rounds + 2
        assert set(view.kinds) == {"SNAPSHOT", "CHANGES"}


async def test_a_server_that_is_started_without_one_of_its_stores_says_so_and_ends(tmp_path: Path) -> None:
    there = {"WRITE_DB_URL": worlds.url(tmp_path / "log.db"), "READ_DB_URL": worlds.url(tmp_path / "read.db")}
    for which in there:
        ended = await run(tmp_path, "serve", **{**there, which: "postgresql://postgres:secret@127.0.0.1:1/test"})
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert ended.err.startswith("postgresql://127.0.0.1:1/test cannot be reached: ")
        assert "secret" not in ended.err


async def test_a_server_can_be_stopped_while_its_stores_are_away(tmp_path: Path) -> None:
    async with own_postgres() as store, serving(tmp_path, WRITE_DB_URL=store.url, READ_DB_URL=store.url) as server:
        await store.stop()
        async with asyncio.timeout(15):
            ended = await server.stop(signal.SIGTERM)
    assert ended.code == 0
    assert "Traceback" not in ended.err
