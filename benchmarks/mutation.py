"""`writeRecord` over HTTP, beside the least that a server can do, and beside one built of stock parts."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import contender, machine, records
from benchmarks.contender import Contender
from benchmarks.report import Row, per_second, ratio

CONNECTIONS = 64
WITH_READ_MODELS = ("ours", "build")


def measure(*, rounds: int = 7, seconds: float = 1.0) -> tuple[Row, ...]:
    return machine.run(_measure(rounds, seconds))


async def _measure(rounds: int, seconds: float) -> tuple[Row, ...]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        ours = await stack.enter_async_context(machine.dispensary(directory))
        route = await stack.enter_async_context(machine.yardstick("bare.route", directory=directory))
        build = await stack.enter_async_context(machine.yardstick("build.app", directory, directory=directory))
        constant = await stack.enter_async_context(machine.yardstick("stock.constant", directory=directory))
        servers = {"ours": ours, "route": route, "build": build, "constant": constant}
        contenders = {
            name: Contender(server, records.accepted, connections=CONNECTIONS, has_read_models=name in WITH_READ_MODELS)
            for name, server in servers.items()
        }
        requests = records.requests("benchmark", ours.token)
        for number in range(rounds + 1):
            for each in contenders.values():
                await each.load(requests, seconds, is_measured=bool(number))  # the first round only warms up
    return _rows(contenders)


def _rows(contenders: Mapping[str, Contender]) -> tuple[Row, ...]:
    ours, route, build, constant = (contenders[name] for name in ("ours", "route", "build", "constant"))
    bare, times, idle = (ratio(ours.rates, other.rates) for other in (route, build, constant))
    work = f"`writeRecord` over HTTP, {CONNECTIONS} connections, durable"
    return (
        Row(
            work,
            per_second(ours.rates, "requests"),
            f"{per_second(route.rates, 'requests')}: a bare Starlette JSON route",
            f"{bare:.2f}",
            ">= 0.50",
            bare >= 0.50,
            contender.notes(contenders),
        ),
        Row(
            "the same",
            per_second(ours.rates, "requests"),
            f"{per_second(build.rates, 'requests')}: stock Strawberry with both caches, SQLAlchemy, a commit each",
            f"{times:.1f} x",
            ">= 15 x",
            times >= 15,
            (
                f"the same Strawberry without anything behind it does {per_second(constant.rates, 'requests')}; "
                f"ours reaches {idle:.2f} of it.",
            ),
        ),
    )
