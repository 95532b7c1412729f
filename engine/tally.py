"""Counts that are collected in memory and sent as commands in batches, so that what is counted costs no write."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import structlog

from engine import ids
from engine.faults import Unavailable
from engine.shapes import Command

logger = structlog.get_logger(__name__)

ACTOR = "server/tally"
"Who acts. No user can be called so: an id holds no slash."

MakeCommand = Callable[[str, int], Command]
"From a key and how many times."


_Count = tuple[MakeCommand, str, int]


class Send(Protocol):
    """How commands are sent: `Dispatcher.send`."""

    def __call__(self, command: Command, *, command_id: str | None, actor_id: str | None) -> Awaitable[object]: ...


class Tally:
    """Sends what was counted every `interval` seconds, and at the end. A crash loses the counts of one interval.

    A command that may or may not have been stored is sent again under its id, so that nothing is counted twice.
    """

    def __init__(self, send: Send, *, interval: float = 1.0, most_keys: int = 10_000) -> None:
        self._send = send
        self._interval = interval
        self._most_keys = most_keys
        self._counts: Counter[tuple[MakeCommand, str]] = Counter()
        self._unsure: dict[str, _Count] = {}
        "By id, those that were sent and not confirmed."
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
        """Send all that was counted; what cannot be stored at the moment is sent again the next time."""
        counts, self._counts = self._counts, Counter()
        waiting, self._unsure = self._unsure, {}
        waiting |= {ids.new(): (*place, times) for place, times in counts.items()}
        reasons = [reason for reason in await asyncio.gather(*map(self._one, waiting.items())) if reason]
        if reasons:
            logger.warning("counts not stored", keys=len(reasons), reason=reasons[0], kept=len(self._unsure))

    async def _one(self, sent: tuple[str, _Count]) -> str | None:
        """Why a count was not stored; None when it was."""
        id, (command, key, times) = sent
        try:
            await self._send(command(key, times), command_id=id, actor_id=ACTOR)
        except Unavailable as reason:
            if len(self._unsure) < self._most_keys:
                self._unsure[id] = command, key, times
                self._begun.set()
            return str(reason)
        except Exception as fault:  # one count must not take the others with it; it would fail the next time as well
            return f"{type(fault).__name__}: {fault}"
        return None

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._begun.wait()
            self._begun.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._full.wait()
            self._full.clear()
            await self.flush()
