"""`writeRecord` over HTTP with everything on PostgreSQL, beside the least that a server can do."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks import contender, machine, postgres, records
from benchmarks.contender import Contender
from benchmarks.mutation import CONNECTIONS
from benchmarks.report import Row, per_second, ratio
from engine.store.revisions import LOG, READS


def measure(*, rounds: int = 7, seconds: float = 1.0) -> tuple[Row, ...]:
    if reason := postgres.lacking():
        click.echo(reason, err=True)
        return ()
    return machine.run(_measure(rounds, seconds))


async def _measure(rounds: int, seconds: float) -> tuple[Row, ...]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        log, rows = await stack.enter_async_context(postgres.schemas(log=LOG, rows=READS))
        made = machine.dispensary(directory, WRITE_DB_URL=log, READ_DB_URL=rows)
        ours = await stack.enter_async_context(made)
        route = await stack.enter_async_context(machine.yardstick("bare.route", directory=directory))
        contenders = {
            "ours": Contender(ours, records.accepted, connections=CONNECTIONS, has_read_models=True),
            "route": Contender(route, records.accepted, connections=CONNECTIONS, has_read_models=False),
        }
        requests = records.requests("benchmark", ours.token)
        for number in range(rounds + 1):
            for each in contenders.values():
                await each.load(requests, seconds, is_measured=bool(number))  # the first round only warms up
    reached = ratio(contenders["ours"].rates, contenders["route"].rates)
    return (
        Row(
            f"`writeRecord` over HTTP on PostgreSQL, {CONNECTIONS} connections, durable",
            per_second(contenders["ours"].rates, "requests"),
            f"{per_second(contenders['route'].rates, 'requests')}: a bare Starlette JSON route",
            f"{reached:.2f}",
            ">= 0.40",
            reached >= 0.40,
            contender.notes(contenders),
        ),
    )
