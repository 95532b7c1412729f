"""What all brokers share: turns that keep each stream in order, and URLs whose secrets stay secret."""

import asyncio
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiokafka.errors import KafkaError
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import Error as NatsError
from redis.exceptions import RedisError

from engine import ids
from engine.broker import SCHEMES, Broker, Message, complaint, concealing, rounds
from engine.brokers.choosing import chosen
from engine.faults import Unavailable
from tests import services
from tests.brokers import listening
from tests.redis import own_redis
from tests.wire import wired

pytestmark = pytest.mark.one_world("it keeps no tables")

MESSAGES = st.lists(st.sampled_from("abc")).map(
    lambda streams: [Message(str(place), stream, "s", b"") for place, stream in enumerate(streams)]
)


@given(MESSAGES)
def test_a_turn_has_no_two_messages_of_one_stream_and_none_is_left_out(messages: Sequence[Message]) -> None:
    turns = list(rounds(messages))
    assert [message for turn in turns for message in turn] == messages
    assert all(len({message.stream for message in turn}) == len(turn) > 0 for turn in turns)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://guest:guest@localhost/", None),
        ("amqps://h:5671/shop", None),
        ("nats://token@h:4222", None),
        ("redis://h:6379/0?password=pw", None),
        ("kafka://a:9092,b:9092", None),
        ("http://h", "must begin with amqp://, amqps://, nats://, tls://, redis://, rediss://, kafka://"),
        ("amqp://", "must name a host"),
        ("amqp://guest:guest@", "must name a host"),
        ("amqp://[h", "must be a URL"),
        ("kafka://ann:pw@h", "must be kafka://host:9092,host:9092; names and passwords are not supported there"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_it(url: str, said: str | None) -> None:
    assert complaint(url) == said


@pytest.mark.parametrize(
    ("url", "text", "shown"),
    [
        ("amqp://ann:a%2Fb@h", "amqp://ann:a%2Fb@h refused a/b", "amqp://ann:***@h refused ***"),
        ("nats://t0ken@h", "nats://t0ken@h", "nats://***@h"),
        ("redis://h?password=pw", "no pw", "no ***"),
        ("redis://h", "redis://h", "redis://h"),
    ],
)
def test_what_is_secret_in_a_url_is_taken_out_of_a_text(url: str, text: str, shown: str) -> None:
    assert concealing(url)(text) == shown


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_broker_that_is_not_there_is_an_error_soon_and_can_be_let_go_of(scheme: str) -> None:
    # All that is tried of Kafka, which this was not run against.
    broker: Broker = chosen(f"{scheme}://127.0.0.1:{services.free_port()}", "events", most=1000)
    for _ in range(2):
        with pytest.raises((OSError, RedisError, KafkaError)):
            await broker.connect()
        await broker.close()
    await broker.close()


@pytest.mark.parametrize("kind", ["rabbitmq", "nats", "redis"])
async def test_a_broker_tells_that_it_is_gone(kind: str) -> None:
    url, name = services.broker(kind), f"test-{ids.new()}"
    far = urlsplit(url)
    async with listening(kind, url, name), wired(far.hostname or "", far.port or 0) as wire:
        near = far._replace(netloc=f"{far.netloc.rpartition(':')[0]}:{wire.port}").geturl()
        broker = chosen(near, name, most=1000)
        await broker.connect()
        await broker.ping()
        await wire.cut()
        with pytest.raises((OSError, RedisError, NatsError)):  # noqa: PT012  # as soon as it can know
            for _ in range(1000):
                await broker.ping()
                await asyncio.sleep(0)
        await broker.close()


async def test_who_publishes_to_redis_can_be_stopped_as_it_goes(tmp_path: Path) -> None:
    """Its client then tells of the server alone: of 400, 156 did not hear that they were to end."""
    message = Message("1", "s", "s", b"")
    async with own_redis(tmp_path) as redis:
        brokers = [chosen(redis.url, "s", most=1000) for _ in range(40)]
        await asyncio.gather(*(broker.connect() for broker in brokers))

        async def publish(broker: Broker) -> None:
            try:
                while True:
                    await broker.publish([message])
            except RedisError:
                await asyncio.Event().wait()  # as who tries again: only a cancellation ends it

        async def stop(number: int, task: asyncio.Task[None]) -> None:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            task.cancel()

        tasks = [asyncio.create_task(publish(broker)) for broker in brokers]
        await asyncio.sleep(0)
        kill = redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await asyncio.gather(kill, *(stop(number, task) for number, task in enumerate(tasks)))
        await asyncio.wait(tasks, timeout=5)
        ended = [task.cancelled() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(broker.close() for broker in brokers))
        assert ended == [True] * len(tasks)


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, module in (("rabbitmq", "aio_pika"), ("nats", "nats"), ("redis", "redis"), ("kafka", "aiokafka")):
        for known in [each for each in sys.modules if each.split(".")[0] == module]:
            monkeypatch.delitem(sys.modules, known)
        monkeypatch.delitem(sys.modules, f"engine.brokers.{kind}", raising=False)
        monkeypatch.setitem(sys.modules, module, None)
        scheme = next(scheme for scheme, meant in SCHEMES.items() if meant == kind)
        with pytest.raises(Unavailable) as caught:
            chosen(f"{scheme}://h", "events", most=1000)
        assert str(caught.value).endswith(f"Install requirements/{kind}.txt, or the extra {kind}.")
        monkeypatch.undo()
        importlib.invalidate_caches()
