"""The benchmarks, each as small as can be: that they run, not what they find."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest

from benchmarks import (
    append,
    document,
    fan_out,
    filters,
    hot_stream,
    idle,
    latency,
    lists,
    mutation,
    pg_append,
    pg_mutation,
    pg_processes,
    postgres,
    rebuild,
    report,
    snapshot,
    sockets,
)
from benchmarks.__main__ import MEASURES
from benchmarks.report import Row
from tests.services import lack

SMALL: dict[str, Callable[[], Sequence[Row]]] = {
    "mutation": partial(mutation.measure, rounds=1, seconds=0.02),
    "pg_mutation": partial(pg_mutation.measure, rounds=1, seconds=0.02),
    "lists": partial(lists.measure, rounds=1, seconds=0.02, medicines=3),
    "fan_out": partial(fan_out.thousand, rounds=1, subscribers=3, changes=2, singles=1),
    "fan_out_5000": partial(fan_out.five_thousand, rounds=1, subscribers=3, changes=2, singles=1),
    "filters": partial(filters.measure, rounds=1, subscribers=3, changes=4, slow=2, singles=1),
    "latency": partial(latency.measure, seconds=0.1, subscribers=2),
    "sockets": partial(sockets.measure, rounds=1, count=50, seconds=0.1),
    "document": partial(document.measure, rounds=1),
    "append": partial(append.measure, rounds=1, commands=128),
    "pg_append": partial(pg_append.measure, rounds=1, commands=128),
    "pg_processes": partial(pg_processes.measure, seconds=0.1, sustained=0.2, rounds=1, most=50),
    "hot_stream": partial(hot_stream.measure, rounds=1, commands=100),
    "rebuild": partial(rebuild.measure, rounds=1, events=2000, medicines=100),
    "snapshot": partial(snapshot.measure, rounds=1, events=400),
    "idle": partial(idle.measure, seconds=0.1),
}


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    """Benchmarks pin the process to a core; the other tests must not inherit that."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.parametrize("name", MEASURES)
def test_every_benchmark_still_runs(name: str) -> None:
    if name.startswith("pg_") and (reason := postgres.lacking()):
        lack(reason)
    rows = SMALL[name]()
    assert rows
    assert len(report.table(rows).splitlines()) == 2 + len(rows)
    assert all(row.goal in report.page(rows, "") for row in rows)
