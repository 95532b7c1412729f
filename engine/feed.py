"""Hints: "something after position P", from whoever wrote to whoever waits, by broadcaster and a timer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from broadcaster import Broadcast

from engine import clock, ids

LOG = "log"
"The topic of the event log; the others are the names of the read models."
_CHANNEL = "hints"
_BEAT = "beat:"
_DEADLINE = 2.0
"Seconds a backend may take for anything; then it counts as gone."
_log = logging.getLogger(__name__)


def wanted(topic: str) -> str:
    """The topic of the newest position of another topic that somebody waits for."""
    return f"wanted:{topic}"


Poll = Callable[[], Awaitable[Mapping[str, int]]]


class Feed:
    """The newest position of each topic. A lost hint costs one turn of the timer, never an event.

    broadcaster queues without bound, loses what it cannot deliver and never reconnects. So there is one channel,
    subscribed once; a message is a topic with a position, of which the greatest is kept; a heartbeat to ourselves tells
    when the connection is dead, and a fresh one is made.
    """

    def __init__(
        self,
        url: str = "memory://",
        *,
        poll: Poll | None = None,
        interval: float = 0.5,
        heartbeat: float = 5.0,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._url = url
        self.poll = poll
        "Asked for the positions every `interval` while somebody waits."
        self._interval = interval
        self._heartbeat = heartbeat
        self._monotonic = monotonic
        self._latest: dict[str, int] = {}
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._outgoing: dict[str, int] = {}
        self._has_outgoing = asyncio.Event()
        self._beat_topic = f"{_BEAT}{ids.new()}"
        self._hub: Broadcast | None = None
        self._session: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.failures = 0
        "Hints that could not be sent, polls that failed and connections that were lost."

    async def open(self) -> None:
        await self._connect()
        self._tasks = [
            asyncio.create_task(self._send(), name="feed sender"),
            asyncio.create_task(self._keep(), name="feed keeper"),
        ]

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._disconnect()

    # ------------------------------------------------------------ what callers use

    async def publish(self, topic: str, position: int) -> None:
        """Tell everybody that a topic reached a position. Never waits for them, never fails; call it after commit."""
        self._outgoing[topic] = max(position, self._outgoing.get(topic, 0))
        self._has_outgoing.set()

    def latest(self, topic: str) -> int:
        return self._latest.get(topic, 0)

    async def beyond(self, topic: str, position: int, timeout: float | None = None) -> int:  # noqa: ASYNC109  # returns
        """Wait until the topic is past `position`, at most `timeout` seconds; the newest position either way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.latest(topic) <= position:
                    await self._wait(topic)
        return self.latest(topic)

    async def reached(self, topic: str, position: int, timeout: float | None = None) -> bool:  # noqa: ASYNC109  # returns
        """Wait until the topic is at `position` or past it; False when it is not within `timeout` seconds."""
        if self.latest(topic) < position:
            self.note(wanted(topic), position)
        return await self.beyond(topic, position - 1, timeout) >= position

    async def any_beyond(self, positions: Mapping[str, int], timeout: float) -> None:  # noqa: ASYNC109  # returns
        """Wait until one of the topics is past its position, at most `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while all(self.latest(topic) <= position for topic, position in positions.items()):
                    # None of them is cancelled when the wait is: others wait for them too.
                    await asyncio.wait(map(self._coming, positions), return_when=asyncio.FIRST_COMPLETED)

    async def _wait(self, topic: str) -> None:
        await asyncio.shield(self._coming(topic))  # one future for all who wait: none of them may cancel it

    def _coming(self, topic: str) -> asyncio.Future[None]:
        future = self._waiting.get(topic)
        if future is None:
            future = self._waiting[topic] = asyncio.get_running_loop().create_future()
        return future

    def note(self, topic: str, position: int) -> None:
        """Take in that a topic reached a position."""
        if position > self.latest(topic):
            self._latest[topic] = position
            if future := self._waiting.pop(topic, None):
                future.set_result(None)

    # ------------------------------------------------------------ sending, receiving, keeping alive

    async def _send(self) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing.clear()
            outgoing, self._outgoing = self._outgoing, {}
            for topic, position in outgoing.items():
                try:
                    if self._hub is None:
                        raise ConnectionError("There is no connection to the broadcast backend.")
                    async with asyncio.timeout(_DEADLINE):
                        await self._hub.publish(_CHANNEL, f"{topic}:{position}")
                except Exception:  # a hint is only a hint: this process still learns of it here, others by their timer
                    self.failures += 1
                    self.note(topic, position)

    async def _connect(self) -> None:
        hub, ready = Broadcast(self._url), asyncio.Event()
        self._session = asyncio.create_task(self._receive(hub, ready), name="feed receiver")
        waiting = asyncio.create_task(ready.wait(), name="feed start")
        try:
            await asyncio.wait((self._session, waiting), timeout=_DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if ready.is_set():
            self._hub = hub

    async def _disconnect(self) -> None:
        session, self._session, self._hub = self._session, None, None
        if session is not None:
            session.cancel()
            await asyncio.wait((session,), timeout=_DEADLINE)

    async def _receive(self, hub: Broadcast, ready: asyncio.Event) -> None:
        try:
            await hub.connect()
            try:
                async with hub.subscribe(_CHANNEL) as subscriber:
                    ready.set()
                    while True:
                        topic, _, position = (await subscriber.get()).message.rpartition(":")
                        if position.isdecimal() and (topic == self._beat_topic or not topic.startswith(_BEAT)):
                            self.note(topic, int(position))
            finally:
                await hub.disconnect()
        except Exception as error:  # the keeper sees that this task ended, and connects again
            self.failures += 1
            _log.warning("Lost the broadcast backend: %s", error)

    async def _keep(self) -> None:
        """Poll while somebody waits, and replace a connection on which our own heartbeat does not come back."""
        sent, sent_at = 0, self._monotonic()
        while True:
            await asyncio.sleep(self._interval)
            due = self._monotonic() - sent_at >= self._heartbeat
            if due or self._is_broken():
                if self._is_broken() or self.latest(self._beat_topic) < sent:
                    await self._reconnect()
                sent, sent_at = sent + 1, self._monotonic()
                await self.publish(self._beat_topic, sent)
            if self._waiting:
                await self._ask()

    def _is_broken(self) -> bool:
        listener = getattr(self._hub, "_listener_task", None)  # broadcaster tells nobody when its listener dies
        return self._session is None or self._session.done() or listener is None or listener.done()

    async def _reconnect(self) -> None:
        self.failures += 1
        await self._disconnect()
        await self._connect()
        await self._ask()  # what the dead connection swallowed; wakes everybody whom it concerns

    async def _ask(self) -> None:
        if self.poll is None:
            return
        try:
            async with asyncio.timeout(_DEADLINE):
                positions = await self.poll()
        except Exception:  # the next turn of the timer asks again
            self.failures += 1
            return
        for topic, position in positions.items():
            self.note(topic, position)
