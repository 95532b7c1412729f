"""Kafka: one topic, in which the stream of an event is its key."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiokafka import AIOKafkaProducer

from engine.broker import Broker, Message
from engine.cloudevents import CONTENT_TYPE

ANSWERING = 5000
"Milliseconds that a broker may take for anything."


class Kafka:
    """Publishes with the stream as the key: what has one key is in one partition, in order. The producer is idempotent,
    so a repeat on one connection changes no order."""

    def __init__(self, url: str, topic: str) -> None:
        self._servers = urlsplit(url).netloc.split(",")
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None

    async def connect(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=ANSWERING,
        )
        await self._producer.start()

    async def publish(self, messages: Sequence[Message]) -> None:
        assert self._producer is not None
        sent = []
        for each in messages:
            headers = [("content-type", CONTENT_TYPE.encode()), ("id", each.id.encode())]
            sent.append(await self._producer.send(self._topic, each.body, each.stream.encode(), headers=headers))
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def ping(self) -> None:
        assert self._producer is not None
        await self._producer.client.fetch_all_metadata()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


def broker(url: str, channel: str, most: int) -> Broker:
    """How many a topic holds is Kafka's to say."""
    return Kafka(url, channel)
