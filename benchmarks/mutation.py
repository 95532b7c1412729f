"""`writeRecord` over HTTP, beside the same mutation on stock Strawberry that does nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from benchmarks import http, machine
from benchmarks.report import Row, per_second, ratio

QUERY = """mutation Write($input: WriteRecordInput!) {
  writeRecord(input: $input) {
    receipt { commandId position stream version acceptedAt replayed }
    errors { code message path }
  }
}"""
VALUE = "The quick brown fox jumps over the lazy dog. " * 3
CONNECTIONS = 32


def requests(prefix: str, token: str) -> Iterator[bytes]:
    """Each writes a record of its own."""
    number = 0
    while True:
        number += 1
        input = {"key": f"{prefix}-{number:08}", "value": VALUE}
        body = orjson.dumps({"query": QUERY, "variables": {"input": input}, "operationName": "Write"})
        yield http.post("/graphql", body, token)


def accepted(answer: bytes) -> None:
    """Every answer must carry a receipt, and no error."""
    if b'"receipt":{' not in answer or b'"errors":[]' not in answer or answer.count(b'"errors"') != 1:
        raise RuntimeError(f"Refused: {answer.decode()[:500]}")


async def settled(port: int) -> None:
    """Wait until the read models show everything, so that our backlog does not slow the yardstick."""
    async with http.connected(port, 1) as (connection,), asyncio.timeout(60):
        while True:
            status = orjson.loads(await connection.ask(http.get("/health/ready")))
            if all(each["position"] == status["head"] for each in status["projections"].values()):
                return
            await asyncio.sleep(0.02)


def measure(*, rounds: int = 9, seconds: float = 1.0) -> Row:
    return machine.run(_measure(rounds, seconds))


async def _measure(rounds: int, seconds: float) -> Row:
    rates: dict[str, list[float]] = {"ours": [], "strawberry": [], "starlette": []}
    costs: dict[str, list[float]] = {name: [] for name in rates}
    share = 0.0
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        ours = await stack.enter_async_context(machine.dispensary(directory))
        servers = {"ours": ours}
        for name in ("strawberry", "starlette"):
            started = machine.server("-m", "benchmarks.yardstick", name, directory=directory)
            servers[name] = await stack.enter_async_context(started)
        bodies = requests("benchmark", ours.token)
        for number in range(rounds + 1):
            for name, server in servers.items():
                used = machine.processor_seconds(server.pid)
                slice = await http.load(server.port, bodies, accepted, connections=CONNECTIONS, seconds=seconds)
                await settled(ours.port)
                if number or rounds == 0:  # the first round only warms up
                    rates[name].append(slice.rate)
                    costs[name].append((machine.processor_seconds(server.pid) - used) / slice.answers * 1e6)
                    share = max(share, slice.share)
    reached, bare = ratio(rates["ours"], rates["strawberry"]), ratio(rates["ours"], rates["starlette"])
    cost = ", ".join(f"{name} {median(values):.0f}" for name, values in costs.items())
    return Row(
        "`writeRecord` over HTTP, 32 connections, durable",
        per_second(rates["ours"], "requests"),
        f"{per_second(rates['strawberry'], 'requests')}: stock Strawberry with both caches, a constant",
        f"{reached:.2f}",
        ">= 0.80",
        reached >= 0.80,
        (
            f"a bare Starlette JSON route does {per_second(rates['starlette'], 'requests')}; "
            f"ours reaches {bare:.2f} of it.",
            f"processor time a request in µs, read models included: {cost}.",
            f"the load generator used at most {share:.0%} of its core.",
        ),
    )
