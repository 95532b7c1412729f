"""Hints between processes: they arrive in milliseconds, Redis may come and go, and nothing is left behind."""

import asyncio
import gc
import os
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import starmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channel import LATEST, SOONEST, Channel, pause
from engine.clock import monotonic
from engine.feed import LOG, Feed
from engine.hints import WAKE, Newest, Standing, joined, parsed, shown
from tests.e2e.process import ROOT
from tests.redis import PACE, OwnRedis, free_port, own_redis, until

pytestmark = pytest.mark.one_world("it keeps no tables")

SOON = 5.0
"Seconds within which whoever waits must go on, whatever becomes of Redis."


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    async with own_redis(tmp_path) as server:
        yield server


@asynccontextmanager
async def running(redis: OwnRedis, **options: Any) -> AsyncIterator[Feed]:
    feed = Feed(redis.url, **{"interval": 0.5, **options})
    await feed.open()
    try:
        yield feed
    finally:
        await feed.close()


def told(feed: Feed, is_connected: bool) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return feed.standing.is_connected is is_connected

    return condition


# ------------------------------------------------------------ between feeds


async def test_two_feeds_in_two_processes_wake_each_other_in_milliseconds(redis: OwnRedis) -> None:
    command = [sys.executable, "-m", "tests.engine.echo", redis.url, "a"]
    async with running(redis, channel="a") as feed:  # which asks no store: all that it knows, it was told
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            async with asyncio.timeout(10):
                while not await feed.reached("back", 1, 0.1):
                    await feed.publish("there", 1)
            times = []
            for number in range(2, 102):
                began = monotonic()
                await feed.publish("there", number)
                assert await feed.reached("back", number, SOON)
                times.append(monotonic() - began)
            assert feed.failures == 0
            assert statistics.median(times) < 0.02, "there and back, on a machine that has other things to do"
        finally:
            process.kill()
            await process.wait()


async def test_feeds_of_different_channels_do_not_hear_each_other(redis: OwnRedis) -> None:
    async with running(redis, channel="a") as one, running(redis, channel="b") as other:
        await one.publish(LOG, 9)
        await other.publish("end", 1)
        assert await one.reached(LOG, 9, SOON)
        assert await other.reached("end", 1, SOON)
        assert other.latest(LOG) == 0
        assert one.latest("end") == 0


async def test_what_is_waited_for_here_is_known_there(redis: OwnRedis) -> None:
    async with running(redis) as one, running(redis) as other:
        waiting = asyncio.create_task(one.reached("records", 7, SOON))
        assert await other.beyond("wanted:records", 6, SOON) == 7
        await other.publish("records", 7)
        assert await waiting


async def test_a_thousand_hints_collapse(redis: OwnRedis) -> None:
    """What is not taken while it comes is one message, with the greatest position of each topic."""
    backend = Channel(redis.url, Standing(redis.url))
    await backend.connect()
    await backend.subscribe("hints")
    assert (await backend.next_published()).message == WAKE
    for number in range(1000):
        await backend.publish("hints", joined({"log": number, f"topic-{number % 7}": number}))
    await redis.ask("PUBLISH", "hints", "last:1")
    last: dict[str, int] = {}
    taken = 0
    while "last" not in last:
        taken += 1
        for topic, position in parsed((await backend.next_published()).message):
            assert position >= last.get(topic, 0)
            last[topic] = position
    assert last == {"log": 999, "last": 1, **{f"topic-{at % 7}": at for at in range(993, 1000)}}
    assert taken < 1000
    await backend.disconnect()


async def test_a_burst_leaves_nothing_queued(redis: OwnRedis) -> None:
    async with running(redis) as feed:
        for number in range(1, 1001):
            await redis.ask("PUBLISH", "hints", f"log:{number}") if number % 100 == 0 else None
            await feed.publish("local", number)
        assert await feed.reached(LOG, 1000, SOON)
        assert await feed.reached("local", 1000, SOON)
        hub: Any = feed._hub
        ((channel, queues),) = hub._subscribers.items()
        assert (channel, [queue.qsize() for queue in queues]) == ("hints", [0])
        assert not hub._backend._newest


