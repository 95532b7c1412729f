"""The rows a projection keeps in memory."""

from pathlib import Path
from typing import Any

import pytest

from engine import testing
from engine.projection import Projection
from engine.shapes import Row, Value
from engine.store import rowcache
from engine.store.columns import Layout
from engine.store.rowcache import RowCache
from tests.engine.test_projector import rows, shop
from tests.engine.toy import (
    BOXES,
    BoxFilled,
    BoxOpened,
    BoxRow,
    BoxThrownAway,
    Source,
    Tape,
    Weight,
    apply,
    keys,
    until,
)


def box(id: str, label: str = "") -> BoxRow:
    return BoxRow(id=id, owner="ann", label=label)


def weigh(row: BoxRow) -> int:
    return len(row.label)


def test_what_was_kept_is_known_until_it_is_gone() -> None:
    cache = RowCache(weigh)
    cache.keep({"a": box("a"), "b": box("b")}, [])
    assert cache.known(["a", "b", "c"]) == {"a": box("a"), "b": box("b")}
    cache.keep({"a": box("a", "new")}, ["b", "c"])
    assert cache.known(["a", "b", "c"]) == {"a": box("a", "new")}
    cache.clear()
    assert (len(cache), cache.known(["a"])) == (0, {})


def test_the_rows_written_longest_ago_leave_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowcache, "MOST_ROWS", 2)
    cache = RowCache(weigh)
    cache.keep({"a": box("a"), "b": box("b")}, [])
    cache.keep({"a": box("a", "again")}, [])
    cache.keep({"c": box("c")}, [])
    assert sorted(cache.known("abc")) == ["a", "c"]


def test_rows_leave_too_when_they_hold_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowcache, "MOST_CHARACTERS", 10)
    cache = RowCache(weigh)
    cache.keep({"a": box("a", "x" * 6)}, [])
    cache.keep({"a": box("a", "x" * 4)}, [])
    cache.keep({"b": box("b", "x" * 6)}, [])
    assert sorted(cache.known("ab")) == ["a", "b"]
    cache.keep({"c": box("c", "x" * 11)}, [])
    assert len(cache) == 0


def test_a_row_weighs_its_text_and_its_lists() -> None:
    row = BoxRow(id="a", owner="ann", label="big", note=None, fills=(1, 2))
    assert Layout(BoxRow).weigh(row) == len("a") + len("ann") + len("big") + 2 * 200


def test_a_row_weighs_the_value_objects_in_it_that_take_no_columns_of_their_own() -> None:
    class Crate(Value):
        fills: tuple[int, ...]

    class CrateRow(Row):
        id: str
        crate: Crate | None = None
        weight: Weight = Weight(0)

    weigh = Layout(CrateRow).weigh
    assert (weigh(CrateRow(id="a")), weigh(CrateRow(id="a", crate=Crate((1,))))) == (1, 201)


async def test_a_projection_with_rows_in_memory_folds_as_one_without(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxOpened("b", "bob")])
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        tape.append(BoxFilled("a", 60), BoxThrownAway("b"))
        assert await projector.settled()
        tape.append(BoxFilled("a", 60), BoxOpened("b", "cid"), BoxFilled("b", 1))
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def is_stalled(projection: Projection[Any]) -> bool:
    return (await projection.status()).last_error is not None


async def test_after_a_failure_nothing_in_memory_is_believed(tmp_path: Path) -> None:
    poison: list[bool] = []

    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if poison and isinstance(event, BoxOpened):
            raise ZeroDivisionError
        return apply(row, event)

    choking: Any = type(BOXES)("choking", row=BoxRow, keys=keys, apply=choke)
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (choking,)) as (store, projector):
        assert await projector.settled()
        poison.append(True)
        tape.append(BoxFilled("a", 60), BoxOpened("b", "bob"), BoxFilled("a", 60))
        projection = projector.projections["choking"]
        await until(lambda: is_stalled(projection))
        poison.clear()
        assert await projector.settled()
        assert await rows(store, choking) == testing.fold(choking, {}, tape.recorded)
