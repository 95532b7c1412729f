"""Slow motion: a projection that is slowed down is behind, alone, and right; what is said to it counts at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import clock, testing
from engine.faults import Unavailable
from engine.pace import MOST_SECONDS
from engine.projection import Projection
from engine.projector import Projector
from engine.shapes import Recorded
from engine.status import State
from engine.store.readstore import ReadStore
from tests.engine.test_convoy import counted
from tests.engine.test_projector import is_rebuilding, rows, shop
from tests.engine.toy import BOXES, OWNERS, BoxFilled, BoxOpened, BoxRow, LampLit, Tape, until


@asynccontextmanager
async def slowed(folder: Path, tape: Tape, batch_size: int = 1000) -> AsyncIterator[tuple[Projector, ReadStore]]:
    """A projection alone, in the slowest motion, with a batch that is put off."""
    async with shop(folder, tape, (BOXES,), batch_size) as (store, projector):
        assert await projector.settled()
        projector.projections["boxes"].slow(MOST_SECONDS)
        tape.append(BoxFilled("a", 2))
        assert not await projector.settled(timeout=0.05)
        yield projector, store


async def is_at(projection: Projection[BoxRow], position: int) -> bool:
    return projection.position == position


async def test_a_projection_in_slow_motion_is_behind_and_the_others_are_not(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        boxes, owners = projector.projections["boxes"], projector.projections["owners"]
        boxes.slow(MOST_SECONDS)
        tape.append(BoxOpened("b", "bob"), BoxFilled("a", 1))
        await until(lambda: is_at(owners, 3))
        assert not await projector.settled(timeout=0.05), "that somebody waits for it makes it no faster"
        status = await boxes.status()
        assert (status.state, status.position, status.head, status.lag_events) == (State.CATCHING_UP, 1, 3, 2)
        assert (await owners.status()).state is State.LIVE
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded[:1])
        assert await rows(store, OWNERS) == testing.fold(OWNERS, {}, tape.recorded)
        boxes.slow(0)
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def test_each_batch_is_put_off_from_when_there_is_something_to_take(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, batch_size=1) as (store, projector):
        assert await projector.settled()
        boxes = projector.projections["boxes"]
        boxes.slow(0.05)
        began = clock.monotonic()
        tape.append(BoxFilled("a", 1), LampLit(), BoxFilled("a", 2))
        assert await projector.settled()
        assert clock.monotonic() - began >= 0.15
        assert (await boxes.status()).state is State.LIVE
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def test_one_that_is_sped_up_again_travels_with_the_others(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        boxes = projector.projections["boxes"]
        travels = [boxes.may_travel]
        for seconds in (MOST_SECONDS, 0):
            boxes.slow(seconds)
            travels.append(boxes.may_travel)
        assert travels == [True, False, True]
        tape.append(BoxFilled("a", 1))
        assert await projector.settled()
        written = counted(store)
        tape.append(BoxFilled("a", 2), BoxOpened("b", "bob"))
        assert await projector.settled()
        assert len(written) == 1, "one transaction for both tables"
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def test_a_batch_that_is_put_off_is_not_taken_once_the_projection_is_paused(tmp_path: Path) -> None:
    async with slowed(tmp_path, Tape([BoxOpened("a", "ann")])) as (projector, _):
        boxes = projector.projections["boxes"]
        boxes.pause()
        assert (await boxes.status()).state is State.PAUSED
        boxes.slow(0)
        assert not await projector.settled(timeout=0.05)
        boxes.resume()
        assert await projector.settled()


async def test_a_pause_leaves_slow_motion_as_it_is(tmp_path: Path) -> None:
    async with slowed(tmp_path, Tape([BoxOpened("a", "ann")])) as (projector, _):
        boxes = projector.projections["boxes"]
        boxes.pause()
        boxes.resume()
        assert not await projector.settled(timeout=0.05)
        assert (boxes.pace.is_paused, boxes.pace.seconds) == (False, MOST_SECONDS)


async def test_a_rebuild_does_not_wait_for_the_batch_that_is_put_off(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1)])
    async with slowed(tmp_path, tape, batch_size=1) as (projector, store):
        damaged = BoxRow(id="a", owner="ann", label="damaged", position=2)
        await store.write(lambda connection: store.table(BOXES).write(connection, "a", [damaged], (), ()))
        boxes = projector.projections["boxes"]
        async with asyncio.timeout(MOST_SECONDS / 2):
            await boxes.rebuild()
        assert boxes.position == 2
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded[:2])
        boxes.slow(0)
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def test_a_projection_in_slow_motion_stops_at_once(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with slowed(tmp_path, tape) as (projector, _):
        boxes = projector.projections["boxes"]
        async with asyncio.timeout(MOST_SECONDS / 2):
            await boxes.stop()
        assert boxes.position == 1
        with pytest.raises(Unavailable, match="does not run"):
            await boxes.rebuild()
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled(), "what is said of the pace is forgotten with the process"
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


@pytest.mark.parametrize("seconds", [-0.001, MOST_SECONDS + 0.001, float("nan"), float("inf")])
async def test_slow_motion_has_a_limit(tmp_path: Path, seconds: float) -> None:
    async with shop(tmp_path, Tape(), (BOXES,)) as (_, projector):
        boxes = projector.projections["boxes"]
        with pytest.raises(ValueError, match="A batch is put off for 0 to 10 seconds, not"):
            boxes.slow(seconds)
        assert boxes.pace.seconds == 0


async def test_a_rebuild_tells_how_far_it_is(tmp_path: Path) -> None:
    class Held(Tape):
        async def read(self, after: int, limit: int) -> list[Recorded]:
            if after != 2:
                return self.recorded[after : after + limit]
            return await super().read(after, limit)

    tape = Held([BoxOpened("a", "ann"), BoxFilled("a", 1), BoxFilled("a", 2)])
    async with shop(tmp_path, tape, (BOXES,), batch_size=1) as (_, projector):
        assert await projector.settled()
        boxes = projector.projections["boxes"]
        assert (await boxes.status()).rebuild_position is None
        tape.gate.clear()
        rebuild = asyncio.create_task(boxes.rebuild())

        async def is_held() -> bool:
            return (await boxes.status()).rebuild_position == 2

        await until(is_held)
        assert await is_rebuilding(boxes)
        tape.gate.set()
        await rebuild
        assert (await boxes.status()).rebuild_position is None
