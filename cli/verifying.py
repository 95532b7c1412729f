"""`server.py verify`."""

import click

from cli.application import DECLARATIONS
from engine import beside
from engine.settings import Settings

MOST_SHOWN = 10


async def verify(settings: Settings) -> int:
    """Exit code 0 when every read table equals a fresh fold of the log, 1 when one does not."""
    verdicts = await beside.verify(settings, DECLARATIONS)
    for verdict in verdicts:
        found = "equal" if verdict.is_exact else f"{verdict.count} rows differ"
        click.echo(f"{verdict.model:20} {verdict.compared:>9} rows as of position {verdict.position}: {found}")
        for difference in verdict.differences[:MOST_SHOWN]:
            click.echo(f"  {difference.id}\n    log   {difference.expected}\n    table {difference.found}")
    return 0 if all(verdict.is_exact for verdict in verdicts) else 1
