"""What was written last, in memory: the same as reading it back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import testing
from engine.liveview import ChangeKind, LiveViews
from engine.projector import Projector
from engine.shapes import Event, ReadModel, replace
from engine.store import newest
from engine.store.found import LAST_ID, Tombstone
from engine.store.newest import Newest
from engine.store.readstore import ReadStore
from tests import worlds
from tests.engine.test_liveview import shop
from tests.engine.test_projector import TALES
from tests.engine.test_projector import shop as projecting
from tests.engine.toy import (
    BOXES,
    START,
    BoxFilled,
    BoxOpened,
    BoxRow,
    BoxThrownAway,
    Source,
    Tape,
    apply,
    keys,
    until,
)


def box(id: str, position: int) -> BoxRow:
    return BoxRow(id=id, owner="ann", label="", position=position)


def kept(*stretches: tuple[int, int]) -> Newest[BoxRow]:
    """One row at each end."""
    made = Newest[BoxRow](lambda row: (row.owner,))
    made.follow()
    for since, position in stretches:
        made.add(since, position, [box(f"b{position}", position)], (), 1)
    return made


def ends(made: Newest[BoxRow], position: int, limit: int = 100) -> tuple[list[int], int] | None:
    found = made.after(position, limit)
    return ([each.position for each in found[0]], found[1]) if found else None


def test_it_goes_on_from_any_position_within() -> None:
    made = kept((0, 2), (2, 3), (3, 7))
    assert ends(made, 0) == ([2, 3, 7], 7)
    assert ends(made, 1) == ([2, 3, 7], 7)
    assert ends(made, 2) == ([3, 7], 7)
    assert ends(made, 5) == ([7], 7)


def test_it_says_so_where_it_knows_nothing() -> None:
    made = kept((3, 4), (4, 5))
    assert (ends(made, 2), ends(made, 5), ends(made, 9)) == (None, None, None)


def test_more_than_wanted_is_not_given() -> None:
    made = kept((0, 1), (1, 2))
    assert ends(made, 0, 1) is None
    assert ends(made, 0, 2) == ([1, 2], 2)


def test_a_gap_ends_what_was_known_before() -> None:
    made = kept((0, 1), (1, 2), (5, 6))
    assert ends(made, 0) is None
    assert ends(made, 5) == ([6], 6)


def test_it_holds_no_more_than_so_many_stretches_and_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kept(*((number, number + 1) for number in range(newest.MOST_STRETCHES + 3)))
    assert ends(made, 2) is None
    assert ends(made, 3) is not None
    monkeypatch.setattr(newest, "MOST_CHARACTERS", 1)
    made.add(19, 20, [box("a", 20)], (), 1)
    assert ends(made, 19) == ([20], 20)
    made.add(20, 21, [box("a", 21)], (), 2)
    assert ends(made, 20) is None
    monkeypatch.undo()
    made.add(21, 22, [box("a", 22)], (), 1)
    assert ends(made, 21) == ([22], 22)


def test_it_keeps_something_only_while_somebody_follows() -> None:
    made = kept((0, 1))
    made.follow()
    made.leave()
    assert ends(made, 0) == ([1], 1)
    made.leave()
    assert ends(made, 0) is None
    made.add(1, 2, [box("a", 2)], (), 1)
    assert ends(made, 1) is None


def test_a_removal_has_what_is_left_of_its_row() -> None:
    made = kept((0, 1))
    made.add(1, 3, [box("b", 3)], [Tombstone(box("a", 1), "a", 2, START)], 1)
    found = made.after(1, 10)
    assert found is not None
    assert [(each.position, each.id, each.row, each.fixed) for each in found[0]] == [
        (2, "a", None, ("ann",)),
        (3, "b", box("b", 3), ()),
    ]


@pytest.mark.worlds
@given(TALES, st.data())
def test_it_is_what_reading_back_gives(tale: list[Event], data: st.DataObject) -> None:
    async def compared() -> None:
        with worlds.folder() as folder:
            async with shop(folder, *tale) as here:
                made = here.store.newest(BOXES)
                made.follow()
                while here.position < len(tale):
                    await here.project(upto=data.draw(st.integers(here.position + 1, len(tale))), is_kept=True)
                    after = data.draw(st.integers(0, here.position - 1))
                    found = made.after(after, 1000)
                    if found is not None:
                        read = await here.store.changes(BOXES, after=(after, LAST_ID), limit=1000)
                        assert found == (read.entries, read.position)
                        assert repr(found[0]) == repr(read.entries)

    asyncio.run(compared())


async def test_a_projector_adds_what_it_commits_and_nothing_else(tmp_path: Path) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with projecting(tmp_path, tape) as (store, projector):
        assert await projector.settled(1)
        made = store.newest(BOXES)
        made.follow()
        for events in ([BoxFilled("a", 5)], [BoxOpened("b", "bob"), BoxThrownAway("a")]):
            tape.append(*events)
            assert await projector.settled(len(tape.recorded))
        read = await store.changes(BOXES, after=(1, LAST_ID), limit=1000)
        assert made.after(1, 1000) == (read.entries, 4)
        await _stopped_and_begun(projector)
        assert made.after(1, 1000) is None, "another process may have written meanwhile"


async def _stopped_and_begun(projector: Any) -> None:
    await projector.stop()
    await projector.start()


async def test_what_may_not_be_committed_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape([BoxOpened("a", "ann")])
    async with projecting(tmp_path, tape) as (store, projector):
        assert await projector.settled(1)
        made, project = store.newest(BOXES), store.project
        made.follow()

        async def committing_in_silence(parts: Any) -> Any:
            monkeypatch.undo()
            await project(parts)
            raise ConnectionError("the answer to the commit is lost")

        monkeypatch.setattr(store, "project", committing_in_silence)
        tape.append(BoxFilled("a", 5))
        assert await projector.settled(2, timeout=10)
        assert made.after(1, 1000) is None, "what was in that transaction is not known"
        tape.append(BoxFilled("a", 6))
        assert await projector.settled(3)
        found = made.after(2, 1000)
        assert found is not None
        assert [each.row.weight.grams for each in found[0]] == [11]


async def test_who_followed_a_table_that_is_started_over_here_starts_over_too(tmp_path: Path) -> None:
    def reworded(row: BoxRow | None, event: Source) -> BoxRow | None:
        made = apply(row, event)
        return made and replace(made, note="by other code")

    newer = ReadModel("boxes", row=BoxRow, keys=keys, apply=reworded, version=2)
    tape = Tape([BoxOpened("a", "ann"), BoxOpened("b", "bob")])
    async with projecting(tmp_path, tape, (BOXES,)) as (_, projector):
        assert await projector.settled()
    store, feed = ReadStore(worlds.place(tmp_path / "read.db"), [newer]), worlds.feed(interval=0.02)
    projector = Projector([newer], tape, store, feed, random=lambda: 0.0, poll_interval=0.02)
    views, view = LiveViews(tape, store, feed, patience=0.02), dict[str, Any]()
    kinds: list[ChangeKind] = []

    async def follow() -> None:
        async for change in views.follow(newer):
            kinds.append(change.kind)
            if change.kind is ChangeKind.RESET:
                view.clear()
            view.update({row.id: row for row in change.upserted})

    async def is_waiting() -> bool:
        return bool(kinds) and views._audience(newer).position == 2

    async def shows_all() -> bool:
        return view == testing.fold(newer, {}, tape.recorded)

    await store.open()
    await feed.open()
    following = asyncio.create_task(follow())
    try:
        await until(is_waiting)  # on the table as the process before has left it
        await projector.start()
        assert await projector.settled()
        tape.append(BoxFilled("a", 1))
        await until(shows_all)
        assert ChangeKind.RESET in kinds
    finally:
        following.cancel()
        await views.close()
        await projector.stop()
        await feed.close()
        await store.close()
