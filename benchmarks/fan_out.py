"""Changes that everybody who follows one view must see, beside bare sockets that are sent the same frame."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import audience, machine, records
from benchmarks.fleet import Opening
from benchmarks.report import Row, per_second, ratio
from benchmarks.trial import Trial, cost

SHARED = Opening(records.SUBSCRIPTION, {"prefix": "shared-"})
SENDERS = 8


def thousand(*, rounds: int = 5, subscribers: int = 1000, changes: int = 100, singles: int = 20) -> tuple[Row, ...]:
    return machine.run(_measure(rounds, subscribers, changes, singles, None))


def five_thousand(*, rounds: int = 5, subscribers: int = 5000, changes: int = 20, singles: int = 20) -> tuple[Row, ...]:
    return machine.run(_measure(rounds, subscribers, changes, singles, 150.0))


async def _measure(rounds: int, subscribers: int, changes: int, singles: int, most: float | None) -> tuple[Row, ...]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        server = await stack.enter_async_context(machine.dispensary(directory))
        gathered = audience.gathered(server, [SHARED] * subscribers, senders=SENDERS)
        ours = Trial(await stack.enter_async_context(gathered), _keys(), settles=server.port)
        other = await stack.enter_async_context(machine.yardstick("bare.sockets", directory=directory))
        gathered = audience.gathered(other, [None] * subscribers, senders=SENDERS)
        bare = Trial(await stack.enter_async_context(gathered), _keys(), settles=server.port)
        for each in (ours, bare):
            await each.warm_up(changes)
        for _ in range(rounds):
            for each in (ours, bare):
                await each.slice(changes)
        for _ in range(singles):
            for each in (ours, bare):
                await each.single()
    return _back_to_back(ours, bare, f"{subscribers:,}", changes), _single(ours, bare, f"{subscribers:,}", most)


def _keys() -> Iterator[str]:
    return (f"shared-{number:08}" for number in count())


def _back_to_back(ours: Trial, bare: Trial, subscribers: str, changes: int) -> Row:
    reached = ratio(ours.rates, bare.rates)
    return Row(
        f"changes to {subscribers} subscribers of one view, back to back",
        per_second(ours.rates, "rows"),
        f"{per_second(bare.rates, 'rows')}: bare Starlette, `send_text` of the same frame",
        f"{reached:.2f}",
        ">= 1.0",
        reached >= 1.0,
        (
            f"{changes} changes over {SENDERS} connections, every one seen by every subscriber; ours needs "
            f"{ours.frames:.2f} frames a change, since what is committed together travels together.",
            f"processor time of the server for a row in µs: ours {cost(ours.slices):.1f}, "
            f"bare {cost(bare.slices):.1f}.",
            f"the load generator used at most {ours.share:.0%} of its core; with bare {bare.share:.0%}.",
        ),
    )


def _single(ours: Trial, bare: Trial, subscribers: str, most: float | None) -> Row:
    """`most` is what p99 may be, in milliseconds."""
    reached, late = ratio(bare.last, ours.last), ours.delay(0.99)
    return Row(
        f"a single change to {subscribers} subscribers of one view, until the last has it",
        _milliseconds(ours),
        f"{_milliseconds(bare)}: bare Starlette, `send_text` of the same frame",
        f"{reached:.2f}",
        ">= 1.0" if most is None else f">= 1.0; p99 <= {most:.0f} ms",
        reached >= 1.0 and (most is None or late <= most),
        (
            "p50 and p99 are over all subscribers; ours is durable, and in the read model, before it is sent.",
            f"processor time of the server for a row in µs: ours {cost(ours.singles):.1f}, "
            f"bare {cost(bare.singles):.1f}.",
        ),
    )


def _milliseconds(trial: Trial) -> str:
    return f"{median(trial.last) * 1e3:.1f} ms (p50 {trial.delay(0.5):.1f}, p99 {trial.delay(0.99):.1f} ms)"
