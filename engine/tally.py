"""Counts that are collected in memory and sent as commands in batches, so that what is counted costs no write."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

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
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="tally")

    async def stop(self) -> None:
        """Send what is left, end."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def add(self, command: MakeCommand, key: str) -> None:
        """Count one. With `most_keys` keys waiting the next one is sent for at once, so memory stays bounded."""
        self._counts[command, key] += 1
        self._begun.set()
        if len(self._counts) >= self._most_keys:
            self._full.set()

    async def flush(self) -> None:
        """Send all that was counted; what cannot be sent is counted again the next time."""
        counts, self._counts = self._counts, Counter()
        sent = await asyncio.gather(
            *(self._send(command(key, times)) for (command, key), times in counts.items()), return_exceptions=True
        )
        for (place, times), outcome in zip(counts.items(), sent, strict=True):
            if isinstance(outcome, Exception) and len(self._counts) < self._most_keys:
                self._counts[place] += times
                logger.warning("count not stored yet", key=place[1], reason=str(outcome))

    async def _run(self) -> None:
        while True:
            await self._begun.wait()
            self._begun.clear()
            try:
                async with asyncio.timeout(self._interval):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            await self.flush()
