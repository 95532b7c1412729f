"""How a projection stands, as its operators see it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
