"""Hints: "something after position P", from whoever wrote to whoever waits, by broadcaster and a timer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog
from broadcaster import Broadcast, BroadcastBackend

from engine import clock, hints, ids, metrics
from engine.clock import Clock

LOG = "log"
"The topic of the event log; the others are the names of the read models."
_CHANNEL = "hints"
_BEAT = "beat:"
_DEADLINE = 2.0
"Seconds a backend may take for anything; then it counts as gone."
_PACE, _PACE_OF_REDIS = 0.01, 0.002
"""Seconds between two messages. Who writes notes in its own process at once what it publishes to the others; in those
it is waited for. A message costs 0.1 ms of processor time."""
_log = structlog.get_logger(__name__)
_NOBODY: Mapping["asyncio.Future[None]", int] = {}


def wanted(topic: str) -> str:
    """The topic of the newest position of another topic that somebody waits for."""
    return f"wanted:{topic}"


Poll = Callable[[], Awaitable[Mapping[str, int]]]


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Feed:
    """The newest position of each topic. A lost hint costs one turn of the timer, never an event.

    broadcaster queues without bound, loses what it cannot deliver and never reconnects. So there is one channel,
    subscribed once; a message holds topics with a position each, of which the greatest is kept; a heartbeat to
    ourselves tells when the connection is dead, and a fresh one is made.

    With a URL of Redis, those hear each other who name the same channel there; that of a log is its own, as positions
    of another one mean nothing.
    """

    def __init__(
        self,
        redis_url: str = "",
        *,
        channel: str = _CHANNEL,
        poll: Poll | None = None,
        interval: float = 0.5,
        heartbeat: float = 5.0,
        monotonic: Callable[[], float] = clock.monotonic,
        now: Clock = clock.now,
    ) -> None:
        self._redis_url = redis_url
        self._channel = channel
        self.poll = poll
        "Asked for the positions every `interval` while somebody waits."
        self._interval = interval
        self._heartbeat = heartbeat
        self._monotonic = monotonic
        self._now = now
        self._latest: dict[str, int] = {}
        self._waiting: dict[str, dict[asyncio.Future[None], int]] = {}
        "Who waits for a topic to be past which position."
        self._outgoing: dict[str, int] = {}
        self._has_outgoing = asyncio.Event()
        self._beat_topic = f"{_BEAT}{ids.new()}"
        self._beats, self._beaten_at = 0, 0.0
        self._has_missed = asyncio.Event()
        self._hub: Broadcast | None = None
        self._session: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.hints = metrics.Spread(metrics.HINT_SECONDS)
        "How long each took to be sent."
        self._oldest_at = 0.0
        "When the oldest of those came that are to be sent."
        self.failures = 0
        "Hints that could not be sent, polls that failed and connections that were lost."
        self.standing = hints.Standing(hints.shown(redis_url))
        "Of the channel to other processes: what health tells of it."

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
        if not self._outgoing:
            self._oldest_at = self._monotonic()
        self._outgoing[topic] = max(position, self._outgoing.get(topic, 0))
        self._has_outgoing.set()

    def latest(self, topic: str) -> int:
        return self._latest.get(topic, 0)

    async def beyond(self, topic: str, position: int, timeout: float | None = None) -> int:  # noqa: ASYNC109  # returns
        """Wait until the topic is past `position`, at most `timeout` seconds; the newest position either way."""
        await self.any_beyond({topic: position}, timeout)
        return self.latest(topic)

    async def reached(self, topic: str, position: int, timeout: float | None = None) -> bool:  # noqa: ASYNC109  # returns
        """Wait until the topic is at `position` or past it; False when it is not within `timeout` seconds."""
        if self.latest(topic) < position:
            self.note(wanted(topic), position)
            if self._redis_url:  # whoever is waited for may be in another process
                await self.publish(wanted(topic), position)
        return await self.beyond(topic, position - 1, timeout) >= position

    async def any_beyond(self, positions: Mapping[str, int], timeout: float | None) -> None:  # noqa: ASYNC109  # returns
        """Wait until one of the topics is past its position, at most `timeout` seconds."""
        if any(self.latest(topic) > position for topic, position in positions.items()):
            return
        # A future for each who waits, and a timer beside it: between a commit and the frame that shows it somebody is
        # woken three times, and tasks and shields around what is waited for took longer than the waking.
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        timer = None if timeout is None else loop.call_later(timeout, _wake, future)
        for topic, position in positions.items():
            self._waiting.setdefault(topic, {})[future] = position
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()
            for topic in positions:
                waiting = self._waiting[topic]
                del waiting[future]
                if not waiting:
                    del self._waiting[topic]

    def note(self, topic: str, position: int) -> None:
        """Take in that a topic reached a position."""
        if position > self.latest(topic):
            self._latest[topic] = position
            for future, last in self._waiting.get(topic, _NOBODY).items():
                if last < position:
                    _wake(future)

    def set_back(self, topic: str, position: int) -> None:
        """Take in that a topic has reached no more: it is started over, or its database lost what it did last."""
        self._latest[topic] = min(position, self.latest(topic))

    # ------------------------------------------------------------ sending, receiving, keeping alive

    async def _send(self) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing.clear()
            outgoing, self._outgoing = self._outgoing, {}
            since = self._oldest_at
            try:
                if self._hub is None:
                    raise ConnectionError("There is no connection to the broadcast backend.")
                async with asyncio.timeout(_DEADLINE):
                    await self._hub.publish(self._channel, hints.joined(outgoing))
                self.hints.add(self._monotonic() - since)
            except Exception:  # a hint is only a hint: this process still learns of it here, others by their timer
                self.failures += 1
                for topic, position in outgoing.items():
                    self.note(topic, position)
            await asyncio.sleep(_PACE_OF_REDIS if self._redis_url else _PACE)

    def _backend(self) -> BroadcastBackend | None:
        """What carries hints to other processes; None where there are none."""
        if not self._redis_url:
            return None
        from engine.channel import Channel  # its client is installed where it is wanted only

        return Channel(self._redis_url, self.standing, now=self._now)

    async def _connect(self) -> None:
        backend = self._backend()
        hub, ready = Broadcast(backend=backend) if backend else Broadcast("memory://"), asyncio.Event()
        self._session = asyncio.create_task(self._receive(hub, backend, ready), name="feed receiver")
        waiting = asyncio.create_task(ready.wait(), name="feed start")
        try:
            await asyncio.wait((self._session, waiting), timeout=_DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if ready.is_set():
            self._hub = hub
            if backend is None:
                self.standing.connected(self._now())

    async def _disconnect(self) -> None:
        session, self._session, self._hub = self._session, None, None
        if session is not None:
            session.cancel()
            await asyncio.wait((session,), timeout=_DEADLINE)

    async def _receive(self, hub: Broadcast, backend: BroadcastBackend | None, ready: asyncio.Event) -> None:
        try:
            await hub.connect()
            try:
                async with hub.subscribe(self._channel) as subscriber:
                    ready.set()
                    while True:
                        self._hear((await subscriber.get()).message)
            finally:
                try:
                    await hub.disconnect()
                finally:
                    if backend is not None:  # which broadcaster forgets when its listener died
                        await backend.disconnect()
        except Exception as error:  # the keeper sees that this task ended, and connects again
            self.failures += 1
            self.standing.lost(self._now(), str(error))
            _log.warning("broadcast channel lost", reason=f"{type(error).__name__}: {error}")

    def _hear(self, message: str) -> None:
        for topic, position in hints.parsed(message):
            if topic == self._beat_topic or not topic.startswith(_BEAT):
                self.note(topic, position)
        if message.startswith(hints.WAKE):
            self.note(self._beat_topic, self._beats)  # those that went astray prove nothing against this connection
            self._has_missed.set()

    async def _keep(self) -> None:
        """Poll while somebody waits, and replace a connection on which our own heartbeat does not come back."""
        self._beaten_at = self._monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._has_missed.wait()
            has_missed = self._has_missed.is_set()
            self._has_missed.clear()
            try:
                await self._look_after()
            except Exception:  # the timer must outlive whatever happens to a connection
                self.failures += 1
                _log.exception("broadcast channel not looked after")
            if self._waiting or has_missed:
                await self._ask()

    async def _look_after(self) -> None:
        is_due = self._monotonic() - self._beaten_at >= self._heartbeat
        if not is_due and not self._is_broken():
            return
        if self._is_broken() or self._is_deaf():
            await self._reconnect()
        self._beats, self._beaten_at = self._beats + 1, self._monotonic()
        await self.publish(self._beat_topic, self._beats)

    @property
    def is_connected(self) -> bool:
        """Whether hints reach others, and theirs this process."""
        return self._hub is not None and not self._is_broken()

    def _is_broken(self) -> bool:
        listener = getattr(self._hub, "_listener_task", None)  # broadcaster tells nobody when its listener dies
        return self._session is None or self._session.done() or listener is None or listener.done()

    def _is_deaf(self) -> bool:
        """Whether it does not hear itself; not so while it is known to be connecting again."""
        return self.standing.is_connected and self.latest(self._beat_topic) < self._beats

    async def _reconnect(self) -> None:
        self.failures += 1
        await self._disconnect()
        await self._connect()
        await self._ask()  # what the dead connection swallowed; wakes everybody whom it concerns

    async def _ask(self) -> None:
        if self.poll is None:
            return
        before = self._latest.copy()
        try:
            async with asyncio.timeout(_DEADLINE):
                positions = await self.poll()
        except Exception:  # the next turn of the timer asks again
            self.failures += 1
            return
        for topic, position in positions.items():
            if topic != LOG and position < before.get(topic, 0) == self.latest(topic):  # as of before it was asked
                self.set_back(topic, position)
            self.note(topic, position)
