"""How the engine's own dependencies are asked whether they work: the stores, their search, the broadcast channel."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from engine.faults import Unavailable
from engine.feed import Feed
from engine.health import Probe, Service
from engine.shapes import ReadModel
from engine.store.log import Log
from engine.store.readstore import ReadStore

TRIAL = "UPDATE meta SET value = value WHERE name = 'format'"
"Writes, and changes nothing."


def probes(
    log: Log, rows: ReadStore, feed: Feed, models: Sequence[ReadModel[Any]], failed: Callable[[], str | None]
) -> Iterator[tuple[str, Probe, Collection[Service]]]:
    """Each dependency by its name, with what cannot be served without it. `failed`: why nothing is stored."""

    async def write_store() -> None:
        # Among the commands that wait, and on their connection: what holds them up holds this up. Only when something
        # could not be stored is it tried whether anything can be; a full disk is found by writing alone.
        await log.write(lambda connection: connection.execute(TRIAL if failed() else "SELECT 1"))

    async def broadcast_channel() -> None:
        if not feed.is_connected:
            raise Unavailable("There is no connection; hints wait for the timer.")

    yield "write store", write_store, (Service.COMMANDS, Service.PROCESSES)
    yield "read store", rows.positions, (Service.READS,)
    yield "broadcast channel", broadcast_channel, ()
    searched = next((model for model in models if rows.table(model).layout.searched), None)
    if searched is not None:
        table = rows.table(searched)

        async def search() -> None:
            await rows.read(
                lambda connection: table.page(
                    connection, (), order=None, after=None, limit=1, descending=False, search="a"
                )
            )

        yield "search", search, (Service.READS,)
