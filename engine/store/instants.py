"""Instants as they are stored: microseconds since 1970, in UTC."""

from datetime import datetime, timedelta
from functools import lru_cache

from engine.shapes import EPOCH

_MICROSECOND = timedelta(microseconds=1)


# Events that were committed together share their instant, and so do the rows they made.
@lru_cache(maxsize=4096)
def instant(stored: int) -> datetime:
    """The instant that `microseconds` stored."""
    return EPOCH + _MICROSECOND * stored


@lru_cache(maxsize=4096)
def microseconds(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND
