"""`server.py migrate`."""

import click

from engine import migration
from engine.migration import Migrated
from engine.settings import Settings


async def migrate(settings: Settings) -> int:
    """Tell what became of the tables of each store. Raises Unavailable or UnknownEvent."""
    for done in await migration.migrate(settings):
        click.echo(_told(done))
    return 0


def _told(done: Migrated) -> str:
    what = f"{done.kind:6} {done.name}:"
    if done.before == done.after:
        return f"{what} nothing to do, at revision {done.after}"
    return f"{what} " + (
        f"made, at revision {done.after}" if done.is_new else f"from revision {done.before or 'none'} to {done.after}"
    )
