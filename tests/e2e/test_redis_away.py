"""Redis stopped, paused and killed under load: what one process writes, the sockets of another show all the same."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from domain.record import WriteRecord
from engine.clock import monotonic
from engine.dispatcher import Dispatcher
from engine.shapes import Receipt
from tests import worlds
from tests.appending import appending
from tests.redis import PACE, OwnRedis, own_redis, until
from tests.running import Shop, Stream, View, opened

pytestmark = pytest.mark.one_world("only PostgreSQL can be shared by several processes")

RECORDS = "subscription { records { kind since position upserted { id value } removed } }"
TIMES = 20
SOCKETS = 8
WRITERS = 2
FAST = 5.0
"Seconds that a frame may take while Redis is away, and when it is back."


class Follower:
    """A socket that takes every frame as it comes; its view finds out if one does not begin where the last ended."""

    def __init__(self, stream: Stream) -> None:
        self.view = View()
        self._stream = stream

    async def run(self) -> None:
        while True:
            self.view.apply(await self._stream.next())

    async def shows(self, position: int) -> bool:
        return int(self.view.position or 0) >= position


async def written(dispatcher: Dispatcher, number: int, positions: list[int]) -> None:
    for turn in count():
        receipt = await dispatcher.send(WriteRecord(key=f"{number}-{turn % 50}", value=str(turn)))
        assert isinstance(receipt, Receipt)
        positions.append(receipt.position)
        await asyncio.sleep(PACE)


async def shown(followers: list[Follower], positions: list[int]) -> float:
    """Seconds until every socket shows what is written from now on."""
    began, sent = monotonic(), len(positions)

    async def is_more() -> bool:
        return len(positions) > sent

    await until(is_more, FAST)
    await asyncio.gather(*(until(partial(each.shows, positions[-1]), FAST) for each in followers))
    return monotonic() - began


async def away(redis: OwnRedis, turn: int, followers: list[Follower], positions: list[int]) -> float:
    """Take Redis away in one of three ways, and bring it back: the longest that anything took to be shown."""
    if turn % 3 == 0:
        await redis.restart()
        return await shown(followers, positions)
    if turn % 3 == 1:
        redis.pause()
    else:
        await redis.stop()
    without = await shown(followers, positions)
    if turn % 3 == 1:
        redis.resume()
    else:
        await redis.start()
    return max(without, await shown(followers, positions))


async def is_connected(shop: Shop) -> bool:
    return shop.app.feed.standing.is_connected


@pytest.mark.timeout(150)
async def test_no_socket_misses_what_another_process_writes_while_redis_comes_and_goes(tmp_path: Path) -> None:
    with worlds.world("postgresql"):
        async with (
            own_redis(tmp_path) as redis,
            opened(tmp_path, redis_url=redis.url) as shop,
            appending(worlds.url(tmp_path / "log.db"), redis.url) as other,
            AsyncExitStack() as stack,
        ):
            streams = [await stack.enter_async_context(shop.follow(RECORDS)) for _ in range(SOCKETS)]
            followers, positions = [Follower(stream) for stream in streams], list[int]()
            following = [asyncio.create_task(each.run()) for each in followers]
            writing = [asyncio.create_task(written(other, number, positions)) for number in range(WRITERS)]
            took = [await shown(followers, positions)]
            for turn in range(TIMES):
                took.append(await away(redis, turn, followers, positions))
                if turn % 4 == 3:  # often it goes again before anybody has noticed that it is back
                    await until(partial(is_connected, shop), FAST)
                assert not any(each.done() for each in (*following, *writing))
            await until(partial(is_connected, shop), FAST)
            for each in writing:
                each.cancel()
            await asyncio.wait(writing)
            await shop.settled()
            # The last may have been committed for a writer that was no longer there to be told.
            position = await shop.app.log.head()
            await asyncio.gather(*(until(partial(each.shows, position), FAST) for each in followers))
            for each in following:
                each.cancel()
            await asyncio.wait(following)
            page = await shop.data("{ records(first: 100) { nodes { id value } } }")
            listed = {node["id"]: node for node in page["nodes"]}
            assert len(listed) == WRITERS * 50
            for follower in followers:
                assert follower.view.rows == listed
                assert set(follower.view.kinds) == {"SNAPSHOT", "CHANGES"}
            assert max(took) < FAST
