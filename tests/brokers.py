"""Listeners at real brokers: what another service would get of the relay, with a name that is the test's alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import aio_pika
import nats
from nats.js.errors import NotFoundError
from redis.asyncio import Redis

PATIENCE = 20.0
PACE = 0.01


@dataclass(frozen=True)
class Heard:
    """A message as it arrived."""

    id: str
    subject: str
    event: dict[str, Any]

    @property
    def position(self) -> int:
        return int(self.event["id"])


class Source(Protocol):
    async def next(self) -> Heard: ...


@dataclass
class Listener:
    """Keeps what it heard, in order, repeats and all."""

    source: Source
    heard: list[Heard] = field(default_factory=list)
    _positions: set[int] = field(default_factory=set)

    async def until(self, position: int) -> Sequence[Heard]:
        """Everything heard so far, once the event at a position is among it."""
        async with asyncio.timeout(PATIENCE):
            while position not in self._positions:
                self.heard.append(heard := await self.source.next())
                self._positions.add(heard.position)
        return self.heard


def firsts(heard: Sequence[Heard]) -> list[Heard]:
    """What is left without the repeats, each of which must tell the same as the first time."""
    found: dict[str, Heard] = {}
    for each in heard:
        assert found.setdefault(each.id, each) == each
    return list(found.values())


def assert_in_order(heard: Sequence[Heard]) -> None:
    """Each stream is there from its first event on, in order and without a hole."""
    versions: dict[str, int] = {}
    for each in firsts(heard):
        stream, version = each.event["subject"], each.event["streamversion"]
        assert version == versions.get(stream, 0) + 1, (stream, version, versions.get(stream, 0))
        versions[stream] = version


class _Rabbit:
    def __init__(self, queue: aio_pika.abc.AbstractQueue) -> None:
        self._queue = queue

    async def next(self) -> Heard:
        while True:
            if message := await self._queue.get(fail=False, no_ack=True):
                assert message.content_type == "application/cloudevents+json; charset=UTF-8"
                assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
                return Heard(message.message_id or "", message.routing_key or "", json.loads(message.body))
            await asyncio.sleep(PACE)


@asynccontextmanager
async def _rabbitmq(url: str, channel: str) -> AsyncIterator[Source]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as opened:
        exchange = await opened.declare_exchange(channel, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await opened.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")
        try:
            yield _Rabbit(queue)
        finally:
            await exchange.delete()


class _Nats:
    def __init__(self, stream: Any, channel: str) -> None:
        self._stream = stream
        self._channel = channel
        self._subscription: Any = None

    async def next(self) -> Heard:
        while self._subscription is None:
            with suppress(NotFoundError):  # the relay makes the stream
                self._subscription = await self._stream.subscribe(f"{self._channel}.>", ordered_consumer=True)
            await asyncio.sleep(PACE)
        message = await self._subscription.next_msg(timeout=None)
        assert message.headers["Content-Type"] == "application/cloudevents+json; charset=UTF-8"
        subject = message.subject.removeprefix(f"{self._channel}.")
        return Heard(message.headers["Nats-Msg-Id"], subject, json.loads(message.data))


@asynccontextmanager
async def _nats(url: str, channel: str) -> AsyncIterator[Source]:
    client = await nats.connect(url)
    stream = client.jetstream()
    try:
        yield _Nats(stream, channel)
    finally:
        with suppress(NotFoundError):
            await stream.delete_stream(channel)
        await client.close()


class _Redis:
    def __init__(self, client: Redis, channel: str) -> None:
        self._client = client
        self._channel = channel
        self._last = "0"

    async def next(self) -> Heard:
        while True:
            found: Any = await self._client.xrange(self._channel, min=f"({self._last}", count=1)
            if found:
                ((id, entry),) = found
                self._last = id.decode()
                return Heard(entry[b"id"].decode(), entry[b"subject"].decode(), json.loads(entry[b"event"]))
            await asyncio.sleep(PACE)


@asynccontextmanager
async def _redis(url: str, channel: str) -> AsyncIterator[Source]:
    async with Redis.from_url(url) as client:
        try:
            yield _Redis(client, channel)
        finally:
            await client.delete(channel)


@asynccontextmanager
async def listening(kind: str, url: str, channel: str) -> AsyncIterator[Listener]:
    """A listener who is there before the first event, and leaves nothing behind."""
    opened = {"rabbitmq": _rabbitmq, "nats": _nats, "redis": _redis}[kind]
    async with opened(url, channel) as source:
        yield Listener(source)
