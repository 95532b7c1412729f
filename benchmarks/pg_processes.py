"""A shop of several processes on PostgreSQL and Redis: what one writes seen through another, and more of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import orjson

from benchmarks import fleet, http, machine, postgres, records, staff
from benchmarks.audience import Audience, everybody
from benchmarks.fan_out import SHARED
from benchmarks.machine import Server
from benchmarks.report import Row, percentile, ratio
from engine import clock
from engine.store.revisions import LOG, READS

CONNECTIONS = 64
SENDERS = 32
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
RATE, MOST = 200, 2_000
"Commands a second at which delay is measured, and that are to be kept up with."


def measure(*, seconds: float = 15.0, sustained: float = 60.0, rounds: int = 5, most: int = MOST) -> tuple[Row, ...]:
    if reason := postgres.lacking():
        click.echo(reason, err=True)
        return ()
    return machine.run(_measure(seconds, sustained, rounds, most))


async def _measure(seconds: float, sustained: float, rounds: int, most: int) -> tuple[Row, ...]:
    async with _shop() as (writing, reading):
        across = await _across(writing, reading, seconds)
        lag = await _lag(writing, reading, sustained, most)
        more = await _more(writing, reading, rounds)
    return across, lag, more


@asynccontextmanager
async def _shop() -> AsyncIterator[tuple[Server, Server]]:
    """Two API processes; a third one projects and reacts."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        log, rows = await stack.enter_async_context(postgres.schemas(log=LOG, rows=READS))
        urls = {"WRITE_DB_URL": log, "READ_DB_URL": rows, "DATA_DIR": str(directory)}
        token = await staff.token(directory, **{name.lower(): value for name, value in urls.items()})

        async def begun(*roles: str) -> Server:
            arguments = [
                str(machine.ROOT / "server.py"),
                "serve",
                *(word for role in roles for word in ("--role", role)),
            ]
            made = await stack.enter_async_context(
                machine.server(
                    *arguments, directory=directory, core=None, PORT="0", LOG_LEVEL="warning", REDIS_URL=REDIS, **urls
                )
            )
            made.token = token
            return made

        await begun("projector", "reactor")
        yield await begun("api"), await begun("api")


async def _across(writing: Server, reading: Server, seconds: float) -> Row:
    async with fleet.connected(reading.port, [SHARED]) as made:
        audience = Audience(writing, made, everybody, SENDERS, records.request)
        await audience.send([f"shared-first-{number:04}" for number in range(RATE)], RATE)  # warms up
        delivered = await audience.send([f"shared-{number:08}" for number in range(int(seconds * RATE))], RATE)
    half, late = (percentile(delivered.delays, share) * 1e3 for share in (0.5, 0.99))
    return Row(
        f"command at one API process to the frame at another, {RATE} commands/s, PostgreSQL and Redis",
        f"p50 {half:.1f} ms, p99 {late:.1f} ms",
        "-",
        "",
        "p50 <= 10 ms, p99 <= 100 ms",
        half <= 10 and late <= 100,
        (
            "from before the request is sent, so with the way to the server and the commit; three processes, "
            "PostgreSQL, Redis and the load generator share the machine's cores.",
        ),
    )


async def _lag(writing: Server, reading: Server, seconds: float, rate: int) -> Row:
    """Write to both at a steady rate, and ask the reading one again and again how far the slowest read model is."""
    most, is_over = 0.0, asyncio.Event()

    async def look() -> None:
        nonlocal most
        async with http.connected(reading.port, 1) as (connection,):
            while not is_over.is_set():
                body = orjson.dumps({"query": "{ projections { name lagSeconds } }"})
                answer = orjson.loads(await connection.ask(http.post("/graphql", body, reading.token)))
                most = max(most, *(each["lagSeconds"] for each in answer["data"]["projections"]))
                await asyncio.sleep(0.25)

    async def write(server: Server, name: str) -> int:
        keys = [f"{name}-{number:08}" for number in range(int(seconds * rate / 2))]
        requests = {key: records.request(key, server.token) for key in keys}
        async with http.connected(server.port, SENDERS) as connections:
            return len(await records.write(connections, requests, rate / 2))

    looking, began, busy = asyncio.create_task(look()), clock.monotonic(), machine.busy_seconds()
    written = sum(await asyncio.gather(write(writing, "lag-a"), write(reading, "lag-b")))
    passed = clock.monotonic() - began
    busy = (machine.busy_seconds() - busy) / passed
    is_over.set()
    await looking
    reached = written / passed
    return Row(
        f"lag of the slowest read model, {rate:,} commands/s at two API processes for {seconds:.0f} s",
        f"{most:.2f} s at most, at {reached:,.0f} commands/s",
        "-",
        "",
        f"< 1 s at {rate:,}/s",
        most < 1 and reached >= 0.98 * rate,
        (f"of the machine's {os.cpu_count()} cores {busy:.1f} were busy, the load generator's part included.",),
    )


async def _more(writing: Server, reading: Server, rounds: int) -> Row:
    one, two = [], []
    requests = records.requests("more", writing.token)

    async def load(server: Server, connections: int) -> float:
        return (await http.load(server.port, requests, records.accepted, connections=connections, seconds=1.0)).rate

    for number in range(rounds + 1):
        alone = await load(writing, CONNECTIONS)
        before = clock.monotonic(), machine.busy_seconds()
        both = sum(await asyncio.gather(load(writing, CONNECTIONS // 2), load(reading, CONNECTIONS // 2)))
        busy = (machine.busy_seconds() - before[1]) / (clock.monotonic() - before[0])
        if number:  # the first round only warms up
            one.append(alone)
            two.append(both)
    grown = ratio(two, one)
    return Row(
        f"`writeRecord` over HTTP on PostgreSQL at two API processes, {CONNECTIONS} connections in all",
        f"{_middle(two):,.0f} requests/s",
        f"{_middle(one):,.0f} requests/s: the same at one of them",
        f"{grown:.2f}",
        "",
        True,
        (f"of the machine's {os.cpu_count()} cores {busy:.1f} were busy, the load generator's part included.",),
    )


def _middle(rates: Sequence[float]) -> float:
    return sorted(rates)[len(rates) // 2]
