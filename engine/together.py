"""Reads that many ask for at one time, done once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Whoever asks for the same before its reading has begun shares it; whoever asks later gets one that begins later.

    So nobody is shown less than what was there when it asked, and one reading of a kind is under way at a time.
    """

    def __init__(self) -> None:
        self._coming: dict[Hashable, asyncio.Task[Any]] = {}
        "Readings that have not begun."
        self._begun: dict[Hashable, asyncio.Task[Any]] = {}

    async def read(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, or that of somebody else under the same key. Raises what it raises."""
        task: asyncio.Task[T] | None = self._coming.get(key)
        if task is None:
            task = asyncio.create_task(self._run(key, work, self._begun.get(key)), name="shared read")
            self._coming[key] = task
        return await asyncio.shield(task)  # none of them may end it for the others

    async def close(self) -> None:
        """End what is under way."""
        tasks = {*self._coming.values(), *self._begun.values()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, key: Hashable, work: Callable[[], Awaitable[T]], before: asyncio.Task[Any] | None) -> T:
        try:
            if before is not None:
                await asyncio.wait((before,))
        finally:
            self._begun[key] = self._coming.pop(key)
        try:
            return await work()
        finally:
            del self._begun[key]
