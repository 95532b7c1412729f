"""`python -m benchmarks [name ...]`: measure all of it, or what is named."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import click

import benchmarks
from benchmarks import (
    append,
    document,
    fan_out,
    filters,
    hot_stream,
    idle,
    latency,
    lists,
    machine,
    mutation,
    pg_append,
    pg_mutation,
    pg_processes,
    rebuild,
    report,
    snapshot,
    sockets,
)
from benchmarks.report import Row

MEASURES: dict[str, Callable[[], Sequence[Row]]] = {
    "mutation": mutation.measure,
    "pg_mutation": pg_mutation.measure,
    "lists": lists.measure,
    "fan_out": fan_out.thousand,
    "fan_out_5000": fan_out.five_thousand,
    "filters": filters.measure,
    "latency": latency.measure,
    "sockets": sockets.measure,
    "document": document.measure,
    "append": append.measure,
    "pg_append": pg_append.measure,
    "pg_processes": pg_processes.measure,
    "hot_stream": hot_stream.measure,
    "rebuild": rebuild.measure,
    "snapshot": snapshot.measure,
    "idle": idle.measure,
}
PAGE = machine.ROOT / "docs" / "reference" / "benchmarks.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)))
@click.option("--write", is_flag=True, help=f"Write the table to {PAGE.relative_to(machine.ROOT)} too.")
def main(names: Sequence[str], write: bool) -> None:
    """Measure what the server does beside what this machine could do at best; everything without NAMES."""
    rows: list[Row] = []
    for name in names or MEASURES:
        click.echo(f"{name} ...", err=True)
        # A process each: what one leaves behind in memory, and the core it is pinned to, must not be the next one's.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            rows += process.submit(MEASURES[name]).result()
    click.echo(f"\n{report.machine()}\n\n{report.table(rows)}\n\n{report.notes(rows)}")
    if write:
        about = " ".join((benchmarks.__doc__ or "").split("\n\n", 1)[1].split())
        PAGE.write_text(report.page(rows, about))


if __name__ == "__main__":
    main()
