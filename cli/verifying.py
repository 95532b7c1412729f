"""`server.py verify`."""

import click

from cli.application import DECLARATIONS
from engine import audit
from engine.settings import Settings
from engine.store.log import Log
from engine.store.readstore import ReadStore

MOST_SHOWN = 10


async def verify(settings: Settings) -> int:
    """Exit code 0 when every read table equals a fresh fold of the log, 1 when one does not."""
    log = await Log.look(settings.write_path, DECLARATIONS.codec())
    rows = ReadStore(settings.read_path, DECLARATIONS.models, readonly=True)
    try:
        await rows.open()
        verdicts = await audit.verify(log, rows, DECLARATIONS.models)
    finally:
        await rows.close()
        await log.close()
    for verdict in verdicts:
        found = "equal" if verdict.is_exact else f"{verdict.count} rows differ"
        click.echo(f"{verdict.model:20} {verdict.compared:>9} rows as of position {verdict.position}: {found}")
        for difference in verdict.differences[:MOST_SHOWN]:
            click.echo(f"  {difference}")
    return 0 if all(verdict.is_exact for verdict in verdicts) else 1
