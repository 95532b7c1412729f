"""Verify: fold the log again, and compare with what the tables hold."""

import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from engine.faults import Unavailable
from engine.fold import Fold
from engine.shapes import ReadModel, Recorded, Row
from engine.source import Source
from engine.store.dialect import SQLITE
from engine.store.readstore import ReadStore, compiled
from engine.store.rows import Table
from engine.store.session import Session, transaction
from engine.store.sqlite import Connection

R = TypeVar("R", bound=Row)
FOUND, EXPECTED = "a", "b"
"The two places of the copied table: what is there, and what the log says."
MOST_DIFFERENCES = 1000
"Differences named for one model; they are counted beyond that."


@dataclass(frozen=True)
class Difference(Generic[R]):
    """A row that is not what the log says: `expected` is None for one too many, `found` for one that is missing."""

    id: str
    expected: R | None
    found: R | None


@dataclass
class Verdict(Generic[R]):
    """How the table of one model compares with the log."""

    model: str
    position: int = 0
    compared: int = 0
    count: int = 0
    "Rows that differ, are missing or are too many."
    differences: list[Difference[R]] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        return not self.count


async def verify(
    source: Source, store: ReadStore, models: Iterable[ReadModel[Any]], *, batch_size: int = 1000
) -> list[Verdict[Any]]:
    """Compare every table, row for row, with a refold of the log up to its checkpoint. Changes nothing.

    The refold goes to a temporary file: a log of any length fits.
    """
    return [await _verify(source, store, model, batch_size) for model in models]


async def _verify(source: Source, store: ReadStore, model: ReadModel[R], batch_size: int) -> Verdict[R]:
    table = store.table(model)
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        path = Path(folder) / "rows.db"
        # Copied in one read transaction with its checkpoint: the refold may take long, and a server goes on meanwhile.
        position = await store.read(lambda connection: _copy(connection, table, path))
        copy, local = await Connection.open(path), compiled(model, SQLITE)
        try:
            await _refold(source, copy, local, position, batch_size)
            return await copy.run(lambda connection: _compare(connection, local, position))
        finally:
            await copy.close()


def _copy(connection: Session, table: Table[Any], path: Path) -> int:
    """The rows as they are, into a file of their own; the position they show."""
    local = compiled(table.model, SQLITE)
    with closing(sqlite3.connect(path, isolation_level=None)) as copy, transaction(copy):
        local.create(copy, FOUND)
        local.create(copy, EXPECTED)
        checkpoint = table.checkpoint(connection)
        if checkpoint is not None:
            local.fill(copy, FOUND, table.stored(connection, checkpoint.slot))
    return checkpoint.position if checkpoint else 0


async def _refold(source: Source, copy: Connection, table: Table[R], position: int, batch_size: int) -> None:
    fold, after = Fold(table.model), 0
    while after < position:
        events = await source.read(after, min(batch_size, position - after))
        if not events:
            raise Unavailable(f"The log ends at {after}, but {table.name} shows position {position}.")
        await copy.run(partial(_fold_batch, table=table, fold=fold, events=events))
        after = events[-1].position


def _fold_batch(connection: Session, table: Table[R], fold: Fold[R], events: Sequence[Recorded]) -> None:
    with transaction(connection):
        fold.write(connection, table, EXPECTED, events)


def _compare(connection: Session, table: Table[R], position: int) -> Verdict[R]:
    """Walk both tables side by side, in the order of their ids."""
    verdict = Verdict[R](table.name, position)
    found, expected = table.stored(connection, FOUND), table.stored(connection, EXPECTED)
    place = next(index for index, column in enumerate(table.layout.columns) if column.name == "id")
    left, right = next(found, None), next(expected, None)
    while left is not None or right is not None:
        key = min(each[place] for each in (left, right) if each is not None)
        mine = left if left is not None and left[place] == key else None
        theirs = right if right is not None and right[place] == key else None
        verdict.compared += 1
        if mine != theirs:
            verdict.count += 1
            if len(verdict.differences) < MOST_DIFFERENCES:
                decode = table.layout.decode
                verdict.differences.append(
                    Difference(key, decode(theirs) if theirs else None, decode(mine) if mine else None)
                )
        left = next(found, None) if mine is not None else left
        right = next(expected, None) if theirs is not None else right
    return verdict
