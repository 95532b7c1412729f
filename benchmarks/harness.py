"""Rounds that take turns, medians, and the table they end in."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import uvloop


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    work: str
    ours: str
    against: str
    limit: str
    ratio: str
    reach: str
    is_met: bool


Benchmark = Callable[[float], Sequence[Figure]]
"From a scale, 1.0 for the sizes that the table states, to its rows."


def compared(
    work: str, against: str, ours: Sequence[float], limit: Sequence[float], reach: float, unit: str = "/s"
) -> Figure:
    """A figure from rounds taken in turns: medians, and the median of the ratios pair by pair."""
    ratio = median(mine / theirs for mine, theirs in zip(ours, limit, strict=True))
    return Figure(
        work,
        f"{median(ours):,.0f} {unit}",
        against,
        f"{median(limit):,.0f} {unit}",
        f"{ratio:.2f}",
        f"≥ {reach:.2f}",
        ratio >= reach,
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


async def seconds(work: Awaitable[object]) -> float:
    begun = perf_counter()
    await work
    return perf_counter() - begun


def run(work: Awaitable[object]) -> None:
    """Run a benchmark on the event loop that the server uses."""

    async def wait() -> None:
        await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(wait())


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process on one core, where there is more than one and the system lets us choose."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) <= core:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def resident(pid: int | str = "self") -> float:
    """Memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return 0.0


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
