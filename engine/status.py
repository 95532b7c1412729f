"""How a projection stands, as its operators see it."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

import msgspec

from engine.shapes import Recorded

LIVE_SECONDS = 1.0
"A consumer less behind than this counts as live: there is always an event on its way."
_RATE_WINDOW = 10.0


class State(StrEnum):
    LIVE = "LIVE"
    CATCHING_UP = "CATCHING_UP"
    STALLED = "STALLED"
    REBUILDING = "REBUILDING"
    PAUSED = "PAUSED"


@dataclass(frozen=True)
class Status:
    """A projection as its operators see it. The head is what the log says or said last, not what this saw."""

    name: str
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    "The age of the oldest event not yet projected."
    state: State
    events_per_second: float
    last_error: str | None
    dead_letters: int = 0
    "Events set aside, with those that wait behind them."
    is_waiting: bool = False
    "Stalled only because a store is gone: nothing of its own is wrong, and it goes on when that is back."
    rebuild_position: int | None = None
    "How far it is folded anew, while it is."
    as_of: datetime = field(kw_only=True, compare=False)
    "When all this was so. It alone makes a status no other."


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the owner of a consumer says of it to other processes, beside how far it is."""

    position: int = 0
    rate: float = 0.0
    state: State = State.LIVE
    "LIVE where only those who look on can tell whether it is behind."
    last_error: str | None = None
    rebuild_position: int | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """What was told; as if it were nothing, when it is not understood: other code may have written it."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return cls()


class Readable(Protocol):
    """The log, for whoever wants to know what is next."""

    async def read(self, after: int, limit: int) -> Sequence[Recorded]: ...


async def age(log: Readable, position: int, now: datetime, unknown: float = 0.0) -> float:
    """Seconds since the event after a position was recorded; 0 without one, and `unknown` when it cannot be read."""
    try:
        oldest = await log.read(position, 1)
    except Exception:  # an event that cannot be read has an age that cannot be read either; the error is shown
        return unknown
    return max((now - oldest[0].recorded_at).total_seconds(), 0.0) if oldest else 0.0


NOBODYS = "No process runs it at present."


def elsewhere(name: str, told: Told | None, position: int, head: int, seconds: float, now: datetime) -> Status:
    """A consumer that another process owns, as `told`; None when none does. `seconds`: the age of what is next."""
    state = State.LIVE if seconds < LIVE_SECONDS else State.CATCHING_UP
    if told is None:
        told = Told(state=state, last_error=NOBODYS)
    elif told.state is State.LIVE:
        told = msgspec.structs.replace(told, state=state)
    return Status(
        name, position, head, max(head - position, 0), seconds, told.state, told.rate, told.last_error,
        rebuild_position=told.rebuild_position, as_of=now,
    )  # fmt: skip


class Rate:
    """Events per second over the last ten seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.total = 0
        "Of all that was ever added."
        self._counts: deque[tuple[float, int]] = deque(maxlen=256)

    def add(self, count: int) -> None:
        self.total += count
        now = self._monotonic()
        if self._counts and now - self._counts[-1][0] < _RATE_WINDOW / 128:
            at, before = self._counts.pop()
            self._counts.append((at, before + count))
        else:
            self._counts.append((now, count))

    def value(self) -> float:
        since = self._monotonic() - _RATE_WINDOW
        return sum(count for at, count in self._counts if at >= since) / _RATE_WINDOW
