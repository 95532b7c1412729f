"""The write side alone, in this process: a log, its dispatcher, and callers that keep it busy."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.application import DECLARATIONS
from domain.medicine import RegisterMedicine
from domain.money import Money
from engine import clock
from engine.dispatcher import Dispatcher
from engine.feed import Feed
from engine.refusals import Refusal
from engine.shapes import Aggregate, Command
from engine.store.log import Log
from engine.store.session import Place

AT_ONCE = 64


@dataclass
class Engine:
    """An open log with its feed; dispatchers are made as needed, so that one can start with nothing cached."""

    log: Log
    feed: Feed

    @asynccontextmanager
    async def dispatching(self, aggregates: Iterable[Aggregate[Any]] | None = None) -> AsyncIterator[Dispatcher]:
        dispatcher = Dispatcher(self.log, aggregates or DECLARATIONS.aggregates, self.feed, clock.now)
        dispatcher.start()
        try:
            yield dispatcher
        finally:
            await dispatcher.stop()


@asynccontextmanager
async def engine(where: Path | Place) -> AsyncIterator[Engine]:
    """In a directory, or in a database on a server."""
    log = await Log.open(where / "log.db" if isinstance(where, Path) else where, DECLARATIONS.codec())
    feed = Feed()
    await feed.open()
    try:
        yield Engine(log, feed)
    finally:
        await feed.close()
        await log.close()


async def send(dispatcher: Dispatcher, commands: Sequence[Command]) -> float:
    """Send all, 64 at once, each of which must be accepted; how many a second."""
    remaining = iter(commands)

    async def caller() -> None:
        for command in remaining:
            outcome = await dispatcher.send(command)
            if isinstance(outcome, Refusal):
                raise RuntimeError(f"Refused: {outcome!r}")

    start = clock.monotonic()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return len(commands) / (clock.monotonic() - start)


def registered(medicine_id: str) -> RegisterMedicine:
    return RegisterMedicine(
        medicine_id=medicine_id,
        name=f"Aspirin {medicine_id}",
        generic_name="acetylsalicylic acid",
        manufacturer="Bayer",
        strength="500 mg tablet",
        price=Money(499),
        stock_quantity=100,
    )
