"""Appends through the engine on PostgreSQL, beside asyncpg alone writing the very same rows."""

import click

from benchmarks import engines, machine, postgres
from benchmarks.records import VALUE
from benchmarks.report import Row, per_second, ratio
from domain.record import WriteRecord
from engine import clock
from engine.store.postgres import Database
from engine.store.revisions import LOG

TYPES = {
    "events": "bigint, text, bigint, text, bigint, text, bigint, text, text, text, text, text",
    "commands": "text, bytea, text, bigint, bigint, bigint, bigint, text",
}
"The types of the columns, in their order."


def measure(*, rounds: int = 7, commands: int = 6_400) -> tuple[Row, ...]:
    if reason := postgres.lacking():
        click.echo(reason, err=True)
        return ()
    machine.pin(machine.SERVED)
    ours, raw, sizes = machine.run(_measure(rounds, commands))
    reached = ratio(ours, raw)
    return (
        Row(
            "append through the engine on PostgreSQL, 64 at once, durable",
            per_second(ours, "commands"),
            f"{per_second(raw, 'commands')}: asyncpg writing the same rows by unnest, 64 a transaction",
            f"{reached:.2f}",
            ">= 0.50",
            reached >= 0.50,
            (f"ours committed {sum(sizes) / len(sizes):.0f} commands together, on average.",),
        ),
    )


async def _measure(rounds: int, commands: int) -> tuple[list[float], list[float], list[float]]:
    ours, raw, sizes = [], [], []
    for number in range(rounds + 1):
        async with postgres.schemas(ours=LOG, raw=None) as (url, fresh):
            rate, size = await _ours(url, number, commands)
            other = await _raw(url, fresh)
        if number:  # the first round only warms up
            ours.append(rate)
            raw.append(other)
            sizes.append(size)
    return ours, raw, sizes


async def _ours(url: str, number: int, commands: int) -> tuple[float, float]:
    wishes = [WriteRecord(key=f"benchmark-{number:02}-{each:08}", value=VALUE) for each in range(commands)]
    async with engines.engine(Database(url)) as engine, engine.dispatching() as dispatcher:
        rate = await engines.send(dispatcher, wishes)
        return rate, commands / engine.log.writer.runs


async def _raw(written: str, fresh: str) -> float:
    """Write what the engine wrote into fresh tables of the same layout."""
    async with postgres.connected(written) as source, postgres.connected(fresh) as connection:
        schema = await source.fetchval("SELECT current_schema()")
        rows = {name: await source.fetch(f"SELECT * FROM {name} ORDER BY position") for name in TYPES}
        for name in TYPES:
            await connection.execute(f"CREATE TABLE {name} (LIKE {schema}.{name} INCLUDING ALL)")
        inserts = {name: await connection.prepare(_insert(name, types)) for name, types in TYPES.items()}
        start = clock.monotonic()
        for at in range(0, len(rows["commands"]), engines.AT_ONCE):
            async with connection.transaction():
                for name, insert in inserts.items():
                    await insert.fetch(*zip(*rows[name][at : at + engines.AT_ONCE], strict=True))
        return len(rows["commands"]) / (clock.monotonic() - start)


def _insert(name: str, types: str) -> str:
    arrays = ", ".join(f"${place}::{type}[]" for place, type in enumerate(types.split(", "), start=1))
    return f"INSERT INTO {name} SELECT * FROM unnest({arrays})"
