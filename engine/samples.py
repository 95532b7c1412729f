"""Something that is looked at again and again, once for all who follow it, and only while somebody does."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from engine import clock

T = TypeVar("T")


class Samples(Generic[T]):
    """What `look` finds, for any number of followers."""

    def __init__(self, look: Callable[[], Awaitable[T]]) -> None:
        self._look = look
        self._looking = asyncio.Lock()
        self._found: T | None = None
        self._looked_at = -math.inf

    async def follow(self, interval: float, beat: float = math.inf) -> AsyncGenerator[T, None]:
        """What is found now, then whenever that changes, at most once an interval; every `beat` seconds in any case."""
        told: list[T] = []
        told_at = -math.inf
        while True:
            found = await self._within(interval)
            if [found] != told or clock.monotonic() - told_at >= beat:
                yield found
                told, told_at = [found], clock.monotonic()
            await asyncio.sleep(interval)

    async def _within(self, interval: float) -> T:
        """What was found at most an interval ago."""
        async with self._looking:
            if self._found is None or clock.monotonic() - self._looked_at >= interval:
                self._found = await self._look()
                self._looked_at = clock.monotonic()
            return self._found
