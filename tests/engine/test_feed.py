"""The feed: hints arrive, lost ones cost a turn of the timer, dead connections are replaced."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from broadcaster import Broadcast

from engine.feed import LOG, Feed
from tests.engine.toy import until
from tests.running import View, opened

RECORDS = "subscription { records { kind since position upserted { id } removed } }"


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


async def test_a_dead_receiver_is_replaced() -> None:
    async with running() as feed:
        hub, session = feed._hub, feed._session
        assert session is not None
        session.cancel()
        await until(lambda: connected(feed, hub))
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)


async def test_a_listener_that_dies_of_an_error_is_replaced() -> None:
    async with running() as feed:
        hub: Any = feed._hub
        hub._backend._published.put_nowait(None)  # no message: the listener fails at it
        await until(lambda: connected(feed, hub))
        assert isinstance(hub._listener_task.exception(), AttributeError)
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, 5)


async def test_the_timer_outlives_a_connection_that_cannot_even_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [True, True]

    class Unmade(Broadcast):
        def __init__(self, url: str) -> None:
            if failing:
                failing.pop()
                raise ValueError("Unsupported backend")
            super().__init__(url)

    async with running(poll=_positions) as feed:
        hub: Any = feed._hub
        monkeypatch.setattr("engine.feed.Broadcast", Unmade)
        hub._listener_task.cancel()
        await until(lambda: connected(feed, hub))
        assert not failing
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 9, 5), "the poll goes on"


async def _positions() -> dict[str, int]:
    return {LOG: 9}


async def test_a_hint_that_is_lost_on_its_way_is_made_good_by_the_timer() -> None:
    async with running(poll=_positions, heartbeat=60.0) as feed:
        hub: Any = feed._hub
        hub._backend._subscribed.clear()  # nothing is delivered, and nobody has noticed yet
        await feed.publish(LOG, 9)
        assert await feed.reached(LOG, 9, 5)
        assert feed._hub is hub


async def test_however_many_wait_there_is_one_subscription_and_nothing_piles_up_in_it() -> None:
    async with running() as feed:
        waiting = [asyncio.create_task(feed.reached(f"topic-{number % 10}", 1000, 5)) for number in range(1000)]
        for position in range(1001):
            for number in range(10):
                await feed.publish(f"topic-{number}", position)
        assert all(await asyncio.gather(*waiting))
        hub: Any = feed._hub
        ((channel, queues),) = hub._subscribers.items()
        assert (channel, [queue.qsize() for queue in queues]) == ("hints", [0])
        assert hub._backend._published.empty()


def _kill_listener(feed: Any) -> None:
    feed._hub._listener_task.cancel()


def _break_listener(feed: Any) -> None:
    feed._hub._backend._published.put_nowait(None)


def _kill_receiver(feed: Any) -> None:
    feed._session.cancel()


def _deliver_nothing(feed: Any) -> None:
    feed._hub._backend._subscribed.clear()


def _send_nothing(feed: Any) -> None:
    feed._hub._backend._published = None


def _lose_the_hub(feed: Any) -> None:
    feed._hub = None


KILLS = [_kill_listener, _break_listener, _kill_receiver, _deliver_nothing, _send_nothing, _lose_the_hub]


@pytest.mark.one_world("its hub is in memory; that over Redis is killed in tests/e2e/test_redis.py")
async def test_a_subscription_goes_on_without_a_gap_whatever_dies_under_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop, shop.follow(RECORDS) as stream:
        view = View()
        view.apply(await stream.next())
        for number, kill in enumerate(KILLS):
            await until(lambda: connected(shop.app.feed, None))
            kill(shop.app.feed)
            written = [await shop.accepted("writeRecord", key=f"{number}-{each}", value="v") for each in range(3)]
            await view.until(stream, written[-1]["position"])
            assert len(view.rows) == 3 * (number + 1)
        assert shop.app.feed.failures
        await until(lambda: connected(shop.app.feed, None))
        written = [await shop.accepted("writeRecord", key="last", value="v")]
        await view.until(stream, written[-1]["position"])
        assert set(view.kinds) == {"SNAPSHOT", "CHANGES"}


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
