"""A thread of one's own, for work that waits on the network."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Thread:
    """Does one thing after the other. What was handed over is done to its end, even if nobody waits for it."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # A daemon: an interpreter that fails half-way must still be able to exit.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put((loop, done, job))
        return await done

    def end(self, last: Callable[[], None]) -> None:
        """End once all that was handed over is done, and this."""
        self._last = last
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            loop, done, work = job
            found: Any = None
            fault: BaseException | None = None
            try:
                found = work()
            except BaseException as error:
                fault = error
            with suppress(RuntimeError):  # the loop is closed: there is nobody left to tell
                loop.call_soon_threadsafe(_tell, done, found, fault)
            del job, done, work, found, fault
        self._last()


def _tell(done: "asyncio.Future[Any]", found: Any, fault: BaseException | None) -> None:
    if done.done():
        return
    if fault is None:
        done.set_result(found)
    else:
        done.set_exception(fault)
