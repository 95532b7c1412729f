"""Verify finds every row that is not what the log says, and nothing else."""

from pathlib import Path

import pytest

from engine.audit import Difference, verify
from engine.faults import Unavailable
from engine.shapes import replace
from engine.store.readstore import ReadStore
from tests import worlds
from tests.engine.test_projector import rows, shop
from tests.engine.toy import BOXES, OWNERS, BoxFilled, BoxOpened, BoxRow, BoxThrownAway, LampLit, Tape

TALE = [BoxOpened("a", "ann"), BoxOpened("b", "bob"), BoxFilled("a", 3), BoxThrownAway("b"), BoxOpened("c", "bob")]


async def test_tables_that_the_projector_filled_are_exact(tmp_path: Path) -> None:
    tape = Tape([*TALE, LampLit()])
    async with shop(tmp_path, tape) as (_, projector):
        assert await projector.settled()
        beside = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES, OWNERS], readonly=True)
        await beside.open()
        verdicts = await verify(tape, beside, [BOXES, OWNERS], batch_size=2)
        await beside.close()
    assert [(each.model, each.position, each.compared, each.is_exact) for each in verdicts] == [
        ("boxes", 6, 2, True),
        ("owners", 6, 2, True),
    ]


async def test_rows_that_differ_are_missing_or_are_too_many_are_named(tmp_path: Path) -> None:
    tape = Tape(TALE)
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        right = await rows(store)
        wrong = replace(right["a"], note="damaged")
        extra = BoxRow(id="z", owner="nobody", label="")
        await store.write(lambda connection: store.table(BOXES).write(connection, "a", [wrong, extra], ["c"], ()))
        [verdict] = await verify(tape, store, [BOXES])
    assert not verdict.is_exact
    assert (verdict.compared, verdict.count) == (3, 3)
    assert verdict.differences == [
        Difference("a", right["a"], wrong),
        Difference("c", right["c"], None),
        Difference("z", None, extra),
    ]


async def test_only_the_log_up_to_the_checkpoint_counts(tmp_path: Path) -> None:
    tape = Tape(TALE[:2])
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        projector.projections["boxes"].pause()
        assert await projector.settled(2)
        tape.append(*TALE[2:])
        assert not await projector.settled(timeout=0.2)
        [verdict] = await verify(tape, store, [BOXES])
    assert verdict.is_exact


async def test_a_log_shorter_than_the_table_cannot_be_verified_against(tmp_path: Path) -> None:
    tape = Tape(TALE)
    async with shop(tmp_path, tape) as (store, projector):
        assert await projector.settled()
        with pytest.raises(Unavailable, match="The log ends at 1, but boxes shows position 5"):
            await verify(Tape(TALE[:1]), store, [BOXES])


async def test_a_table_that_was_never_filled_is_exact(tmp_path: Path) -> None:
    store = ReadStore(worlds.place(tmp_path / "read.db"), [BOXES])
    await store.open()
    [verdict] = await verify(Tape(TALE), store, [BOXES])
    await store.close()
    assert (verdict.compared, verdict.position, verdict.is_exact) == (0, 0, True)
