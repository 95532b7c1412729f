"""What was written last, in memory: the same as reading it back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shapes import Event
from engine.store import newest
from engine.store.found import LAST_ID, Tombstone
from engine.store.newest import Newest
from tests import worlds
from tests.engine.test_liveview import shop
from tests.engine.test_projector import TALES
from tests.engine.test_projector import shop as projecting
from tests.engine.toy import BOXES, START, BoxFilled, BoxOpened, BoxRow, BoxThrownAway, Tape


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
