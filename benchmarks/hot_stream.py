"""Many commands on one stream, beside as many on streams of their own."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import engines, machine
from benchmarks.report import Row, per_second, ratio
from domain.stock import ReceiveStock


def measure(*, rounds: int = 9, commands: int = 5000) -> tuple[Row, ...]:
    machine.pin(machine.SERVED)
    hot, spread = [], []
    for _ in range(rounds):
        one, many = machine.run(_measure(commands))
        hot.append(one)
        spread.append(many)
    reached = ratio(hot, spread)
    return (
        Row(
            f"one hot stream: {commands:,} commands on one medicine, 64 at once",
            per_second(hot, "commands"),
            f"{per_second(spread, 'commands')}: the same on {commands:,} streams",
            f"{reached:.2f}",
            ">= 0.80",
            reached >= 0.80,
        ),
    )


async def _measure(commands: int) -> tuple[float, float]:
    streams = [f"benchmark-{number:05}" for number in range(commands)]
    with TemporaryDirectory() as directory:
        async with engines.engine(Path(directory)) as engine, engine.dispatching() as dispatcher:
            await engines.send(dispatcher, [engines.registered(each) for each in streams])
            spread = await engines.send(dispatcher, [ReceiveStock(medicine_id=each, quantity=1) for each in streams])
            hot = await engines.send(dispatcher, [ReceiveStock(medicine_id=streams[0], quantity=1)] * commands)
    return hot, spread
