"""Tables as this code knows them: made where nothing is, changed where older code made them."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.settings import Settings
from engine.store import log, revisions
from engine.store.places import place
from engine.store.revisions import LOG, READS, Kind
from engine.store.session import Place, Session


@dataclass(frozen=True)
class Migrated:
    """What became of the tables of one store."""

    kind: str
    name: str
    "Of the database."
    is_new: bool
    before: str | None
    "The revision that they were at; None for tables from before there were any, and for none."
    after: str


async def migrate(settings: Settings) -> list[Migrated]:
    """Bring the log and the read tables to the newest revision. Raises Unavailable or UnknownEvent.

    A file must not be in use. On a server this may run beside others of its kind, and beside servers whose code can
    work with what it leaves.
    """
    return [
        await migrated(place(settings.write_db_url), LOG),
        await migrated(place(settings.read_db_url), READS),
    ]


async def migrated(where: Place, kind: Kind) -> Migrated:
    """Bring one store to the newest revision."""
    held = None if where.dialect.is_shared else await where.own(kind.name)
    try:
        return await brought(where, kind)
    finally:
        if held is not None:
            await held.release()


async def brought(where: Place, kind: Kind) -> Migrated:
    """The same for a file that is one's own."""
    writer = await where.writer(is_log=kind is LOG)
    try:
        is_new = await writer.run(lambda session: where.is_new(session, kind.first))
        if not is_new:
            await writer.run(_check(where, kind))
            if await writer.run(lambda session: revisions.is_newest(session, where, kind)):
                return Migrated(kind.name, where.name, False, kind.newest, kind.newest)
    finally:
        await writer.close()
    before, after = await revisions.upgrade(where, kind)
    return Migrated(kind.name, where.name, is_new and before is None, before, after)


def _check(where: Place, kind: Kind) -> Callable[[Session], object]:
    """Refuses what is no store of this kind."""
    return lambda session: log.about(session, where) if kind is LOG else None
