"""The relay: publishes every event of the log to a message broker, in order, at least once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from engine import clock
from engine.again import pause
from engine.broker import Broker, Message
from engine.cloudevents import CloudEvents
from engine.crew import Crew, looked_at
from engine.faults import LeaseLost, Unavailable
from engine.feed import LOG, Feed
from engine.lease import Leases, Seen
from engine.source import found_head
from engine.status import LIVE_SECONDS, Rate, State, Status, Told, age
from engine.store.log import Log
from engine.store.reactions import Reactions
from engine.store.session import FAULTS, Guard, Guarded, alone

logger = structlog.get_logger(__name__)

NAME = "relay"
"Under which its checkpoint is stored beside those of the processes."
MOST_MESSAGES = 64
"Under way at a time. More hold up whoever else the event loop serves: a client needs up to 0.15 ms for each."
MOST_BYTES = 1024 * 1024
"A batch ends with the message that exceeds this."
KEEPING = 0.2
"Seconds between two writes of the checkpoint: each takes a turn of the log's writer."
DEADLINE = 10.0
"Seconds the broker may take to answer; then it counts as gone."
PINGING = 5.0
"Seconds after which a silent broker is asked whether it is there."
AGAIN = 0.2
"Seconds before it is tried again, doubled each time up to `LONGEST`; see engine.again."
LONGEST = 5.0
FAREWELL = 2.0
"Seconds that a batch under way gets at the end; cut short, it goes out again at the next start."


class Relay:
    """Tails the log from a checkpoint of its own, which moves only past what the broker has confirmed."""

    def __init__(
        self,
        log: Log,
        broker: Broker,
        feed: Feed,
        events: CloudEvents,
        *,
        now: clock.Clock,
        random: Callable[[], float],
        conceal: Callable[[str], str] = str,
        poll_interval: float = 0.5,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.position = 0
        "The last event that the broker has confirmed."
        self.last_error: str | None = None
        self.lease = NAME
        self._crew: Crew | None = None
        self._log = log
        self._guarded = Guarded(log)
        self._broker = broker
        self._feed = feed
        self._events = events
        self._now = now
        self._random = random
        self._conceal = conceal
        self._poll_interval = poll_interval
        self._monotonic = monotonic
        self._rows = Reactions(NAME)
        self._rate = Rate(monotonic)
        self._kept, self._kept_at = 0, 0.0
        self._heard_at = 0.0
        self._is_connected = False
        self._is_stopping = False
        self._is_waiting = False
        self._task: asyncio.Task[None] | None = None

    async def start(self, leases: Leases | None = None) -> None:
        """Publish; with leases, whenever no other process does."""
        if leases is None:
            await self.begin()
        else:
            self._crew = Crew(NAME, leases, [self])
            await self._crew.start()

    async def begin(self, guard: Guard = alone) -> None:
        """Go on where it was; a log that was never relayed is relayed from its first event. The broker may be away."""
        self._guarded.guard, self._is_stopping, self.last_error = guard, False, None
        found = await self._log.reader(self._rows.consumer)
        if found is None:
            now = self._now()
            found = await self._guarded.write(lambda connection: self._rows.begin(connection, "", 0, now))
        self.position = self._kept = found.position
        self._task = asyncio.create_task(self._run(), name=NAME)

    @property
    def is_running(self) -> bool:
        """Whether this process is the one that publishes."""
        return self._task is not None

    async def close(self) -> None:
        """Stop, and let another process go on."""
        if self._crew is not None:
            await self._crew.stop()
        else:
            await self.stop()

    async def stop(self) -> None:
        """Finish the batch under way, as far as there is time."""
        self._is_stopping = True
        task, self._task = self._task, None
        if task is not None:
            if not self._is_waiting:
                await asyncio.wait((task,), timeout=FAREWELL)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with suppress(Unavailable, LeaseLost):  # it is only that the newest go out again
            await self._keep()
        await self._hang_up()

    def told(self) -> Told:
        state = State.STALLED if self.last_error else State.LIVE
        return Told(self.position, self._rate.value(), state, self.last_error)

    async def status(self, seen: Seen | None = None) -> Status:
        """How it stands, also when another process publishes: then by what is stored and its owner told."""
        found, now = await found_head(self._log), self._now()
        head, is_sure = found
        if not self.is_running:
            if is_sure:
                with suppress(*FAULTS):
                    self.position = await self._log.reader(self._rows.position)
            return await looked_at(NAME, self.position, seen, self._log, found, now)
        lag = max(head - self.position, 0)
        seconds = await age(self._log, self.position, now) if lag and is_sure else 0.0
        state = State.STALLED if self.last_error else State.CATCHING_UP if seconds > LIVE_SECONDS else State.LIVE
        return Status(NAME, self.position, head, lag, seconds, state, self._rate.value(), self.last_error, as_of=now)

    # ------------------------------------------------------------------ the loop

    async def _run(self) -> None:
        failures = 0
        while not self._is_stopping:
            try:
                await self._step()
            except Exception as error:  # what was not confirmed is still behind the position; it goes out again
                failures += 1
                self._failed(error)
                await self._wait(self._hang_up())
                seconds = pause(failures, error, first=AGAIN, longest=LONGEST, random=self._random)
                await self._wait(asyncio.sleep(seconds))
            else:
                if self.last_error is not None:
                    logger.info("relay goes on", position=self.position)
                failures, self.last_error = 0, None

    async def _step(self) -> None:
        newest = self._feed.latest(LOG)
        if not self._is_connected:
            async with asyncio.timeout(DEADLINE):
                await self._broker.connect()
            self._is_connected, self._heard_at = True, self._monotonic()
        if batch := await self._next():
            async with asyncio.timeout(DEADLINE):
                await self._broker.publish(batch)
            self._confirmed(self.position + len(batch), len(batch))
        is_due = self._monotonic() - self._kept_at >= KEEPING
        if is_due:
            await self._keep()
        if not batch:
            await self._ping()
            await self._wait(self._feed.beyond(LOG, max(self.position, newest), self._patience()))

    async def _next(self) -> Sequence[Message]:
        """The messages of the next events, as many as may be under way at a time."""
        messages: list[Message] = []
        size, position = 0, self.position
        for recorded in await self._log.read(self.position, MOST_MESSAGES):
            position += 1
            if recorded.position != position:
                raise RuntimeError(f"The log has no event {position}, but later ones.")
            message = self._events.message(recorded)
            messages.append(message)
            size += len(message.body)
            if size > MOST_BYTES:
                break
        return messages

    def _confirmed(self, position: int, count: int) -> None:
        if self.position == self._kept:
            self._kept_at = self._monotonic()  # the time to keep it runs from the first that is not kept
        self.position, self._heard_at = position, self._monotonic()
        self._rate.add(count)
        self._feed.note(NAME, position)

    async def _keep(self) -> None:
        """Store the checkpoint."""
        if (position := self.position) > self._kept:
            await self._guarded.write(partial(self._rows.move, position=position))
            self._kept, self._kept_at = position, self._monotonic()

    async def _ping(self) -> None:
        if self._monotonic() - self._heard_at >= PINGING:
            async with asyncio.timeout(DEADLINE):
                await self._broker.ping()
            self._heard_at = self._monotonic()

    def _patience(self) -> float:
        if self.position == self._kept:
            return self._poll_interval
        return min(self._poll_interval, max(self._kept_at + KEEPING - self._monotonic(), 0.0))

    # ------------------------------------------------------------------ failures and ends

    def _failed(self, error: Exception) -> None:
        message = self._conceal(f"{type(error).__name__}: {error}".rstrip(": "))
        if message != self.last_error:
            logger.error("relay stalled", position=self.position, reason=message)
        self.last_error = message

    async def _hang_up(self) -> None:
        self._is_connected = False
        try:
            async with asyncio.timeout(FAREWELL):
                await self._broker.close()
        except Exception as error:  # it was to be let go of in any case
            logger.debug("broker not closed", reason=self._conceal(f"{type(error).__name__}: {error}"))

    async def _wait(self, work: Awaitable[object]) -> None:
        """Wait for something to do; cut short at the end."""
        self._is_waiting = True
        try:
            await work
        finally:
            self._is_waiting = False
