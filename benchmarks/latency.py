"""From a command to the frames that show it, at a rate far below what the server can do."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import audience, machine
from benchmarks.audience import Delivered
from benchmarks.fan_out import SHARED
from benchmarks.report import Row, percentile

SENDERS = 16


def measure(*, seconds: float = 15.0, rate: int = 100, subscribers: int = 100) -> tuple[Row, ...]:
    return (machine.run(_measure(seconds, rate, subscribers)),)


async def _measure(seconds: float, rate: int, subscribers: int) -> Row:
    delivered = await _delivered(int(seconds * rate), rate, subscribers)
    half, most = (percentile(delivered.delays, share) * 1e3 for share in (0.5, 0.99))
    return Row(
        f"command to the frame, at {rate} commands/s with {subscribers} subscribers",
        f"p50 {half:.1f} ms, p99 {most:.1f} ms",
        "-",
        "",
        "p50 <= 3 ms, p99 <= 15 ms",
        half <= 3 and most <= 15,
        (
            f"timed from before the request is sent, at every subscriber; slowest of {len(delivered.delays):,}: "
            f"{max(delivered.delays) * 1e3:.1f} ms.",
            f"the load generator used {delivered.share:.0%} of its core.",
        ),
    )


async def _delivered(count: int, rate: int, subscribers: int) -> Delivered:
    with TemporaryDirectory() as directory:
        async with (
            machine.dispensary(Path(directory)) as server,
            audience.gathered(server, [SHARED] * subscribers, senders=SENDERS) as made,
        ):
            await made.send([f"shared-first-{number:04}" for number in range(rate)], rate)  # warms up
            return await made.send([f"shared-{number:08}" for number in range(count)], rate)
