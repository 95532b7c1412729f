"""One key of a process as its events are taken, in order, up to the first that fails."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

import msgspec
import structlog

from engine import clock, logs, metrics, tracing
from engine.codec import layout
from engine.parked import Asks, Parked
from engine.shapes import Process, Recorded, State
from engine.store.log import Log
from engine.store.reactions import Instance, Reactions
from engine.store.session import FAULTS, Session
from engine.wishes import Cause, Wishes

S = TypeVar("S", bound=State)

logger = structlog.get_logger(__name__)

LONGEST_ERROR = 1000
"Characters that are kept of why something failed."


@dataclass(frozen=True)
class Manner:
    """How a process deals with its events, in numbers."""

    batch_size: int = 256
    lanes: int = 32
    "Keys that are worked on side by side."
    patience: float = 0.25
    "Seconds that a batch waits for its slowest key; the key then goes on by itself, and the log with the next batch."
    timeout: float = 45.0
    "Seconds that an effect may take: longer than any port waits, which can say for what it waited."
    attempts: int = 20
    "After which an event is given up; the delays between them double, from `first_delay` to `last_delay` seconds."
    first_delay: float = 1.0
    last_delay: float = 300.0


class Turn(NamedTuple):
    """What is to be done next for a key: as it would be set aside, and the event if it was read already."""

    parked: Parked
    recorded: Recorded | None = None


class Outcome(NamedTuple):
    """What is to be stored of a lane."""

    key: str
    instance: Instance | None
    "None when nothing changed."
    done: Sequence[int]
    "Positions that are no longer to be set aside."
    failed: Parked | None
    is_new: bool
    "Whether nothing of this is set aside yet."
    behind: Sequence[Parked]


@dataclass
class Lane:
    """The turns of one key, and how far it has come."""

    key: str
    turns: Sequence[Turn]
    instance: Instance | None
    behind: Sequence[Parked] = ()
    "What comes after the turns, but not yet."
    is_new: bool = True
    is_begun: bool = False
    done: int = 0
    failed: Parked | None = None
    _stored: int = field(default=0, init=False)

    def outcome(self) -> Outcome:
        """What has come about since the last time; what is left is set aside the first time."""
        finished = [turn.parked for turn in self.turns[self._stored : self.done]]
        left = [turn.parked for turn in self.turns[self.done + (self.failed is not None) :]]
        instance = self.instance if finished else None
        is_new, self.is_new, self._stored = self.is_new, False, self.done
        if is_new:
            return Outcome(self.key, instance, (), self.failed, True, [*left, *self.behind])
        return Outcome(self.key, instance, [each.position for each in finished], self.failed, False, ())


class Lanes(Generic[S]):
    """The rules of one process, applied to the lanes it is given."""

    def __init__(
        self,
        process: Process[S],
        log: Log,
        wishes: Wishes,
        *,
        now: clock.Clock,
        random: Callable[[], float],
        manner: Manner,
    ) -> None:
        self._process = process
        self._log = log
        self._wishes = wishes
        self._now = now
        self._random = random
        self._manner = manner
        state = type(process.initial)
        self.layout = f"{process.version} {layout(state)}"
        self._decode = msgspec.json.Decoder(state).decode
        self._encode = msgspec.json.Encoder(order="deterministic").encode
        self._initial = self._encode(process.initial)
        self.counted = metrics.Consuming(metrics.REACTION_SECONDS)
        self._slots = asyncio.Semaphore(manner.lanes)
        self.silent_before: datetime | None = None

    def keep(self, connection: Session, rows: Reactions, outcome: Outcome, now: datetime) -> None:
        """Store what a lane came to, in the caller's transaction."""
        if (instance := outcome.instance) is not None:
            if instance.state == self._initial and instance.due_at is None:
                rows.forget(connection, outcome.key)
            else:
                rows.keep(connection, instance)
        if outcome.failed is not None:
            set_aside = rows.park if outcome.is_new else rows.fail
            set_aside(connection, outcome.failed)
        if outcome.done:
            rows.release(connection, outcome.key, outcome.done, now)
        rows.park_behind(connection, outcome.behind)

    async def run(self, lane: Lane) -> None:
        """Take turns up to the first that fails. Raises only what is the log's fault; then nothing is to be stored."""
        async with self._slots:
            lane.is_begun = True
            for turn in lane.turns:
                began = clock.monotonic()
                try:
                    instance = await self._take(turn, lane.instance)
                except FAULTS:
                    raise
                except Exception as error:  # other keys go on; this one waits for another attempt, which is stored
                    self.counted.errors[_kind(turn)] += 1
                    if not turn.parked.is_discarded:
                        lane.failed = self._failed(turn.parked, error)
                        return
                else:
                    lane.instance = instance
                finally:
                    self.counted.seconds.add(clock.monotonic() - began)
                lane.done += 1

    async def _take(self, turn: Turn, instance: Instance | None) -> Instance | None:
        parked = turn.parked
        if parked.asks is Asks.WAKE:
            return await self._wake(parked, instance)
        recorded = turn.recorded or (await self._log.read(parked.position - 1, 1))[0]
        process, event = self._process, recorded.event
        logs.bind(recorded.command_id, recorded.correlation_id)
        before = process.initial if instance is None else self._decode(instance.state)
        state = process.evolve(before, event)
        due_at = self._due(before, state, instance, parked.asks is Asks.FOLD)
        taken = Instance(parked.key, parked.position, recorded.correlation_id, self._encode(state), due_at)
        if parked.asks is Asks.REACTION and not parked.is_discarded:
            of = str(parked.position)
            wishes = process.react(state, event)
            with tracing.span(f"react {process.name}", recorded.trace, event=type(event).__name__) as trace:
                cause = Cause(process.name, of, recorded.correlation_id, parked.position, trace)
                await self._wishes.fulfil(wishes, cause)
        return taken

    def _due(self, before: S, state: S, instance: Instance | None, is_past: bool) -> datetime | None:
        """A deadline that an event leaves as it was comes once."""
        if (due := self._process.due) is None:
            return None
        at = due(state)
        if instance is not None and at == due(before):
            return instance.due_at
        has_come = is_past and at is not None and self.silent_before is not None and at < self.silent_before
        return None if has_come else at

    async def _wake(self, parked: Parked, instance: Instance | None) -> Instance | None:
        wake = self._process.wake
        if wake is None or instance is None or instance.due_at is None:
            return instance
        if not parked.is_discarded:
            # Known by its time, so that it is the same also when the states were folded anew.
            of = f"{parked.key} due {instance.due_at.isoformat()}"
            cause = Cause(self._process.name, of, instance.correlation_id, instance.position)
            await self._wishes.fulfil(wake(self._decode(instance.state)), cause)
        return msgspec.structs.replace(instance, due_at=None)

    def _failed(self, parked: Parked, error: Exception) -> Parked:
        attempts = parked.attempts + 1
        # Half of a surrogate pair has no place in the database.
        reason = f"{type(error).__name__}: {error}"[:LONGEST_ERROR].encode(errors="backslashreplace").decode()
        is_dead = attempts >= self._manner.attempts
        log = logger.error if is_dead else logger.warning
        log("reaction failed", process=self._process.name, position=parked.position, attempts=attempts, reason=reason)
        delay = min(self._manner.first_delay * 2.0 ** min(attempts - 1, 64), self._manner.last_delay)
        retry_at = None if is_dead else self._now() + timedelta(seconds=delay * (0.5 + self._random() / 2))
        return msgspec.structs.replace(parked, attempts=attempts, retry_at=retry_at, error=reason)


def _kind(turn: Turn) -> str:
    """What is being taken, for whoever counts what fails."""
    if turn.parked.asks is Asks.WAKE:
        return "deadline"
    return type(turn.recorded.event).__name__ if turn.recorded else "unknown"


async def cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
