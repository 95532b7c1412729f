"""RabbitMQ: a durable topic exchange, and a confirmation for each message."""

import asyncio
import logging
from collections.abc import Sequence

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.connection import Connection, make_url

from engine.broker import Broker, Message, rounds
from engine.cloudevents import CONTENT_TYPE

HEARTBEAT = 10
"Seconds. A connection that is silent for two of them is gone."
CLOSING = 0.5
"Seconds that a server may take to say farewell, to a channel and to a connection."


class RabbitMQ:
    """Publishes under `<category>.<Type>`. Queues are bound by whoever wants to hear; what nobody has bound is gone."""

    def __init__(self, url: str, exchange: str) -> None:
        # What they say with a traceback when a connection ends, the relay says in a line.
        for name in ("aio_pika", "aiormq"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._url = url
        self._name = exchange
        self._connection: Connection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    async def connect(self) -> None:
        # Not the robust one: when to try again, and what then, is the relay's to say.
        self._connection = Connection(make_url(self._url, heartbeat=HEARTBEAT))
        await self._connection.connect()  # one that fails is closed as well
        self._channel = await self._connection.channel(publisher_confirms=True)
        self._exchange = await self._channel.declare_exchange(self._name, aio_pika.ExchangeType.TOPIC, durable=True)

    async def publish(self, messages: Sequence[Message]) -> None:
        assert self._exchange is not None
        for turn in rounds(messages):
            sent = (self._publish(self._exchange, each) for each in turn)
            for outcome in await asyncio.gather(*sent, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _publish(self, exchange: AbstractExchange, message: Message) -> None:
        made = aio_pika.Message(
            message.body,
            content_type=CONTENT_TYPE,
            message_id=message.id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(made, message.subject, mandatory=False)

    async def ping(self) -> None:
        """Heartbeats tell."""
        if self._connection is None or not self._connection.connected.is_set():
            raise ConnectionError("The connection is closed.")

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        channel, self._channel, self._exchange = self._channel, None, None
        try:
            # By itself the connection would not wait for the end of its channel.
            if channel is not None and not channel.is_closed:
                async with asyncio.timeout(CLOSING):
                    await channel.close()
        finally:
            if connection is not None:
                async with asyncio.timeout(CLOSING):
                    await connection.close()


def broker(url: str, channel: str, most: int) -> Broker:
    """How many a queue holds is said where it is declared, not here."""
    return RabbitMQ(url, channel)
