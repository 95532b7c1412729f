"""Live views: exact at every position they claim, whatever happens between two pages."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import testing
from engine.feed import Feed
from engine.fold import Fold, Folded
from engine.liveview import Change, ChangeKind, LiveViews
from engine.shapes import Conditions, Event, Row, at_least, equals
from engine.store.checkpoints import Checkpoint
from engine.store.conditions import matches
from engine.store.readstore import ReadStore
from tests import worlds
from tests.engine.test_projector import TALES
from tests.engine.toy import BOXES, START, BoxFilled, BoxOpened, BoxThrownAway, LampLit, Tape

MINE_AND_HEAVY = (equals("owner", "ann"), at_least("weight.grams", 100))
VIEWS: list[Conditions] = [(), MINE_AND_HEAVY, (equals("is_heavy", True),), (equals("owner", "bob"),)]


@dataclass
class Shop:
    """A table that moves when the test says so: nothing happens beside it."""

    tape: Tape
    store: ReadStore
    feed: Feed
    views: LiveViews
    position: int = 0
    time: list[float] = field(default_factory=lambda: [0.0])

    async def project(
        self, *events: Event, upto: int | None = None, is_told: bool = True, is_kept: bool = False
    ) -> None:
        """Fold events into the table, those written before as well; `is_told`: and give the hint; `is_kept`: as a
        projector in the process of those who follow.
        """
        self.tape.append(*events)
        head = len(self.tape.recorded) if upto is None else upto
        table, fold, batch = self.store.table(BOXES), Fold(BOXES), self.tape.recorded[self.position : head]

        def unit(connection: Any) -> Folded[Any]:
            folded = fold.write(connection, table, "a", batch)
            table.move(connection, head, START)
            return folded

        folded = await self.store.write(unit)
        if is_kept:
            self.store.newest(BOXES).add(self.position, head, folded.rows.values(), folded.buried, 0)
        self.position = head
        if is_told:
            self.feed.note("boxes", head)

    def view(self, conditions: Conditions, position: int) -> dict[str, Row]:
        """What the view is as of a position, by the plainest of folds."""
        rows = testing.fold(BOXES, {}, self.tape.recorded[:position])
        layout = self.store.table(BOXES).layout
        return {key: row for key, row in rows.items() if matches(layout, row, conditions)}


@asynccontextmanager
async def shop(folder: Path, *events: Event, page_size: int = 500) -> AsyncIterator[Shop]:
    tape, store, feed = Tape(events), ReadStore(worlds.place(folder / "read.db"), [BOXES]), worlds.feed(interval=0.02)
    await store.open()
    await feed.open()
    await store.prepare(BOXES, tape.id, 0)
    time = [0.0]
    views = LiveViews(tape, store, feed, page_size=page_size, patience=0.02, monotonic=lambda: time[0])
    try:
        yield Shop(tape, store, feed, views, time=time)
    finally:
        await views.close()
        await feed.close()
        await store.close()


class Client:
    """A client that applies frames as the contract says, and checks the chain of positions."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.rows: dict[str, Row] = {}
        self.is_whole = True

    def apply(self, change: Change[Any]) -> None:
        assert change.since == self.position
        assert not change.more or change.position == change.since
        if change.kind is ChangeKind.RESET:
            assert (change.position, change.upserted, change.removed) == (0, (), ())
            self.rows = {}
        for key in change.removed:
            self.rows.pop(key, None)
        self.rows.update({row.id: row for row in change.upserted})
        self.position, self.is_whole = change.position, not change.more


async def soon(frames: Any) -> Any:
    async with asyncio.timeout(5):
        return await anext(frames)


@pytest.mark.worlds
@given(TALES, st.sampled_from(VIEWS), st.integers(1, 3), st.data())
def test_a_view_is_exact_at_each_position_it_claims(
    tale: list[Event], conditions: Conditions, page_size: int, data: st.DataObject
) -> None:
    """Events are projected between any two pages, also amid a snapshot, and the client is cut off at will."""

    async def live() -> None:
        with worlds.folder() as folder:
            async with shop(folder, *tale, LampLit(), page_size=page_size) as here:
                client, end, frame = Client(), len(tale) + 1, 0
                cuts = data.draw(st.sets(st.integers(1, 20), max_size=4))
                await here.project(upto=data.draw(st.integers(0, end)))
                frames = here.views.follow(BOXES, conditions)
                while client.position < end or not client.is_whole:
                    here.time[0] += 15  # so that a frame without content is due as well
                    if here.position < end and data.draw(st.booleans()):
                        upto = data.draw(st.integers(here.position + 1, end))
                        await here.project(upto=upto, is_kept=data.draw(st.booleans()))
                    if client.is_whole and client.position == here.position and here.position < end:
                        await here.project(upto=here.position + 1, is_kept=data.draw(st.booleans()))
                    client.apply(await soon(frames))
                    if client.is_whole:
                        assert client.rows == here.view(conditions, client.position)
                    frame += 1
                    if frame in cuts:
                        await frames.aclose()
                        frames = here.views.follow(BOXES, conditions, after=client.position)
                        client.is_whole = False
                await frames.aclose()

    asyncio.run(live())


