"""Counts that are collected in memory and sent as commands in batches, so that what is counted costs no write."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from engine.faults import Unavailable
from engine.shapes import Command

logger = structlog.get_logger(__name__)

MakeCommand = Callable[[str, int], Command]
"From a key and how many times."


class Tally:
    """Sends what was counted every `interval` seconds, and at the end. A crash loses the counts of one interval."""

    def __init__(
        self, send: Callable[[Command], Awaitable[object]], *, interval: float = 1.0, most_keys: int = 10_000
    ) -> None:
        self._send = send
        self._interval = interval
        self._most_keys = most_keys
        self._counts: Counter[tuple[MakeCommand, str]] = Counter()
        self._begun = asyncio.Event()
        self._full = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="tally")

    async def stop(self) -> None:
        """Send what is left, end. What is being sent already is waited for: cut short, it would be lost."""
        self._is_stopping = True
        self._begun.set()
        self._full.set()
        if self._task:
            await self._task
        await self.flush()

    def add(self, command: MakeCommand, key: str) -> None:
        """Count one. With `most_keys` keys waiting the next one is sent for at once, so memory stays bounded."""
        self._counts[command, key] += 1
        self._begun.set()
        if len(self._counts) >= self._most_keys:
            self._full.set()

    async def flush(self) -> None:
        """Send all that was counted; what cannot be stored at the moment is counted again the next time."""
        counts, self._counts = self._counts, Counter()
        sent = await asyncio.gather(*(self._one(*each) for each in counts.items()), return_exceptions=True)
        for (place, times), outcome in zip(counts.items(), sent, strict=True):
            if isinstance(outcome, Unavailable) and len(self._counts) < self._most_keys:
                self._counts[place] += times
                self._begun.set()
            if isinstance(outcome, Exception):
                logger.warning("count not stored", key=place[1], reason=str(outcome))

    async def _one(self, place: tuple[MakeCommand, str], times: int) -> None:
        command, key = place
        await self._send(command(key, times))

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._begun.wait()
            self._begun.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._full.wait()
            self._full.clear()
            await self.flush()
