"""What a process has set aside: an event or a deadline that it could not act upon, or one that waits behind it."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Asks(StrEnum):
    """What is to be done about something that was set aside."""

    REACTION = "reaction"
    FOLD = "fold"
    "Nothing follows from it: it is of the past."
    WAKE = "wake"
    "A deadline that has come; its position is that of the last event before it."


class Parked(msgspec.Struct, frozen=True):
    """Something that a process has set aside.

    The first of a key is tried again at `retry_at`, or has been given up when there is none; the others wait behind it.
    """

    process: str
    position: int
    key: str
    parked_at: datetime
    asks: Asks = Asks.REACTION
    attempts: int = 0
    retry_at: datetime | None = None
    error: str | None = None
    is_discarded: bool = False
    "Its state is brought up to date, and nothing else."

    @property
    def is_dead(self) -> bool:
        return self.attempts > 0 and self.retry_at is None

    def is_due(self, now: datetime, far: datetime) -> bool:
        """Whether it is to be tried again now. Nothing is put off to `far`, unless the clock was ahead."""
        return self.retry_at is not None and not now < self.retry_at <= far