@pytest.mark.worlds
@given(TALES, st.sampled_from(VIEWS))
def test_a_client_can_resume_from_every_position(tale: list[Event], conditions: Conditions) -> None:
    async def live() -> None:
        with worlds.folder() as folder:
            async with shop(folder, *tale) as here:
                await here.project()
                for after in range(len(tale) + 1):
                    client = Client(after)
                    client.rows = here.view(conditions, after)
                    frames = here.views.follow(BOXES, conditions, after=after)
                    change = await soon(frames)
                    assert (change.kind, change.since) == (ChangeKind.CHANGES, after)
                    client.apply(change)
                    assert client.rows == here.view(conditions, len(tale))
                    await frames.aclose()

    asyncio.run(live())


async def test_an_empty_view_says_so_at_once(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        assert await soon(here.views.follow(BOXES)) == Change(ChangeKind.SNAPSHOT, 0, 0, False, (), ())
        assert await soon(here.views.follow(BOXES, after=0)) == Change(ChangeKind.CHANGES, 0, 0, False, (), ())


async def test_a_snapshot_tells_nothing_of_what_went_before(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "ann"), BoxThrownAway("b"), BoxFilled("a", 5))
        change = await soon(here.views.follow(BOXES, MINE_AND_HEAVY))
        assert change == Change(ChangeKind.SNAPSHOT, 0, 4, False, (), ())


async def test_a_row_that_changes_during_the_snapshot_comes_again(tmp_path: Path) -> None:
    async with shop(tmp_path, page_size=2) as here:
        await here.project(*(BoxOpened(key, "ann") for key in "abcd"))
        frames, client = here.views.follow(BOXES), Client()
        first = await soon(frames)
        client.apply(first)
        assert (first.more, first.position, [row.id for row in first.upserted]) == (True, 0, ["a", "b"])
        await here.project(BoxFilled("a", 5), BoxThrownAway("b"))
        while not client.is_whole:
            client.apply(await soon(frames))
        assert client.rows == here.view((), client.position)
        assert sorted(client.rows) == ["a", "c", "d"]
        await frames.aclose()


