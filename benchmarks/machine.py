"""Processes on this machine: which core they run on, what they use, how they are started and ended."""

import asyncio
import gc
import os
import re
import resource
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import staff

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
SERVED, LOADING = 0, 1
"The core of what is measured, and of whoever loads it."
_TICKS = os.sysconf("SC_CLK_TCK")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


def pin(core: int | None) -> None:
    """Keep this thread, and whatever it starts from now on, on one of the cores that are ours; None lets it go."""
    allowed = sorted(_ALLOWED)
    os.sched_setaffinity(0, allowed if core is None else {allowed[core % len(allowed)]})


_ALLOWED = os.sched_getaffinity(0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the event loop that the server uses."""
    import uvloop

    gc.collect()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def more_files() -> None:
    """Let this process, and whatever it starts from now on, have as many sockets as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def processor_seconds(pid: int) -> float:
    """What a process used of any core so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_seconds() -> float:
    """What all cores together were not idle so far, in seconds of one."""
    user, nice, system, _, _, *more = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(more)) / _TICKS


def own_processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(pid: int | str = "self", field: str = "VmRSS") -> float:
    """Resident memory of a process in MiB; with `VmHWM` the most it had."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(field)) / 1024


def forget_peak() -> None:
    """Let `VmHWM` of this process start again from what it has now."""
    Path("/proc/self/clear_refs").write_text("5")


class Server:
    """A server that was started for a measurement."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.pid = process.pid
        self.port = port
        self.token = ""
        "Of one of staff, where there is sign-in."


@asynccontextmanager
async def server(
    *arguments: str, directory: Path, core: int | None = SERVED, **environment: str
) -> AsyncIterator[Server]:
    """A Python program on the core of what is measured, or on any, once it says where it listens; ended with the block.

    On any core is then whoever loads it as well.
    """
    more_files()
    pin(core)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    pin(None if core is None else LOADING)
    try:
        async with asyncio.timeout(30):
            port = await _port(process)
        yield Server(process, port)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if found := _ADDRESS.search(line.decode()):
            return int(found[1])
    raise RuntimeError("The server ended before it listened; what it said is above.")


@asynccontextmanager
async def dispensary(directory: Path, **environment: Any) -> AsyncIterator[Server]:
    """Our server as `server.py serve` runs it, on files of its own unless the environment names other places."""
    token = await staff.token(directory / "data", **{name.lower(): value for name, value in environment.items()})
    arguments = str(ROOT / "server.py"), "serve"
    async with server(*arguments, directory=directory, PORT="0", LOG_LEVEL="warning", **environment) as made:
        made.token = token
        yield made


def yardstick(name: str, *paths: Path, directory: Path) -> AbstractAsyncContextManager[Server]:
    """One of those that ours is held against: see yardstick.py."""
    return server("-m", "benchmarks.yardstick", name, *map(str, paths), directory=directory)
