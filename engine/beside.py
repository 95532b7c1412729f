"""What can be found out beside a running server, or without one."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from engine import audit
from engine.audit import Verdict
from engine.declarations import Declarations
from engine.faults import Unavailable
from engine.parked import Parked
from engine.reactor import set_aside
from engine.settings import Settings
from engine.shapes import Recorded
from engine.store.log import Log
from engine.store.places import place
from engine.store.readstore import ReadStore


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
