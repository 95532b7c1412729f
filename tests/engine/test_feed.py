"""The feed: hints arrive, lost ones cost a turn of the timer, dead connections are replaced."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from broadcaster import Broadcast

from engine.feed import LOG, Feed
from tests.engine.toy import until


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Feed]:
    feed = Feed(**{"interval": 0.01, **options})
    await feed.open()
    try:
        yield feed
    finally:
        await feed.close()


async def connected(feed: Feed, before: Any) -> bool:
    return feed._hub is not None and feed._hub is not before


async def test_whoever_waits_gets_the_newest_position() -> None:
    async with running() as feed:
        waiting = [asyncio.create_task(feed.beyond(LOG, 3, 5)) for _ in range(3)]
        for position in (2, 7, 5):
            await feed.publish(LOG, position)
        assert await asyncio.gather(*waiting) == [7, 7, 7]
        assert feed.latest(LOG) == 7
        assert await feed.beyond(LOG, 6) == 7


async def test_topics_do_not_mix() -> None:
    async with running() as feed:
        await feed.publish("odd:name", 4)
        assert await feed.reached("odd:name", 4, 5)
        assert feed.latest(LOG) == 0


async def test_a_wait_ends_at_its_time() -> None:
    async with running() as feed:
        assert await feed.beyond(LOG, 0, 0.01) == 0
        assert not await feed.reached(LOG, 1, 0.01)
        assert await feed.reached(LOG, 0)


async def test_one_that_stops_waiting_stops_no_other() -> None:
    async with running() as feed:
        first, second = (asyncio.create_task(feed.beyond(LOG, 0, 5)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await feed.publish(LOG, 1)
        assert await second == 1
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_lost_hint_is_made_good_by_the_poll_while_somebody_waits() -> None:
    asked = []

    async def poll() -> dict[str, int]:
        asked.append(1)
        if len(asked) < 2:
            raise OSError("not now")
        return {LOG: 9}

    async with running(poll=poll) as feed:
        assert not await feed.beyond("beside", -1, 0.05)
        assert not asked, "nobody waited"
        assert await feed.beyond(LOG, 8, 5) == 9
        assert feed.failures == 1


async def test_a_dead_listener_is_replaced() -> None:
    async with running() as feed:
        hub: Any = feed._hub
        hub._listener_task.cancel()
        await until(lambda: connected(feed, hub))
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)
        assert feed.failures


async def test_a_connection_that_swallows_our_heartbeat_is_replaced() -> None:
    async with running(heartbeat=0.02) as feed:
        hub: Any = feed._hub
        hub._backend._subscribed.clear()  # alive, but delivers nothing
        await until(lambda: connected(feed, hub))
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)


async def test_a_hint_that_cannot_be_sent_still_reaches_this_process() -> None:
    async with running(heartbeat=60.0) as feed:
        hub: Any = feed._hub
        hub._backend._published = None
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)
        assert feed.failures


async def test_a_backend_that_is_away_costs_only_time(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = Broadcast.connect
    away = [True, True]

    async def refused(hub: Broadcast) -> None:
        if away:
            away.pop()
            raise ConnectionError("refused")
        await connect(hub)

    monkeypatch.setattr(Broadcast, "connect", refused)
    async with running() as feed:
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)
        await until(lambda: connected(feed, None))
        await feed.publish(LOG, 2)
        assert await feed.reached(LOG, 2, 5)


async def test_what_is_no_hint_is_ignored() -> None:
    async with running() as feed:
        assert feed._hub is not None
        for message in ("nonsense", "log:-1", "beat:somebody-else:5", "log:3"):
            await feed._hub.publish("hints", message)
        assert await feed.reached(LOG, 3, 5)
        assert feed.latest("beat:somebody-else") == 0


async def test_a_feed_in_which_nothing_happens_costs_nothing() -> None:
    feed = Feed(poll=None)
    await feed.open()
    waiting = [asyncio.create_task(feed.beyond(LOG, 0)) for _ in range(1000)]
    await asyncio.sleep(0)
    before = time.process_time()  # the cost of this process is what is tested
    assert not await feed.beyond("beside", 0, 1.0)
    assert time.process_time() - before < 0.1
    for each in waiting:
        each.cancel()
    await feed.close()
