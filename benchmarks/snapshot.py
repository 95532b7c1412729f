"""The load of one long stream, with and without its snapshot."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import engines, machine
from benchmarks.engines import Engine
from benchmarks.report import Row, ratio
from domain.medicine import MEDICINE
from domain.stock import ReceiveStock
from engine import clock
from engine.refusals import VersionConflict
from engine.shapes import Aggregate

PLAIN = replace(MEDICINE, snapshot_every=10**9)
"The same rules, which never look for a snapshot."
ID = "benchmark"


def measure(*, rounds: int = 25, events: int = 10_000) -> tuple[Row, ...]:
    machine.pin(machine.SERVED)
    return (machine.run(_measure(rounds, events)),)


async def _measure(rounds: int, events: int) -> Row:
    behind = MEDICINE.snapshot_every // 2  # what has to be folded on top of a snapshot on average
    total = events // MEDICINE.snapshot_every * MEDICINE.snapshot_every + behind
    with TemporaryDirectory() as directory:
        async with engines.engine(Path(directory)) as engine:
            async with engine.dispatching() as dispatcher:
                await engines.send(dispatcher, [engines.registered(ID)])
                await engines.send(dispatcher, [ReceiveStock(medicine_id=ID, quantity=1)] * (total - 1))
            with_one, without = [], []
            for _ in range(rounds):
                with_one.append(await _load(engine, [MEDICINE], total))
                without.append(await _load(engine, [PLAIN], total))
    reached = ratio(without, with_one)
    return Row(
        f"load of one stream of {events:,} events",
        f"{median(with_one) * 1e3:.2f} ms with a snapshot, {behind} events behind",
        f"{median(without) * 1e3:.1f} ms without one",
        f"{reached:.0f} x",
        ">= 20 x",
        reached >= 20,
        ("both include the way through the dispatcher, to its thread and back.",),
    )


async def _load(engine: Engine, aggregates: Sequence[Aggregate[Any]], version: int) -> float:
    """How long a command takes that has to load the stream first, and is then refused, so that nothing is stored."""
    async with engine.dispatching(aggregates) as dispatcher:
        start = clock.monotonic()
        outcome = await dispatcher.send(ReceiveStock(medicine_id=ID, quantity=1), expected_version=version + 1)
        passed = clock.monotonic() - start
    if not isinstance(outcome, VersionConflict):
        raise RuntimeError(f"Not the stream that was stored: {outcome!r}")
    return passed
