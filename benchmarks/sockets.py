"""What an idle subscribed socket costs a server in memory, beside a bare one that was only accepted."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import fleet, machine
from benchmarks.fan_out import SHARED
from benchmarks.fleet import Opening
from benchmarks.machine import Server
from benchmarks.report import Row, ratio
from engine import clock

FIRST = 100
"Sockets that are open already: what is loaded or made for the first of them is not what one costs."
STILL = 0.25
"By how many MiB memory may move that stands still."


def measure(*, rounds: int = 2, count: int = 2000, seconds: float = 1.0) -> tuple[Row, ...]:
    return (machine.run(_measure(rounds, count, seconds)),)


async def _measure(rounds: int, count: int, seconds: float) -> Row:
    ours, bare = [], []
    with TemporaryDirectory() as name:
        directory = Path(name)
        for number in range(rounds):
            own = directory / str(number)
            own.mkdir()
            ours.append(await _cost(machine.dispensary(own), SHARED, count, seconds))
            bare.append(await _cost(machine.yardstick("bare.sockets", directory=own), None, count, seconds))
    reached = ratio(ours, bare)
    return Row(
        f"memory for each of {count:,} idle subscribed sockets",
        f"{median(ours):.1f} KiB",
        f"{median(bare):.1f} KiB: bare Starlette, accepted and in its receive loop",
        f"{reached:.2f}",
        "<= 1.5",
        reached <= 1.5,
        ("the growth of the server's resident memory, once it stands still.",),
    )


async def _cost(
    starting: AbstractAsyncContextManager[Server], opening: Opening | None, count: int, seconds: float
) -> float:
    """In KiB."""
    async with starting as server, fleet.connected(server.port, [opening] * FIRST):
        before = await _resident(server, seconds)
        async with fleet.connected(server.port, [opening] * count):
            return (await _resident(server, seconds) - before) * 1024 / count


async def _resident(server: Server, seconds: float) -> float:
    """MiB, once a server's memory has stood still for a while."""
    since, found = clock.monotonic(), machine.memory(server.pid)
    deadline = since + 10 * seconds
    while since + seconds > clock.monotonic() < deadline:
        await asyncio.sleep(seconds / 10)
        if abs((now := machine.memory(server.pid)) - found) > STILL:
            since, found = clock.monotonic(), now
    return found
