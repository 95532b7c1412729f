"""What can be found out beside a running server, or without one."""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from engine import audit
from engine.audit import Verdict
from engine.declarations import Declarations
from engine.faults import Taken, Unavailable
from engine.lease import Leases
from engine.parked import Parked
from engine.reactor import set_aside
from engine.roles import Role
from engine.settings import Settings
from engine.shapes import Recorded
from engine.store.leases import LIVING
from engine.store.log import Log
from engine.store.places import place
from engine.store.readstore import ReadStore

S = TypeVar("S", bound=Settings)


def joining(settings: S) -> S:
    """The settings of a process that only sends commands: where several may serve a shop, it owns nothing."""
    is_shared = place(settings.write_db_url).dialect.is_shared
    return settings.model_copy(update={"roles": Role.API.value}) if is_shared else settings


async def refuse_beside_others(settings: Settings) -> None:
    """Raise Taken where another process reacts to the events of the log; of a file, opening it tells."""
    where = place(settings.write_db_url)
    async with Leases.beside(where) as leases:
        seen = {} if leases is None else await leases.seen()
    if any(name.startswith(f"{LIVING}{Role.REACTOR} ") and not each.is_free for name, each in seen.items()):
        raise Taken(f"Another process reacts to the events of {where.name}.")


async def verify(settings: Settings, declarations: Declarations) -> list[Verdict[Any]]:
    """Compare every read table with a fresh fold of the log."""
    log = await Log.look(place(settings.write_db_url), declarations.codec())
    try:
        rows = ReadStore(place(settings.read_db_url), declarations.models, readonly=True)
        await rows.open()
        try:
            return await audit.verify(log, rows, declarations.models)
        finally:
            await rows.close()
    finally:
        await log.close()


async def dead_letters(settings: Settings, declarations: Declarations) -> Sequence[tuple[Parked, Recorded | None]]:
    """What processes have set aside, each with its event."""
    log = await Log.look(place(settings.write_db_url), declarations.codec())
    try:
        found = await set_aside(log, [process.name for process in declarations.processes])
        return [(each, next(iter(await log.read(each.position - 1, 1)), None)) for each in found]
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{settings.log_name}: {error}. Start the server on it once.") from None
    finally:
        await log.close()
