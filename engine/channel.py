"""The channel between processes: hints over Redis, as a backend of broadcaster that mends itself."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from broadcaster import BroadcastBackend, Event
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine import clock, heed, ids
from engine.clock import Clock
from engine.hints import Newest, Standing

DEADLINE = 2.0
"Seconds that Redis may take for anything; then the connection counts as dead."
QUIET = 1.0
"Seconds without a message after which Redis is asked whether it is still there."
FIRST = 1.0
"Seconds that a start waits for Redis. Then it goes on without: hints only save time."
SOONEST, LATEST = 0.1, 2.0
"Seconds between two attempts to connect: the first bound, doubled each time up to the second, less some by chance."
AT_ONCE = 64
"Messages taken before somebody else's turn."
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_log = structlog.get_logger(__name__)


def pause(attempt: int, random: Callable[[], float]) -> float:
    """Seconds until the next attempt: those who lost their connection together do not come back together."""
    return min(LATEST, SOONEST * 2.0 ** min(attempt, 16)) * (0.5 + 0.5 * random())


class Channel(BroadcastBackend):
    """Publishes and hears one channel of Redis. Redis may come and go: it connects again by itself, and then says
    WAKE, as nobody knows what was missed meanwhile. What is not taken in time collapses, so nothing piles up.

    broadcaster's own backend delivers nothing with redis-py 8, and dies in silence with its connection.
    """

    def __init__(
        self, url: str, standing: Standing, *, now: Clock = clock.now, random: Callable[[], float] = ids.random
    ) -> None:
        self._url = url
        self._standing = standing
        self._now = now
        self._random = random
        self._client: Redis | None = None
        self._name = ""
        self._tried = asyncio.Event()
        self._newest = Newest()
        self._has_news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ what broadcaster asks for

    async def connect(self) -> None:
        self._client = _client(self._url)

    async def disconnect(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,), timeout=DEADLINE)
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it is given up in any case
                async with asyncio.timeout(DEADLINE):
                    await client.aclose()

    async def subscribe(self, channel: str) -> None:
        """Hear a channel from now on. Waits a moment for Redis, and goes on without it."""
        if self._task is not None:
            raise ValueError(f"One channel is all that is heard, and that is {self._name}.")
        self._name = channel
        self._task = asyncio.create_task(self._run(), name="redis channel")
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST):
                await self._tried.wait()

    async def unsubscribe(self, channel: str) -> None:
        """Nothing to do: there is one channel, which ends with the connection."""

    async def publish(self, channel: str, message: Any) -> None:
        if self._client is None:
            raise ConnectionError("The channel is closed.")
        if not self._standing.is_connected:  # an attempt for each hint would cost more than all the hints
            raise ConnectionError("Redis is away.")
        try:
            await self._client.publish(channel, message)
        finally:
            heed.cancellation()

    async def next_published(self) -> Event:
        """All hints that came since the last time, as one message."""
        await self._has_news.wait()
        self._has_news.clear()
        return Event(self._name, self._newest.take())

    # ------------------------------------------------------------ hearing

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                async with self._subscribed() as pubsub:
                    attempt = 0
                    self._connected()
                    await self._hear(pubsub)
            except Exception as error:  # whatever it was, it is tried again
                heed.cancellation()
                self._lost(error, is_new=attempt == 0)
            self._tried.set()
            await asyncio.sleep(pause(attempt, self._random))
            attempt += 1

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        if self._client is None:
            raise ConnectionError("The channel is closed.")
        pubsub = self._client.pubsub()
        try:
            async with asyncio.timeout(DEADLINE):
                await pubsub.subscribe(self._name)
                # Only Redis's answer says that what is published from now on is heard.
                while await pubsub.get_message(timeout=DEADLINE) is None:
                    pass
            yield pubsub
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _hear(self, pubsub: PubSub) -> None:
        """Take what comes, until the connection ends or Redis is silent even when asked."""
        is_asked, taken = False, 0
        while True:
            message = await pubsub.get_message(timeout=DEADLINE if is_asked else QUIET)
            heed.cancellation()
            if message is None:
                if is_asked:
                    raise ConnectionError("Redis is silent.")
                is_asked = True
                await pubsub.ping()
                continue
            is_asked = False
            if message["type"] == "message":
                self._newest.add(message["data"].decode(errors="replace"))
                self._has_news.set()
            taken += 1
            if taken % AT_ONCE == 0:
                await asyncio.sleep(0)  # what has come already is read without a pause

    def _connected(self) -> None:
        if self._standing.failures:
            _log.info("hints flow again", redis=self._standing.address)
        self._standing.connected(self._now())
        self._tried.set()
        self._newest.wake()
        self._has_news.set()

    def _lost(self, error: Exception, *, is_new: bool) -> None:
        text = str(error) or type(error).__name__
        self._standing.lost(self._now(), text)
        if is_new:  # said once, not at each attempt
            _log.warning("no hints from other processes until Redis is back", redis=self._standing.address, error=text)


def _client(url: str) -> Redis:
    # A kernel that keeps no connection alive ends none that is idle; it has no such options for a socket in a file.
    options = {getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)}
    over_tcp: dict[str, Any] = (
        {} if url.startswith("unix:") else {"socket_keepalive": True, "socket_keepalive_options": options}
    )
    return Redis.from_url(
        url,
        protocol=2,  # all servers and proxies speak it, and pub/sub needs no more
        socket_timeout=DEADLINE,
        socket_connect_timeout=DEADLINE,
        # Its own way of trying again hides that messages were missed.
        retry=Retry(NoBackoff(), 0, ()),
        max_connections=4,
        client_name="dispensary-hints",
        **over_tcp,
    )
