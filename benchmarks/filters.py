"""Subscribers each with a filter of their own, beside a generator for each in stock Strawberry."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from benchmarks import audience, http, machine, records
from benchmarks.audience import Concerned, Request
from benchmarks.fan_out import SENDERS
from benchmarks.fleet import Client, Opening
from benchmarks.report import Row, per_second, ratio
from benchmarks.trial import Trial, cost

MEDICINES = """subscription Follow($filter: MedicineFilter!) {
  medicines(filter: $filter) { kind since position more upserted { key: id value: name version position } removed }
}"""
REGISTER = """mutation Register($input: RegisterMedicineInput!) {
  registerMedicine(input: $input) {
    receipt { commandId position stream version acceptedAt replayed }
    errors { code message path }
  }
}"""


@dataclass(frozen=True)
class Case:
    """Who follows what, and whom each change concerns."""

    name: str
    opening: Callable[[int], Opening]
    "Of a subscriber, by number."
    key: Callable[[int, int], str]
    "Of a change, by how many subscribers there are and its number."
    concerned: Concerned
    request: Request
    is_at_once: bool = True
    "Whether changes are sent as quickly as they are taken, or each once the one before is everywhere."


def _prefix(kind: str, number: int) -> str:
    return f"{kind}-{number:05}-"


def _prefixed(kind: str, number: int) -> Opening:
    return Opening(records.SUBSCRIPTION, {"prefix": _prefix(kind, number)})


def _whose(key: str, clients: Sequence[Client]) -> Sequence[Client]:
    return (clients[int(key[4:9])],)


def _affordable(number: int) -> Opening:
    """At most a price that nobody else has, and that all of what is registered stays below."""
    return Opening(MEDICINES, {"filter": {"maxPrice": str(Decimal(1000 + number) / 100)}})


def _register(key: str, token: str) -> bytes:
    medicine = {
        "id": key,
        "name": records.VALUE[:120].strip(),
        "genericName": "acetylsalicylic acid",
        "manufacturer": "Bayer",
        "strength": "500 mg tablet",
        "price": "4.99",
    }
    return http.post("/graphql", orjson.dumps({"query": REGISTER, "variables": {"input": medicine}}), token)


CASES = (
    Case(
        "one of them",
        lambda number: _prefixed("one", number),
        lambda _, number: f"{_prefix('one', 0)}{number:08}",
        _whose,
        records.request,
    ),
    Case(
        "each in turn",
        lambda number: _prefixed("own", number),
        lambda subscribers, number: f"{_prefix('own', number % subscribers)}{number:08}",
        _whose,
        records.request,
    ),
    # Together, ours would bring all of them in one frame each, and there would be little to measure.
    Case(
        "all of them, one at a time",
        _affordable,
        lambda _, number: f"new-{number:08}",
        audience.everybody,
        _register,
        is_at_once=False,
    ),
)


def measure(
    *, rounds: int = 5, subscribers: int = 1000, changes: int = 250, slow: int = 50, singles: int = 10
) -> tuple[Row, ...]:
    """`changes` is how many a slice has; `slow`, how many a slice of the yardstick."""
    return machine.run(_measure(rounds, subscribers, changes, slow, singles))


async def _measure(rounds: int, subscribers: int, changes: int, slow: int, singles: int) -> tuple[Row, ...]:
    rows = []
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        ours = await stack.enter_async_context(machine.dispensary(directory))
        stock = await stack.enter_async_context(machine.yardstick("stock.generators", directory=directory))
        for case in CASES:
            openings = [case.opening(number) for number in range(subscribers)]
            async with AsyncExitStack() as gathered:
                pair = []
                for server in (ours, stock):
                    made = audience.gathered(server, openings, case.concerned, senders=SENDERS, request=case.request)
                    keys = map(partial(case.key, subscribers), count())
                    pair.append(Trial(await gathered.enter_async_context(made), keys, settles=ours.port))
                sizes = (changes, slow) if case.is_at_once else (max(slow // 10, 1),) * 2
                await _take_turns(case, pair, sizes, rounds, singles)
            rows.append(_row(case, pair[0], pair[1], subscribers))
    return tuple(rows)


async def _take_turns(case: Case, pair: Sequence[Trial], sizes: Sequence[int], rounds: int, singles: int) -> None:
    for trial in pair:
        await trial.warm_up(2 * SENDERS)
    for _ in range(rounds):
        for trial, size in zip(pair, sizes, strict=True):
            await trial.slice(size, is_at_once=case.is_at_once)
    for _ in range(singles):
        for trial in pair:
            await trial.single()


def _row(case: Case, ours: Trial, stock: Trial, subscribers: int) -> Row:
    reached = ratio(ours.rates, stock.rates)
    return Row(
        f"{subscribers:,} subscribers with variables of their own; changes that concern {case.name}",
        per_second(ours.rates, "rows"),
        f"{per_second(stock.rates, 'rows')}: stock Strawberry and broadcaster, a generator each, nothing stored",
        f"{reached:.1f} x",
        ">= 4 x",
        reached >= 4,
        (
            f"ours takes {ours.frames:.2f} frames a row; a single change arrives after {ours.delay(0.5):.1f} ms "
            f"(p50; p99 {ours.delay(0.99):.1f} ms), from stock after {stock.delay(0.5):.1f} ms.",
            f"processor time of the server for a row in µs: ours {cost(ours.slices):.0f}, "
            f"stock {cost(stock.slices):.0f}; the load generator used at most {ours.share:.0%} of its core.",
        ),
    )