# ------------------------------------------------------------ Redis comes and goes


class Truth:
    """What really happened: a store that everybody can ask, and somebody who writes to it all the time."""

    def __init__(self) -> None:
        self.position = 0
        self.at: dict[int, float] = {0: monotonic()}

    async def positions(self) -> dict[str, int]:
        return {LOG: self.position}

    async def write(self, feed: Feed) -> None:
        while True:
            self.position += 1
            self.at[self.position] = monotonic()
            feed.note(LOG, self.position)
            await feed.publish(LOG, self.position)
            await asyncio.sleep(PACE)

    async def follow(self, feed: Feed, waits: list[float]) -> None:
        """Note, each time, how late the oldest is that was not known before."""
        seen = 0
        while True:
            newest = await feed.beyond(LOG, seen)
            waits.append(monotonic() - self.at[seen + 1])
            seen = newest


@asynccontextmanager
async def under_load(redis: OwnRedis) -> AsyncIterator[tuple[Feed, Feed, list[float]]]:
    """Who writes, who hears hints and nothing else, and how late those were who also ask."""
    truth, waits = Truth(), list[float]()
    async with (
        running(redis, poll=truth.positions) as writer,
        running(redis, poll=truth.positions) as first,
        running(redis, poll=truth.positions) as second,
        running(redis) as hearer,
    ):
        tasks = [asyncio.create_task(truth.write(writer))]
        tasks += [asyncio.create_task(truth.follow(feed, waits)) for feed in (first, first, second)]
        yield writer, hearer, waits
        for task in tasks[:1]:
            task.cancel()
        for feed in (first, second):
            assert await feed.reached(LOG, truth.position, SOON), "nothing is missed"
        for task in tasks:
            assert not task.done() or task.cancelled(), task
            task.cancel()


async def hints_flow(writer: Feed, hearer: Feed) -> None:
    assert await hearer.beyond(LOG, writer.latest(LOG), 2 * SOON) > 0
    heard = hearer.latest(LOG)
    assert await hearer.beyond(LOG, heard, SOON) > heard


@pytest.mark.timeout(150)
async def test_redis_is_restarted_twenty_times_under_load(redis: OwnRedis) -> None:
    async with under_load(redis) as (writer, hearer, waits):
        for _ in range(20):
            await hints_flow(writer, hearer)
            await redis.restart()
        await hints_flow(writer, hearer)
        assert hearer.standing.failures >= 20
    assert max(waits) < SOON


async def test_redis_is_stopped_for_a_while_under_load(redis: OwnRedis) -> None:
    async with under_load(redis) as (writer, hearer, waits):
        await hints_flow(writer, hearer)
        before = len(waits)
        await redis.stop()
        await until(told(hearer, False), SOON)
        heard = hearer.latest(LOG)
        hub: Any = writer._hub
        with pytest.raises(ConnectionError, match="Redis is away"):
            await hub.publish("hints", "log:1")
        assert await hearer.beyond(LOG, heard, 3.0) == heard, "no hints without Redis"
        assert len(waits) - before >= 3 * 3, "everybody else goes on by the timer"
        await redis.start()
        await hints_flow(writer, hearer)
    assert max(waits) < SOON


async def test_redis_is_paused_under_load(redis: OwnRedis) -> None:
    """A server that keeps its connections and says nothing: the worst that it can do."""
    async with under_load(redis) as (writer, hearer, waits):
        await hints_flow(writer, hearer)
        redis.pause()
        await until(told(hearer, False), SOON)
        await until(told(writer, False), SOON)
        assert hearer.standing.error
        redis.resume()
        await hints_flow(writer, hearer)
        await until(told(hearer, True), SOON)
    assert max(waits) < SOON


