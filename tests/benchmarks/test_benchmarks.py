"""The benchmarks, each as small as can be: that they run, not what they find."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from benchmarks import append, hot_stream, idle, latency, mutation, rebuild, report, snapshot
from benchmarks.__main__ import MEASURES
from benchmarks.report import Row

SMALL: dict[str, Callable[[], Row]] = {
    "mutation": partial(mutation.measure, rounds=1, seconds=0.02),
    "append": partial(append.measure, rounds=1, commands=128),
    "hot_stream": partial(hot_stream.measure, rounds=1, commands=100),
    "rebuild": partial(rebuild.measure, rounds=1, events=2000, medicines=100),
    "latency": partial(latency.measure, seconds=0.1),
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
    row = SMALL[name]()
    assert len(report.table([row]).splitlines()) == 3
    assert row.goal in report.page([row], "")
