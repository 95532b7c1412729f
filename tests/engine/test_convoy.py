"""Projections that travel together: one transaction for all, and none in the way of another."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine import convoy, testing
from engine.projection import Projection
from engine.shapes import ReadModel
from engine.status import State
from engine.store.projecting import Fault, Part
from engine.store.readstore import ReadStore
from tests.engine.test_projector import rows, shop
from tests.engine.toy import BOXES, OWNERS, BoxFilled, BoxOpened, BoxRow, LampLit, Source, Tape, apply, keys, until


def counted(store: ReadStore) -> list[None]:
    """Grows by one for each transaction that is written from now on."""
    project, written = store.project, list[None]()

    async def counting(parts: Sequence[Part]) -> Sequence[Fault]:
        written.append(None)
        return await project(parts)

    store.project = counting  # type: ignore[method-assign]  # the real one runs, and is counted
    return written


async def test_a_batch_is_one_transaction_for_all_whom_it_concerns(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        written = counted(store)
        tape.append(BoxOpened("b", "bob"), BoxFilled("b", 1))
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
        assert await rows(store, OWNERS) == testing.fold(OWNERS, {}, tape.recorded)
    assert len(written) == 1


async def test_what_concerns_no_table_is_passed_in_one_transaction_once_it_is_waited_for(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        written = counted(store)
        tape.append(LampLit(), LampLit())
        assert await projector.settled()
        assert await store.positions() == {"boxes": 3, "owners": 3}
    assert len(written) == 1


async def test_a_fold_that_fails_takes_nothing_of_its_fellows_with_it(tmp_path: Path) -> None:
    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if isinstance(event, BoxFilled) and event.grams == 13:
            raise ZeroDivisionError("thirteen")
        return apply(row, event)

    choking = ReadModel("choking", row=BoxRow, keys=keys, apply=choke)
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (choking, BOXES)) as (store, projector):
        assert await projector.settled()
        tape.append(BoxFilled("a", 1), BoxFilled("a", 13), BoxFilled("a", 2))
        assert await projector.settled(1)

        async def has_stalled() -> bool:
            return (await projector.projections["choking"].status()).state is State.STALLED

        await until(has_stalled)
        boxes = projector.projections["boxes"]
        await until(lambda: _is_at(boxes, 4))
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
        assert await rows(store, choking) == testing.fold(choking, {}, tape.recorded[:2])


async def _is_at(projection: Projection[BoxRow], position: int) -> bool:
    return projection.position == position


async def test_one_that_was_paused_catches_up_and_travels_again(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        boxes, owners = projector.projections["boxes"], projector.projections["owners"]
        boxes.pause()
        tape.append(BoxOpened("b", "bob"))
        await until(lambda: _is_at(owners, 2))
        assert boxes.position == 1
        boxes.resume()
        assert await projector.settled()
        written = counted(store)
        tape.append(BoxOpened("c", "bob"))
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
    assert len(written) == 1


async def test_a_pause_that_lets_more_come_together_ends_once_a_position_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convoy, "PAUSE", 60.0)
    monkeypatch.setattr(convoy, "LONGEST_PAUSE", 60.0)
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        written = counted(store)
        tape.append(BoxFilled("a", 1), BoxFilled("a", 2))
        await until(lambda: _is_at(projector.projections["boxes"], 3))
        tape.append(BoxFilled("a", 3))
        tape.append(BoxFilled("a", 4))
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
    assert len(written) == 2
