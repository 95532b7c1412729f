"""`server.py copy`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.settings import ShopSettings
from engine import clock, copying, urls
from engine.copying import Compared, Report
from engine.faults import Unavailable


async def copy(settings: ShopSettings, source: str, target: str | None) -> int:
    """Exit code 0 when the copy is proven equal, 1 when it is not."""
    target = target or settings.write_db_url
    for option, url in (("--from", source), ("--to", target)):
        if reason := urls.wrong(url):
            raise Unavailable(f"{option} {reason}.")
    began_at = clock.monotonic()
    with _bars() as report:
        compared = await copying.copy(source, target, report)
    for each in compared:
        click.echo(_told(each))
    if not all(each.is_equal for each in compared):
        click.echo(f"{urls.shown(target)} is not equal; no server starts on it. Copy again.", err=True)
        return 1
    rows, seconds = sum(each.source.rows for each in compared), clock.monotonic() - began_at
    click.echo(f"Proven equal: {rows:,} rows, copied and compared in {seconds:.1f} s.")
    click.echo("Keep token.key, or everybody has to sign in again; read tables are folded anew by the server.")
    return 0


def _told(each: Compared) -> str:
    told = f"{each.table:12} {each.source.rows:>10,} rows  {each.source.hash}"
    if each.is_equal:
        return f"{told}  equal"
    return f"{told}  NOT EQUAL\n{'':12} {each.target.rows:>10,} rows  {each.target.hash}  from row {each.differs_at} on"


@contextmanager
def _bars() -> Iterator[Report]:
    """A progress bar for each step, on stderr."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[pace]}")
    began: dict[str, float] = {}
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        tasks = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, pace="")
                began[step] = clock.monotonic()
            seconds = clock.monotonic() - began[step]
            pace = f"{done / seconds:,.0f} rows/s" if seconds else ""
            progress.update(tasks[step], completed=done, total=total, pace=pace)

        yield report
