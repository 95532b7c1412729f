"""The only reader of time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)


monotonic = time.monotonic
"Seconds that never go back, for waits and rates."
