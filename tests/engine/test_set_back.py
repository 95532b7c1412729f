"""Tables set back behind the projector's back, as when their server crashes and loses what it did last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine import projector as projecting
from engine import testing
from engine.fold import Fold
from engine.liveview import Change, ChangeKind, LiveViews
from engine.projector import Projector
from engine.shapes import ReadModel
from engine.status import State
from engine.store.readstore import ReadStore
from engine.store.session import Session
from tests import worlds
from tests.engine.test_projector import BOTH, rows, shop, stalled
from tests.engine.toy import BOXES, START, BoxFilled, BoxOpened, BoxThrownAway, Tape, until

EVENTS = (BoxOpened("a", "ann"), BoxFilled("a", 1), BoxOpened("b", "bob"), BoxFilled("a", 2), BoxThrownAway("b"))


async def set_back(store: ReadStore, tape: Tape, position: int, *models: ReadModel[Any]) -> None:
    """Have the tables as they were at a position."""

    def unit(connection: Session) -> None:
        for model in models:
            table = store.table(model)
            checkpoint = table.checkpoint(connection)
            assert checkpoint is not None
            table.create(connection, checkpoint.slot)
            Fold(model).write(connection, table, checkpoint.slot, tape.recorded[:position])
            table.move(connection, position, START)

    await store.write(unit)


async def all_is_as_folded(store: ReadStore, tape: Tape) -> bool:
    return [await rows(store, model) for model in BOTH] == [testing.fold(model, {}, tape.recorded) for model in BOTH]


@pytest.mark.parametrize("travels", [True, False])
@pytest.mark.parametrize("models", [(BOXES,), BOTH])
async def test_the_next_batch_goes_on_from_where_the_table_is(
    tmp_path: Path, models: tuple[ReadModel[Any], ...], travels: bool
) -> None:
    tape = Tape(EVENTS)
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        for each in projector.projections.values() if not travels else ():
            each.pause()
        with capture_logs() as logs:
            await set_back(store, tape, 2, *models)
            tape.append(BoxFilled("a", 3))
            for each in projector.projections.values():
                each.resume()
            await until(lambda: _shows(store, 6))
        assert await all_is_as_folded(store, tape)
        await until(lambda: _are_live(projector))  # which they notice a moment after the table shows it
    assert {each["event"] for each in logs} == {"projection set back"}
    assert [(each["position"], each["was"]) for each in logs] == [(2, 5)] * len(models)


async def test_what_is_in_memory_is_forgotten_also_when_the_log_is_what_failed(tmp_path: Path) -> None:
    tape = Tape(EVENTS)
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        tape.unreadable = 6
        tape.append(BoxFilled("a", 3))
        await stalled(projector.projections["boxes"])
        await set_back(store, tape, 2, BOXES)
        tape.unreadable = None
        await until(lambda: _shows(store, 6))
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


@pytest.mark.one_world("a process that writes a file is not outlived by it")
async def test_it_is_found_out_while_there_is_nothing_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "LOOK", 0.02)
    tape = Tape(EVENTS)
    with worlds.world("postgresql"):  # a process that writes a file is not outlived by it
        async with shop(tmp_path, tape) as (store, projector):
            assert await projector.settled()
            with monkeypatch.context() as patched, capture_logs() as logs:
                patched.setattr(store, "positions", _broken)  # which nobody foresaw, and must not end the looking
                await until(lambda: _is(any(line["event"] == "tables not looked at" for line in logs)))
            await set_back(store, tape, 1, BOXES)
            await until(lambda: _shows(store, 5))
            assert await all_is_as_folded(store, tape)


async def test_who_waits_for_a_position_that_is_gone_waits_until_it_is_back(tmp_path: Path) -> None:
    tape = Tape(EVENTS)
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        feed, boxes = projector.projections["boxes"]._feed, projector.projections["boxes"]
        boxes.pause()
        waiting = asyncio.create_task(feed.beyond("boxes", 5))
        await set_back(store, tape, 2, BOXES)
        await until(lambda: _is(feed.latest("boxes") == 2))
        waiting.cancel()
        tape.append(BoxFilled("a", 3))
        boxes.resume()
        assert await feed.reached("boxes", 6, 5.0)
        assert (await store.get(BOXES, "a"))[1] == 6


@asynccontextmanager
async def followed(
    store: ReadStore, projector: Projector, tape: Tape, view: dict[str, Any], after: int | None = None
) -> AsyncIterator[list[Any]]:
    """Frames of the boxes, applied as they come, each of which must follow the one before."""
    views, frames = LiveViews(tape, store, projector.projections["boxes"]._feed, patience=0.02), list[Change[Any]]()

    async def follow() -> None:
        async for frame in views.follow(BOXES, after=after):
            assert not frames or frame.since == frames[-1].position
            assert frame.kind is not ChangeKind.RESET
            view.update({row.id: row for row in frame.upserted})
            for key in frame.removed:
                view.pop(key, None)
            frames.append(frame)

    task = asyncio.create_task(follow())
    try:
        yield frames
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await views.close()


async def test_frames_go_on_without_a_hole_for_who_saw_what_is_gone_and_for_who_comes_meanwhile(tmp_path: Path) -> None:
    tape = Tape(EVENTS[:3])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        before, meanwhile = dict[str, Any](), dict[str, Any]()
        async with followed(store, projector, tape, before) as frames:
            await until(lambda: _is(bool(frames)))
            tape.append(*EVENTS[3:])
            await until(lambda: _is(frames[-1].position == 5))
            projector.projections["boxes"].pause()
            await set_back(store, tape, 1, BOXES)
            async with followed(store, projector, tape, meanwhile) as later:
                await until(lambda: _is(bool(later)))
                tape.append(BoxFilled("a", 3), BoxOpened("c", "bob"))
                projector.projections["boxes"].resume()
                await until(lambda: _is(frames[-1].position == later[-1].position == 7))
                assert before == meanwhile == testing.fold(BOXES, {}, tape.recorded)
                assert later[0].position == 1


async def test_who_goes_on_from_what_is_gone_is_told_nothing_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seems_to_be_there(*_: Any) -> bool:
        return True

    monkeypatch.setattr(LiveViews, "_can_resume", seems_to_be_there)  # as a moment before
    tape = Tape(EVENTS)
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        boxes = projector.projections["boxes"]
        boxes.pause()
        await set_back(store, tape, 1, BOXES)
        view = testing.fold(BOXES, {}, tape.recorded)
        async with followed(store, projector, tape, view, 5) as frames:
            await until(lambda: _is(bool(frames)))
            tape.append(BoxFilled("a", 3), BoxOpened("c", "bob"))
            boxes.resume()
            await until(lambda: _is(frames[-1].position == 7))
        assert view == testing.fold(BOXES, {}, tape.recorded)
        assert [each.since for each in frames][:1] == [5]
        assert all(each.since <= each.position for each in frames)


async def _are_live(projector: Projector) -> bool:
    return {(await each.status()).state for each in projector.projections.values()} == {State.LIVE}


async def _shows(store: ReadStore, position: int) -> bool:
    return set((await store.positions()).values()) == {position}


async def _broken() -> None:
    raise ZeroDivisionError


async def _is(holds: bool) -> bool:
    await asyncio.sleep(0)
    return holds