async def test_changes_of_others_send_nothing_but_a_sign_now_and_then(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        frames = here.views.follow(BOXES, (equals("owner", "ann"),))
        await soon(frames)
        waiting = asyncio.create_task(anext(frames))
        await here.project(BoxOpened("b", "bob"))
        assert await here.feed.reached("boxes", 2, 1)
        assert not (await asyncio.wait((waiting,), timeout=0.1))[0]
        here.time[0] += 15
        await here.project(BoxOpened("c", "bob"))
        async with asyncio.timeout(5):
            assert await waiting == Change(ChangeKind.CHANGES, 1, 3, False, (), ())
        await here.project(BoxFilled("a", 1))
        assert (await soon(frames)).since == 3
        await frames.aclose()


async def test_a_slow_reader_gets_the_newest_state_only(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        frames = here.views.follow(BOXES)
        await soon(frames)
        for grams in range(5):
            await here.project(BoxFilled("a", grams))
        change = await soon(frames)
        assert [row.weight.grams for row in change.upserted] == [10]
        await frames.aclose()


async def test_a_position_that_the_model_has_yet_to_reach_is_waited_for(tmp_path: Path) -> None:
    async with shop(tmp_path, BoxOpened("a", "ann"), BoxFilled("a", 1)) as here:
        await here.project(upto=1)
        waiting = asyncio.create_task(anext(here.views.follow(BOXES, after=2)))
        assert not (await asyncio.wait((waiting,), timeout=0.1))[0]
        await here.project()
        async with asyncio.timeout(5):
            assert await waiting == Change(ChangeKind.CHANGES, 2, 2, False, (), ())


async def test_a_position_that_cannot_be_honoured_resets_the_view(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        for after in (7, -1):
            frames = here.views.follow(BOXES, after=after)
            assert await soon(frames) == Change(ChangeKind.RESET, after, 0, False, (), ())
            snapshot = await soon(frames)
            assert (snapshot.kind, snapshot.since, snapshot.position) == (ChangeKind.SNAPSHOT, 0, 1)
            await frames.aclose()


async def test_a_position_whose_removals_are_forgotten_resets_the_view(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxThrownAway("a"), LampLit())
        await here.store.prune(START + timedelta(days=9))
        kinds = [(await soon(here.views.follow(BOXES, after=after))).kind for after in (0, 1, 2, 3)]
        assert kinds == [ChangeKind.CHANGES, ChangeKind.RESET, ChangeKind.CHANGES, ChangeKind.CHANGES]


async def test_a_follower_that_sleeps_for_too_long_starts_over(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        frames, client = here.views.follow(BOXES), Client()
        client.apply(await soon(frames))
        await here.project(BoxThrownAway("a"), BoxOpened("b", "ann"))
        await here.store.prune(START + timedelta(days=9))
        client.apply(await soon(frames))
        assert (client.position, client.rows) == (0, {})
        client.apply(await soon(frames))
        assert client.rows == here.view((), 3)
        await frames.aclose()


async def test_a_rebuilt_table_disturbs_no_follower(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "ann"), BoxThrownAway("b"))
        frames, client = here.views.follow(BOXES), Client()
        client.apply(await soon(frames))
        table, fold = here.store.table(BOXES), Fold(BOXES)

        def refold(connection: Any) -> None:
            table.create(connection, "b")
            fold.write(connection, table, "b", here.tape.recorded)

        await here.store.write(refold)
        await here.store.swap(BOXES, "b", 3)
        await here.store.write(lambda connection: fold.write(connection, table, "b", here.tape.recorded[3:]))
        here.tape.append(BoxFilled("a", 5))

        def go_on(connection: Any) -> None:
            fold.write(connection, table, "b", here.tape.recorded[3:])
            table.move(connection, 4, START)

        await here.store.write(go_on)
        here.feed.note("boxes", 4)
        change = await soon(frames)
        client.apply(change)
        assert (change.kind, client.rows) == (ChangeKind.CHANGES, here.view((), 4))
        await frames.aclose()


async def test_a_hint_that_is_ahead_of_the_table_delivers_nothing_early(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        frames = here.views.follow(BOXES)
        await soon(frames)
        waiting = asyncio.create_task(anext(frames))
        here.feed.note("boxes", 1_000_000)
        assert not (await asyncio.wait((waiting,), timeout=0.1))[0]
        await here.project(BoxFilled("a", 1))
        async with asyncio.timeout(5):
            assert (await waiting).position == 2
        await frames.aclose()


async def test_one_entity_is_watched_from_what_it_is_now(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        frames = here.views.watch(BOXES, "a")
        assert await soon(frames) is None
        await here.project(BoxOpened("a", "ann"))
        assert (await soon(frames)) == here.view((), 1)["a"]
        await here.project(BoxOpened("b", "ann"))
        await here.project(BoxFilled("a", 7))
        assert (await soon(frames)).weight.grams == 7
        await here.project(BoxThrownAway("a"))
        assert await soon(frames) is None
        await frames.aclose()


async def test_a_resume_waits_for_the_table_and_not_for_the_hint(tmp_path: Path) -> None:
    async with shop(tmp_path, LampLit()) as here:
        here.feed.note("boxes", 1)
        waiting = asyncio.create_task(anext(here.views.follow(BOXES, after=1)))
        assert not (await asyncio.wait((waiting,), timeout=0.1))[0]
        await here.project()
        async with asyncio.timeout(5):
            assert (await waiting).position == 1


async def test_a_table_of_another_fold_resets_those_who_knew_the_old_one(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(LampLit(), LampLit())
        fresh, is_fresh = await here.store.prepare(replace_version(BOXES), here.tape.id, 2)
        assert is_fresh
        assert isinstance(fresh, Checkpoint)
        here.position = 0
        await here.project()
        assert (await soon(here.views.follow(BOXES, after=2))).kind is ChangeKind.RESET


def replace_version(model: Any) -> Any:

    return dataclasses.replace(model, version=model.version + 1)
