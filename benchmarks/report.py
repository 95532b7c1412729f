"""What was measured, as a table."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from engine import clock

HEADINGS = ("Work", "Ours", "Limit", "Ratio", "Goal", "Met")


@dataclass(frozen=True)
class Row:
    """One line of the table. `is_met` is None where nothing is promised."""

    work: str
    ours: str
    limit: str
    ratio: str
    goal: str
    is_met: bool | None
    notes: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        met = {True: "yes", False: "**no**", None: ""}[self.is_met]
        return self.work, self.ours, self.limit, self.ratio, self.goal, met


def ratio(ours: Sequence[float], limit: Sequence[float]) -> float:
    """The median of the ratios of slices that were neighbors in time."""
    return median(one / other for one, other in zip(ours, limit, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def per_second(values: Sequence[float], what: str) -> str:
    return f"{median(values):,.0f} {what}/s"


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown that can be read as it stands."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def notes(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {row.work}: {note}" for row in rows for note in row.notes)


def machine() -> str:
    """What it was measured on: nothing that tells whose machine it was."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; {clock.now():%Y-%m-%d}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


PAGE = """# Benchmarks

Written by `python -m benchmarks --write`; `make bench` prints the same. {about}

Measured on: {machine}.

{table}

{notes}
"""


def page(rows: Sequence[Row], about: str) -> str:
    return PAGE.format(about=about, machine=machine(), table=table(rows), notes=notes(rows))
