"""Redis Streams: one stream, trimmed as it grows."""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine import heed
from engine.broker import Broker, Message

ANSWERING = 5.0
"Seconds that the server may take for anything."


class RedisStream:
    """Adds entries with the fields `id`, `subject` and `event`, a batch in one transaction."""

    def __init__(self, url: str, stream: str, most: int) -> None:
        self._url = url
        self._name = stream
        self._most = most
        self._client: Redis | None = None

    async def connect(self) -> None:
        self._client = Redis.from_url(
            self._url,
            socket_timeout=ANSWERING,
            socket_connect_timeout=ANSWERING,
            retry=Retry(NoBackoff(), 0),  # when to try again, and what then, is the relay's to say
        )
        await self.ping()

    async def publish(self, messages: Sequence[Message]) -> None:
        assert self._client is not None
        async with self._client.pipeline(transaction=True) as pipeline:
            for each in messages:
                entry = {"id": each.id, "subject": each.subject, "event": each.body}
                pipeline.xadd(self._name, entry, maxlen=self._most, approximate=True)  # type: ignore[arg-type]  # invariant, for no reason
            try:
                await pipeline.execute()
            finally:
                heed.cancellation()

    async def ping(self) -> None:
        assert self._client is not None
        try:
            await self._client.ping()
        finally:
            heed.cancellation()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def broker(url: str, channel: str, most: int) -> Broker:
    return RedisStream(url, channel, most)
