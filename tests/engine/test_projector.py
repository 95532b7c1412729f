"""Projections: exactly once whatever the batches, alone in their failures, rebuilt while they serve."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine import testing
from engine.faults import ProjectionFailed, Unavailable, Unconfirmed
from engine.feed import Feed
from engine.fold import Fold
from engine.projection import Projection
from engine.projector import Projector
from engine.rebuild import Rebuild
from engine.shapes import Event, ReadModel, replace
from engine.status import State, Status
from engine.store.readstore import ReadStore
from engine.store.rows import Table
from engine.store.session import Session, alone
from tests import worlds
from tests.engine.toy import (
    BOXES,
    OWNERS,
    START,
    BoxFilled,
    BoxOpened,
    BoxRow,
    BoxThrownAway,
    LampLit,
    Source,
    Tape,
    Weight,
    apply,
    keys,
    until,
)

NAMES = st.sampled_from("abc")
EVENTS = (
    st.builds(BoxOpened, NAMES, st.sampled_from(["ann", "bob"]))
    | st.builds(BoxFilled, NAMES, st.sampled_from([0, 60]))
    | st.builds(BoxThrownAway, NAMES)
    | st.builds(LampLit)
)
TALES = st.lists(EVENTS, max_size=25)
BOTH = (BOXES, OWNERS)


@asynccontextmanager
async def shop(
    folder: Path, tape: Tape, models: Sequence[ReadModel[Any]] = BOTH, batch_size: int = 1000
) -> AsyncIterator[tuple[ReadStore, Projector]]:
    store = ReadStore(worlds.place(folder / "read.db"), models)
    await store.open()
    feed = worlds.feed(interval=0.02)
    await feed.open()
    options: dict[str, Any] = {"random": lambda: 0.0, "batch_size": batch_size, "poll_interval": 0.02}
    projector = Projector(models, tape, store, feed, **options, now=lambda: START + timedelta(hours=1))
    await projector.start()
    feed.poll = store.positions  # as the application has it: those from before are of the past
    try:
        yield store, projector
    finally:
        await projector.stop()
        await feed.close()
        await store.close()


async def rows(store: ReadStore, model: ReadModel[Any] = BOXES) -> dict[str, Any]:
    return {row.id: row for row in (await store.page(model, order=(), limit=1000)).rows}


async def stalled(projection: Projection[Any]) -> Status:
    """The status once the projection has failed."""

    async def has_stalled() -> bool:
        return (await projection.status()).state is State.STALLED

    await until(has_stalled)
    return await projection.status()


async def is_rebuilding(projection: Projection[Any]) -> bool:
    return (await projection.status()).state is State.REBUILDING


def on_disk(path: Path) -> list[list[tuple[Any, ...]]]:
    names = ("boxes_a", "boxes_a_tombstones", "owners_a", "owners_a_tombstones")
    tables = [worlds.sql(path, f"SELECT * FROM {name} ORDER BY id, position") for name in names]
    # Rows are numbered in the order they came, which depends on the batches and means nothing.
    return [[row[1:] if len(row) > 6 else row for row in table] for table in tables]


@pytest.mark.worlds
@given(TALES, st.integers(1, 7))
def test_any_batches_come_to_the_same_as_one_by_one(tale: list[Event], batch_size: int) -> None:
    async def tables(size: int) -> list[list[tuple[Any, ...]]]:
        with worlds.folder() as folder:
            async with shop(folder, Tape(tale), batch_size=size) as (store, projector):
                assert await projector.settled()
                assert await rows(store) == testing.fold(BOXES, {}, Tape(tale).recorded)
            return on_disk(folder / "read.db")

    assert asyncio.run(tables(1)) == asyncio.run(tables(batch_size))


@pytest.mark.one_world("it interrupts SQLite")
@given(TALES, st.data())
def test_a_crash_at_any_step_comes_to_the_same_as_none(  # noqa: C901  # a crash at each statement takes some nesting
    tale: list[Event], data: st.DataObject
) -> None:
    """The unit of work is cut at each statement in turn, as a crash would; what was not committed is gone."""
    tape, table, fold = Tape(tale), Table(BOXES), Fold(BOXES)
    size = data.draw(st.integers(1, 5))

    class Crash(Exception):
        pass

    async def attempt(folder: Path, steps: int) -> bool:
        store = ReadStore(worlds.place(folder / "read.db"), [BOXES])
        await store.open()
        try:
            checkpoint, _ = await store.prepare(BOXES, tape.id, len(tale))
            events = tape.recorded[checkpoint.position : checkpoint.position + size]
            left = steps

            def unit(connection: Session) -> None:
                assert isinstance(connection, sqlite3.Connection)

                def crash(_: str) -> None:
                    nonlocal left
                    left -= 1
                    if left == 0:
                        connection.interrupt()

                connection.set_trace_callback(crash)
                try:
                    fold.write(connection, table, checkpoint.slot, events)
                    table.move(connection, events[-1].position, START)
                    if left == 1:
                        raise Crash
                finally:
                    connection.set_trace_callback(None)

            if events:
                try:
                    await store.write(unit)
                except (Crash, sqlite3.OperationalError):
                    return False
            return not events
        finally:
            await store.close()

    async def all_of_it() -> None:
        with worlds.folder() as folder:
            crashes = data.draw(st.lists(st.integers(1, 9), max_size=4))
            while not await attempt(folder, crashes.pop() if crashes else 0):
                pass
            store = ReadStore(worlds.place(folder / "read.db"), [BOXES])
            await store.open()
            assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
            await store.close()

    asyncio.run(all_of_it())


async def test_a_projection_goes_on_from_its_checkpoint_after_a_restart(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1)])
    async with shop(tmp_path, tape) as (_, projector):
        assert await projector.settled()
    tape.append(BoxFilled("a", 2))
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
        assert await store.passed(BOXES, 1) is not None
        assert await store.load(BOXES, ["a", "b"]) == await rows(store)


async def test_a_poisonous_event_stops_its_model_alone_after_all_before_it(
    tmp_path: Path,
) -> None:
    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if isinstance(event, BoxFilled) and event.grams == 13:
            raise ZeroDivisionError("thirteen")
        return apply(row, event)

    choking = ReadModel("choking", row=BoxRow, keys=keys, apply=choke)
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1), BoxFilled("a", 13), BoxFilled("a", 2)])
    with capture_logs() as logs:
        async with shop(tmp_path, tape, (choking, BOXES)) as (store, projector):
            status = await stalled(projector.projections["choking"])
            assert not await projector.settled(timeout=0.01)
            assert (await projector.projections["boxes"].status()).state is State.LIVE
            assert await rows(store, choking) == testing.fold(choking, {}, tape.recorded[:2])
    assert (status.position, status.head, status.lag_events) == (2, 4, 2)
    assert status.lag_seconds == 3597
    assert status.last_error == "ProjectionFailed: BoxFilled at position 3: ZeroDivisionError: thirteen"
    assert [(line["event"], line["projection"], line["position"]) for line in logs] == [
        ("projection stalled", "choking", 2)
    ]


async def test_a_stalled_projection_goes_on_once_the_cause_is_gone(tmp_path: Path) -> None:
    poison = [True]

    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if poison:
            raise ZeroDivisionError
        return apply(row, event)

    choking = ReadModel("choking", row=BoxRow, keys=keys, apply=choke)
    async with shop(tmp_path, Tape([BoxOpened("a", "ann")]), (choking,)) as (_, projector):
        await stalled(projector.projections["choking"])
        poison.clear()
        assert await projector.settled()
        [status] = await projector.statuses()
    assert (status.state, status.last_error) == (State.LIVE, None)


async def test_a_table_that_was_gone_is_gone_on_with_also_before_garbage_is_looked_for(tmp_path: Path) -> None:
    """What was asked together with what failed is let go of, or the connection could write no more."""
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, [BOXES]) as (store, projector):
        assert await projector.settled()
        gc.disable()
        try:
            worlds.sql(tmp_path / "read.db", "ALTER TABLE boxes_a RENAME TO elsewhere")
            tape.append(BoxOpened("b", "bob"))
            await stalled(projector.projections["boxes"])
            worlds.sql(tmp_path / "read.db", "ALTER TABLE elsewhere RENAME TO boxes_a")
            assert await projector.settled(timeout=10)
        finally:
            gc.enable()
        assert sorted(await rows(store)) == ["a", "b"]


async def test_an_event_that_cannot_be_read_stops_at_it_and_not_before(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1), LampLit()])
    tape.unreadable = 2
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        status = await stalled(projector.projections["boxes"])
        assert (await projector.projections["boxes"].status()).lag_seconds >= 0
    assert status.position == 1
    assert "The event after position 1 cannot be read: LookupError" in str(status.last_error)


async def test_a_row_that_cannot_be_stored_stalls_with_its_event_named(tmp_path: Path) -> None:
    async with shop(tmp_path, Tape([BoxOpened("a", "ann"), BoxFilled("a", 2**64)]), (BOXES,)) as (_, projector):
        status = await stalled(projector.projections["boxes"])
    assert status.position == 1
    assert status.last_error is not None
    assert "BoxFilled at position 2: " in status.last_error
    assert ("OverflowError" in status.last_error) or ("out of range" in status.last_error)


async def test_a_fold_that_gives_another_row_than_its_key_stalls(tmp_path: Path) -> None:
    def stray(row: BoxRow | None, event: BoxOpened) -> BoxRow:
        return BoxRow(id="elsewhere", owner="", label="")

    strays = ReadModel("strays", row=BoxRow, keys=keys, apply=stray)
    async with shop(tmp_path, Tape([BoxOpened("a", "ann")]), (strays,)) as (_, projector):
        status = await stalled(projector.projections["strays"])
    assert "strays gave the row 'elsewhere' for the key 'a'." in str(status.last_error)


async def test_a_log_with_a_gap_is_not_folded(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1)])
    tape.recorded[0] = replace(tape.recorded[0], position=5)
    del tape.recorded[1]
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        assert "positions 5 to 5 after 0" in str((await stalled(projector.projections["boxes"])).last_error)


async def test_a_checkpoint_that_somebody_else_moved_is_not_overwritten(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        await store.write(lambda connection: store.table(BOXES).move(connection, 7, START))
        tape.append(BoxFilled("a", 1))
        assert "Somebody else moved" in str((await stalled(projector.projections["boxes"])).last_error)


@pytest.mark.parametrize("change", ["version", "log", "shorter"])
async def test_a_table_folded_otherwise_is_started_afresh(tmp_path: Path, change: str) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxOpened("b", "ann")])
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        assert await projector.settled()
    model = ReadModel("boxes", row=BoxRow, keys=keys, apply=apply, version=2 if change == "version" else 1)
    model = BOXES if change != "version" else model
    tape = Tape([BoxOpened("c", "ann")], log_id="tape" if change != "log" else "other")
    tape.gate.clear()
    async with shop(tmp_path, tape, (model,)) as (store, projector):
        status = projector.projections["boxes"]
        assert (status.position, await rows(store, model)) == (0, {})
        tape.gate.set()
        assert await projector.settled()
        checkpoint = await store.checkpoint(model)
        assert await rows(store, model) == testing.fold(model, {}, tape.recorded)
    assert checkpoint is not None
    assert checkpoint.floor == 3, "nobody goes on from what the old table showed"


async def test_a_fresh_table_is_rebuilding_until_it_reaches_the_head(tmp_path: Path) -> None:
    tape = Tape([LampLit() for _ in range(3)])
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        first = await projector.projections["boxes"].status()
        assert await projector.settled()
        last = await projector.projections["boxes"].status()
    assert (first.state, first.lag_events) == (State.REBUILDING, 3)
    assert (last.state, last.lag_events, last.lag_seconds) == (State.LIVE, 0, 0.0)
    assert last.events_per_second == 0.3


async def test_a_paused_projection_stands_still_until_it_is_resumed(tmp_path: Path) -> None:
    tape = Tape()
    async with shop(tmp_path, tape) as (_, projector):
        boxes = projector.projections["boxes"]
        boxes.pause()
        tape.append(LampLit(), LampLit())
        assert not await projector.settled(timeout=0.2)
        assert (await boxes.status()).state is State.PAUSED
        boxes.resume()
        assert await projector.settled()


async def test_a_projection_behind_its_log_says_so(tmp_path: Path) -> None:
    tape = Tape()
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        assert await projector.settled(0)
        boxes = projector.projections["boxes"]
        boxes.pause()
        assert not await projector.settled(1, timeout=0.05)
        tape.append(LampLit())
        boxes.resume()
        assert (await boxes.status()).state is State.CATCHING_UP
        assert await projector.settled()


async def test_a_rebuild_serves_the_old_table_until_the_new_one_has_caught_up(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1), BoxOpened("b", "bob"), BoxThrownAway("b")])
    async with shop(tmp_path, tape, (BOXES,), batch_size=1) as (store, projector):
        assert await projector.settled()
        damaged = BoxRow(id="a", owner="ann", label="damaged", position=2)
        await store.write(lambda connection: store.table(BOXES).write(connection, "a", [damaged], (), ()))
        boxes = projector.projections["boxes"]
        rebuild = asyncio.create_task(boxes.rebuild())
        again = asyncio.create_task(boxes.rebuild())
        await until(lambda: is_rebuilding(boxes))
        assert await rows(store) == {"a": damaged}
        tape.append(BoxFilled("a", 2))
        await rebuild
        await again
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
        await boxes.rebuild()  # and back into the first place
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)


async def test_a_rebuild_that_fails_leaves_the_old_table(tmp_path: Path) -> None:
    poison: list[bool] = []

    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if poison:
            raise ZeroDivisionError
        return apply(row, event)

    choking = ReadModel("choking", row=BoxRow, keys=keys, apply=choke)
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (choking,)) as (store, projector):
        assert await projector.settled()
        poison.append(True)
        with pytest.raises(ZeroDivisionError):
            await projector.projections["choking"].rebuild()
        assert list(await rows(store, choking)) == ["a"]
        assert (await projector.projections["choking"].status()).state is State.LIVE


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_rebuilt_table_that_took_its_place_unheard_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxFilled("a", 1)])
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        boxes = projector.projections["boxes"]

        async def unheard(*arguments: Any) -> None:
            await ReadStore.swap(store, *arguments)
            raise Unconfirmed("The connection was lost during a commit.")

        with monkeypatch.context() as patched:
            patched.setattr(store, "swap", unheard)
            with pytest.raises(Unconfirmed):
                await boxes.rebuild()
        if goes_on:
            tape.append(BoxFilled("a", 2))
            assert await projector.settled()
        await boxes.rebuild()
        tape.append(BoxFilled("a", 3))
        assert await projector.settled()
        assert await rows(store) == testing.fold(BOXES, {}, tape.recorded)
        assert (await boxes.status()).state is State.LIVE


async def test_a_table_is_not_rebuilt_where_it_is_served_from(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (BOXES,)) as (store, projector):
        assert await projector.settled()
        rebuild = Rebuild(store.table(BOXES), Fold(BOXES), store, alone)
        with pytest.raises(Unavailable, match="served"):
            await rebuild.take(tape.recorded, beside="b")
        assert list(await rows(store)) == ["a"]


async def test_a_projection_that_stalls_ends_its_rebuild(tmp_path: Path) -> None:
    poison: list[bool] = []

    def choke(row: BoxRow | None, event: Source) -> BoxRow | None:
        if poison:
            raise ZeroDivisionError
        return apply(row, event)

    choking = ReadModel("choking", row=BoxRow, keys=keys, apply=choke)
    tape = Tape([BoxOpened("a", "ann")])
    async with shop(tmp_path, tape, (choking,)) as (_, projector):
        assert await projector.settled()
        poison.append(True)
        tape.append(BoxOpened("b", "ann"))
        with pytest.raises(ProjectionFailed, match="BoxOpened at position 2"):
            await projector.projections["choking"].rebuild()


async def test_a_paused_projection_is_not_rebuilt(tmp_path: Path) -> None:
    async with shop(tmp_path, Tape(), (BOXES,)) as (_, projector):
        projector.projections["boxes"].pause()
        with pytest.raises(Unavailable, match="is paused"):
            await projector.projections["boxes"].rebuild()


async def test_a_projection_that_is_stopped_ends_its_rebuild(tmp_path: Path) -> None:
    tape = Tape([LampLit()])
    async with shop(tmp_path, tape, (BOXES,)) as (_, projector):
        boxes = projector.projections["boxes"]
        assert await projector.settled()
        tape.gate.clear()
        rebuild = asyncio.create_task(boxes.rebuild())
        await until(lambda: is_rebuilding(boxes))
        await projector.stop()
        with pytest.raises(Unavailable, match="was stopped"):
            await rebuild
        with pytest.raises(Unavailable, match="does not run"):
            await boxes.rebuild()


async def test_a_row_mirrors_the_version_of_its_own_stream_only(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann"), BoxOpened("b", "ann"), BoxFilled("a", 1)])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        owner, _ = await store.get(OWNERS, "ann")
        box, _ = await store.get(BOXES, "a")
    assert owner is not None
    assert (owner.version, owner.position, owner.boxes, owner.by) == (0, 2, 2, "ann")
    assert box is not None
    assert (box.version, box.position, box.weight) == (2, 3, Weight(1))
    assert (box.created_at, box.updated_at) == (START + timedelta(seconds=1), START + timedelta(seconds=3))


def test_an_event_that_changes_nothing_does_not_move_a_row() -> None:
    def made_anew(row: BoxRow | None, event: BoxOpened) -> BoxRow:
        return BoxRow(id=event.box, owner=event.owner, label="")

    model = ReadModel("anew", row=BoxRow, keys=keys, apply=made_anew)
    tape = Tape([BoxOpened("a", "ann"), BoxOpened("a", "ann"), BoxOpened("a", "bob")])
    fold, table = Fold(model), dict[str, BoxRow]()
    positions = []
    for event in tape.recorded:
        fold.run(table, fold.work([event]))
        positions.append(table["a"].position)
    assert positions == [1, 1, 3]
    assert table == testing.fold(model, {}, tape.recorded)


async def test_pruning_that_fails_is_logged_and_tried_again(tmp_path: Path) -> None:
    store = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES])
    feed, tape = Feed(), Tape()
    projector = Projector([], tape, store, feed, random=lambda: 0.0, prune_interval=0)
    with capture_logs() as logs:
        await projector.start()

        async def has_failed_twice() -> bool:
            return len(logs) >= 2

        await until(has_failed_twice)
        await projector.stop()
    assert {line["event"] for line in logs} == {"old tombstones not removed"}
