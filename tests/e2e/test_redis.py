"""A server whose hints travel through Redis: the whole story is the same, also when Redis goes and comes."""

import signal
from pathlib import Path

import pytest

from engine.clock import monotonic
from tests.e2e.process import run, serving
from tests.e2e.test_demo import demonstrating, slow
from tests.e2e.test_process import verdict
from tests.redis import own_redis, until
from tests.running import Shop, Stream, View, opened

RECORDS = "subscription { records { kind since position upserted { id } removed } }"
MOST = 5.0
"Seconds that a frame may take while Redis is away."


@slow
@pytest.mark.one_world("the demo on PostgreSQL is told through Redis anyhow")
async def test_a_demo_is_told_through_redis_which_goes_and_comes(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as redis, serving(tmp_path, "--demo", REDIS_URL=redis.url) as server:
        assert f"  Hints     {redis.url}\n" in server.greeting
        assert await redis.connections() >= 2, "one that hears, one that publishes"
        async with demonstrating(tmp_path, server.url, "--seed", "2") as demo:
            await demo.commands(8)
            await redis.stop()
            await demo.commands(8)
            await redis.start()
            said = await demo.ended()
        assert "Views equal to queries: yes\nMoney adds up: yes\nStock adds up: yes\n" in said
        assert "Lost connections: 0;" in said
        assert await redis.connections() >= 2, "it is back by itself"
    found = await run(tmp_path, "verify")
    assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")


async def frames(shop: Shop, stream: Stream, view: View, name: str) -> float:
    """Write, and see it on the socket; the longest that it took."""
    longest = 0.0
    for number in range(5):
        began = monotonic()
        receipt = await shop.accepted("writeRecord", key=f"{name}-{number}", value="v")
        await view.until(stream, receipt["position"])
        longest = max(longest, monotonic() - began)
    return longest


async def test_sockets_go_on_while_redis_is_paused_stopped_and_started(tmp_path: Path) -> None:
    async with (
        own_redis(tmp_path) as redis,
        opened(tmp_path, redis_url=redis.url) as shop,
        shop.follow(RECORDS) as stream,
    ):
        view = View()
        view.apply(await stream.next())
        assert await frames(shop, stream, view, "with") < MOST
        redis.pause()
        assert await frames(shop, stream, view, "paused") < MOST
        await redis.stop()
        assert await frames(shop, stream, view, "stopped") < MOST
        await redis.start()
        assert await frames(shop, stream, view, "started") < MOST
        for number in range(20):
            await redis.restart()
            assert await frames(shop, stream, view, f"again-{number}") < MOST
        assert len(view.rows) == 4 * 5 + 20 * 5
        assert set(view.kinds) == {"SNAPSHOT", "CHANGES"}
        await until(lambda: is_connected(shop), MOST)


async def is_connected(shop: Shop) -> bool:
    return shop.app.feed.standing.is_connected


async def test_a_server_starts_without_redis_and_says_so(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as redis:
        await redis.stop()
        async with opened(tmp_path, redis_url=redis.url) as shop, shop.follow(RECORDS) as stream:
            view = View()
            view.apply(await stream.next())
            assert await frames(shop, stream, view, "without") < MOST
            standing = shop.app.feed.standing
            assert (standing.address, standing.is_connected) == (redis.url, False)
            assert standing.failures > 0


async def test_two_shops_on_one_redis_do_not_hear_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        own_redis(tmp_path) as redis,
        opened(tmp_path / "a", redis_url=redis.url) as one,
        opened(tmp_path / "b", redis_url=redis.url) as other,
    ):
        before = other.app.feed.latest("log")
        for number in range(5):
            await one.accepted("writeRecord", key=str(number), value="v")
        await one.settled()
        channels = await redis.ask("PUBSUB", "CHANNELS")
        assert sorted(channels) == sorted(f"hints:{shop.app.log.id}".encode() for shop in (one, other))
        assert other.app.feed.latest("log") == before


@pytest.mark.one_world("it keeps no tables")
@pytest.mark.parametrize("url", ["redis://:hunter2@127.0.0.1:1x", "http://:hunter2@h", "redis://:hunter2@"])
async def test_a_wrong_url_stops_the_start_with_a_sentence(tmp_path: Path, url: str) -> None:
    ended = await run(tmp_path, "serve", REDIS_URL=url)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("REDIS_URL is refused: must ")
    assert "hunter2" not in ended.err


async def test_a_password_of_redis_is_told_nowhere(tmp_path: Path) -> None:
    """It is wrong, too, so that there is something to tell of."""
    async with own_redis(tmp_path, "--requirepass", "right") as redis:
        url = f"redis://ann:hunter2@127.0.0.1:{redis.port}/0"
        async with serving(tmp_path, REDIS_URL=url) as server:
            assert f"  Hints     redis://127.0.0.1:{redis.port}/0\n" in server.greeting
            said = await server.stop(signal.SIGINT)
    assert said.code == 0
    assert "no hints from other processes" in said.out + said.err
    assert "hunter2" not in said.out + said.err
