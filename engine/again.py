"""How long something that failed waits for its next attempt, and reads that outlast a store that is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.faults import GONE

T = TypeVar("T")
SOON = 1.0
"Seconds, at most, between two attempts while a store is gone, so that all goes on a moment after it is back."


def pause(failures: int, error: Exception, *, first: float, longest: float, random: Callable[[], float]) -> float:
    """Seconds until the next attempt: doubled with each failure in a row, half of it by chance, so that several do not
    try in step. That the store is gone says nothing of the work itself, so it does not have to wait for long."""
    most = min(longest, SOON) if isinstance(error, GONE) else longest
    return min(first * 2.0 ** min(failures - 1, 16), most) * (0.5 + random() / 2)


async def outlasting(read: Callable[[], Awaitable[T]]) -> T:
    """What a read gives, again and again while its store is gone: for who follows, and has until then what was."""
    while True:
        try:
            return await read()
        except GONE:
            await asyncio.sleep(SOON / 2)