async def test_a_connection_that_is_killed_heals(redis: OwnRedis) -> None:
    async with under_load(redis) as (writer, hearer, waits):
        for _ in range(5):
            await hints_flow(writer, hearer)
            failures = hearer.standing.failures
            assert await redis.ask("CLIENT", "KILL", "TYPE", "pubsub") >= 1
            await until(lambda: _more(hearer, failures))  # noqa: B023  # awaited at once
        await redis.ask("CLIENT", "KILL", "TYPE", "normal")
        await hints_flow(writer, hearer)
    assert max(waits) < SOON


async def _more(feed: Feed, before: int) -> bool:
    return feed.standing.failures > before


async def test_everybody_looks_when_the_connection_is_back(redis: OwnRedis) -> None:
    """What was missed meanwhile is asked for at once, and not only when the timer comes round."""
    truth = Truth()
    async with running(redis, poll=truth.positions, interval=60.0) as feed:
        truth.position = 5
        waiting = asyncio.create_task(feed.beyond(LOG, 4, 30))
        await redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
        assert await waiting == 5


async def test_a_server_that_starts_before_redis_does_without(tmp_path: Path) -> None:
    async with own_redis(tmp_path) as redis:
        await redis.stop()
        truth = Truth()
        began = monotonic()
        async with running(redis, poll=truth.positions) as feed, running(redis) as hearer:
            assert monotonic() - began < SOON
            assert (feed.standing.is_connected, feed.standing.failures > 0) == (False, True)
            truth.position = 3
            await feed.publish(LOG, 3)
            assert await feed.reached(LOG, 3, SOON)
            await redis.start()
            await until(told(feed, True))
            await until(told(hearer, True), SOON)
            await feed.publish(LOG, 4)
            assert await hearer.reached(LOG, 4, SOON)


async def test_a_task_that_dies_is_replaced(redis: OwnRedis) -> None:
    async with running(redis, interval=0.01, heartbeat=0.05) as feed:
        hub: Any = feed._hub
        hub._backend._task.cancel()
        await until(lambda: _is_other(feed, hub))
        await feed.publish(LOG, 1)
        assert await feed.reached(LOG, 1, SOON)


async def _is_other(feed: Feed, hub: Any) -> bool:
    return feed._hub is not None and feed._hub is not hub and feed.standing.is_connected


async def test_a_feed_that_is_closed_as_its_server_goes_does_close(redis: OwnRedis) -> None:
    """redis-py then tells of the server alone, and nothing says any more that the task was to end."""
    feeds = [Feed(redis.url) for _ in range(30)]
    await asyncio.gather(*(feed.open() for feed in feeds))

    async def close(number: int, feed: Feed) -> None:
        await feed.publish(LOG, number)
        for _ in range(2 * number):
            await asyncio.sleep(0)
        await feed.close()

    async with asyncio.timeout(SOON):
        await asyncio.gather(redis.ask("CLIENT", "KILL", "TYPE", "pubsub"), *starmap(close, enumerate(feeds)))
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not names & {"redis channel", "feed sender", "feed keeper", "feed receiver"}


# ------------------------------------------------------------ what it says, and what it leaves behind


async def test_nothing_is_left_of_a_feed_that_was_closed(redis: OwnRedis) -> None:
    async def once() -> None:
        async with running(redis) as feed:
            await feed.publish(LOG, 1)
            assert await feed.reached(LOG, 1, SOON)

    await once()
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        await once()
    async with running(redis) as feed:
        await redis.restart()
        await until(told(feed, True))
    await redis.stop()
    async with running(redis):
        pass
    gc.collect()
    assert len(asyncio.all_tasks()) == tasks
    assert len(os.listdir("/proc/self/fd")) == files
    assert [each for each in gc.get_objects() if type(each) is Channel] == []
    await redis.start()
    assert await redis.connections() == 0


async def test_it_can_be_seen_how_the_channel_stands(redis: OwnRedis) -> None:
    async with running(redis) as feed:
        assert feed.standing.address == redis.url
        assert (feed.standing.is_connected, feed.standing.failures, feed.standing.error) == (True, 0, "")
        since = feed.standing.since
        await redis.stop()
        await until(told(feed, False))
        assert feed.standing.since is not None
        assert since is not None
        assert feed.standing.since > since
        assert feed.standing.failures >= 1
        assert "127.0.0.1" in feed.standing.error or "Connection" in feed.standing.error


async def test_no_password_is_told_anywhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "p4ss%2Fw0rd"
    async with own_redis(tmp_path, "--requirepass", "p4ss/w0rd") as redis:
        feed = Feed(f"redis://:{secret}@127.0.0.1:{redis.port}/0")
        await feed.open()
        assert feed.standing.is_connected
        await feed.close()
        wrong = Feed(f"redis://ann:{secret}x@127.0.0.1:{redis.port}/0")
        await wrong.open()
        await wrong.close()
        assert not wrong.standing.is_connected
        assert wrong.standing.address == f"redis://127.0.0.1:{redis.port}/0"
        said = "".join(capfd.readouterr()) + wrong.standing.error
        assert "127.0.0.1" in said
        assert "p4ss" not in said


async def test_a_socket_in_a_file_does_as_well(tmp_path: Path) -> None:
    path = tmp_path / "r.sock"
    async with own_redis(tmp_path, "--unixsocket", str(path)):
        one, other = Feed(f"unix://{path}"), Feed(f"unix://{path}?db=3")
        await one.open()
        await other.open()
        await one.publish(LOG, 3)
        assert await other.reached(LOG, 3, SOON)
        assert one.standing.is_connected
        await one.close()
        await other.close()


async def test_one_channel_is_all_that_is_heard() -> None:
    backend = Channel(f"redis://127.0.0.1:{free_port()}", Standing(""))
    await backend.connect()
    await backend.subscribe("one")
    with pytest.raises(ValueError, match="that is one"):
        await backend.subscribe("two")
    await backend.disconnect()
    await backend.disconnect()
    with pytest.raises(ConnectionError, match="closed"):
        await backend.publish("one", "log:1")


# ------------------------------------------------------------ the parts that need no Redis

topics = st.text("abc:é ", min_size=1, max_size=5)


@given(st.dictionaries(topics, st.integers(0, 2**62)))
def test_hints_are_read_as_they_were_written(positions: dict[str, int]) -> None:
    assert dict(parsed(joined(positions))) == positions


@given(st.lists(st.tuples(topics, st.integers(0, 99))))
def test_of_each_topic_the_greatest_is_kept(heard: list[tuple[str, int]]) -> None:
    newest = Newest()
    for topic, position in heard:
        newest.add(joined({topic: position}))
    assert bool(newest) is bool(heard)
    assert dict(parsed(newest.take())) == {topic: max(at for each, at in heard if each == topic) for topic, _ in heard}
    assert not newest
    assert newest.take() == ""


def test_too_many_topics_are_one_wake() -> None:
    newest = Newest(most=3)
    newest.add("a:1\nb:2\nc:3\nd:4\ne:5\na:6")
    assert newest.take() == "wake\na:1\nb:2\nc:3"
    assert newest.take() == ""


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_attempts_come_less_often_but_often_enough(attempt: int, chance: float) -> None:
    assert SOONEST / 2 <= pause(attempt, lambda: chance) <= LATEST
    assert pause(attempt, lambda: chance) <= pause(attempt + 1, lambda: chance)


def test_an_address_is_shown_without_what_is_secret() -> None:
    assert shown("redis://ann:pw@h:1/2?x=y") == "redis://h:1/2"
    assert shown("rediss://:p%40w@[::1]:6379") == "rediss://[::1]:6379"
    assert shown("unix:///run/r.sock?password=pw") == "unix:///run/r.sock"
    assert shown("") == ""
