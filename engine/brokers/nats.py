"""NATS JetStream: a stream of its own, each message under its id."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from nats.aio.client import Client
from nats.errors import NoServersError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, Header, StreamConfig
from nats.js.errors import NotFoundError

from engine.broker import Broker, Message, rounds
from engine.cloudevents import CONTENT_TYPE

ANSWERING = 5
"Seconds that the server may take for anything."
RECOGNIZED = 120.0
"Seconds for which the server itself drops a repeat."


class Nats:
    """Publishes under `<stream>.<category>.<Type>`. Makes the stream if there is none; one that is there stays as it
    is."""

    def __init__(self, url: str, stream: str, most: int) -> None:
        self._url = url
        self._name = stream
        self._most = most
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._lost: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    async def connect(self) -> None:
        self._client = Client()
        self._lost = lost = asyncio.get_running_loop().create_future()

        async def end() -> None:
            if not lost.done():
                lost.set_result(None)

        try:
            await self._client.connect(
                self._url,
                # When to try again, and what then, is the relay's to say. Without an attempt it would try for ever.
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=ANSWERING,
                error_cb=self._note,
                disconnected_cb=end,
            )
        except NoServersError as error:
            raise self._error or error from None  # why there is none
        self._stream = self._client.jetstream(timeout=ANSWERING)
        try:
            await self._stream.stream_info(self._name)
        except NotFoundError:
            await self._stream.add_stream(
                StreamConfig(
                    name=self._name,
                    subjects=[f"{self._name}.>"],
                    max_msgs=self._most,
                    discard=DiscardPolicy.OLD,
                    duplicate_window=RECOGNIZED,
                )
            )

    async def publish(self, messages: Sequence[Message]) -> None:
        assert self._stream is not None
        for turn in rounds(messages):
            await self._unless_lost(self._publish_all(self._stream, turn))

    async def _publish_all(self, stream: JetStreamContext, messages: Sequence[Message]) -> None:
        sent = (self._publish(stream, each) for each in messages)
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _publish(self, stream: JetStreamContext, message: Message) -> None:
        headers = {Header.MSG_ID: message.id, "Content-Type": CONTENT_TYPE}
        await stream.publish(f"{self._name}.{message.subject}", message.body, stream=self._name, headers=headers)

    async def ping(self) -> None:
        assert self._client is not None
        await self._unless_lost(self._client.flush(ANSWERING))

    async def _note(self, error: Exception) -> None:
        """Whoever waits for an answer is told as well."""
        self._error = error

    async def _unless_lost(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for answers. Without a connection none comes, which the client does not tell those who wait."""
        assert self._lost is not None
        task = asyncio.create_task(work, name="nats")
        try:
            await asyncio.wait((task, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionError("The server closed the connection.")
            task.result()
        finally:
            task.cancel()

    async def close(self) -> None:
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            await client.close()


def broker(url: str, channel: str, most: int) -> Broker:
    return Nats(url, channel, most)
