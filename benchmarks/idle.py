"""What a server uses that nobody uses."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import machine
from benchmarks.report import Row
from engine import clock


def measure(*, seconds: float = 20.0) -> tuple[Row, ...]:
    return (machine.run(_measure(seconds)),)


async def _measure(seconds: float) -> Row:
    with TemporaryDirectory() as directory:
        async with machine.dispensary(Path(directory)) as server:
            await asyncio.sleep(min(seconds, 2.0))
            used, start = machine.processor_seconds(server.pid), clock.monotonic()
            await asyncio.sleep(seconds)
            share = (machine.processor_seconds(server.pid) - used) / (clock.monotonic() - start)
            memory = machine.memory(server.pid)
    return Row(
        "idle server",
        f"{share:.2%} of a core, {memory:.0f} MiB",
        "-",
        "",
        "<= 1 % of a core, <= 120 MB",
        share <= 0.01 and memory * 2**20 <= 120e6,
    )
