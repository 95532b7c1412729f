"""Many followers of one table: one read for all of them, and each as exact as if it were alone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audience import Audience
from engine.liveview import Change, ChangeKind, LiveViews
from engine.shapes import Conditions, Event, at_least, at_most, equals, one_of, starts_with
from engine.store.conditions import matches
from tests import worlds
from tests.engine.test_liveview import Client, Shop, shop, soon
from tests.engine.test_projector import EVENTS
from tests.engine.toy import BOXES, START, BoxFilled, BoxOpened, BoxRow, BoxThrownAway, LampLit, until

ANN, BOB = equals("owner", "ann"), equals("owner", "bob")
HEAVY = at_least("weight.grams", 100)
SCOPES: list[Conditions] = [
    (),
    (ANN,),
    (BOB,),
    (equals("id", "a"),),
    (one_of("id", ["a", "b"]),),
    (starts_with("owner", "a"),),
]
FILTERS: list[Conditions] = [(), (HEAVY,), (equals("is_heavy", True),), (at_most("weight.grams", 60),)]
LATER = START + timedelta(days=9)


def counted(here: Shop) -> list[str]:
    """The reads that the store does from now on: what each of them is for."""
    reads: list[str] = []

    def counting(read: Callable[[Any], Awaitable[Any]]) -> Any:
        async def reading(work: Callable[[Any], Any]) -> Any:
            reads.append(work.__qualname__)
            return await read(work)

        return reading

    here.store.read = counting(here.store.read)  # type: ignore[method-assign]  # the real one, counted
    here.store.once = counting(here.store.once)  # type: ignore[method-assign]  # the real one, counted
    return reads


async def begun(*followers: AsyncGenerator[Any, None]) -> list[Any]:
    """What each of them is told first."""
    async with asyncio.timeout(20):
        return await asyncio.gather(*map(anext, followers))


async def next_of(*followers: AsyncGenerator[Any, None]) -> list["asyncio.Task[Any]"]:
    """What each of them is told next, once all of them wait for it."""
    tasks = [asyncio.create_task(anext(each)) for each in followers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def closed(*followers: AsyncGenerator[Any, None]) -> None:
    for each in followers:
        await each.aclose()


def audience(views: LiveViews) -> Audience:
    return views._audience(BOXES)


async def test_a_change_to_a_view_that_a_thousand_follow_costs_one_read(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        followers = [here.views.follow(BOXES, (HEAVY, ANN)) for _ in range(900)]
        watchers = [here.views.watch(BOXES, "a") for _ in range(100)]
        await begun(*followers, *watchers)
        reads = counted(here)
        for number in range(5):
            told = await next_of(*followers, *watchers)
            await here.project(BoxFilled("a", 50))
            changes = await asyncio.gather(*told)
            assert len({id(each) for each in changes[:900]}) == 1, "one object for all"
            assert (changes[0].since, changes[0].position) == (1 + number, 2 + number)
            assert {each.weight.grams for each in changes[900:]} == {50 * (number + 1)}
        assert len(reads) == 5
        await closed(*followers, *watchers)


async def test_a_change_costs_one_read_whatever_the_filters_are(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "bob"))
        views = [(each, at_least("weight.grams", grams)) for each in (ANN, BOB) for grams in range(50)]
        followers = [here.views.follow(BOXES, each) for each in views]
        await begun(*followers)
        reads, told = counted(here), await next_of(*followers)
        await here.project(BoxFilled("a", 20), is_told=False)
        await here.project(BoxFilled("b", 30))
        changes = await asyncio.gather(*told)
        assert len({id(each) for each in changes}) == 4, "one object for all to whom it is the same"
        for view, change in zip(views, changes, strict=True):
            assert (change.since, change.position) == (2, 4)
            assert {row.id: row for row in change.upserted} == here.view(view, 4)
            assert change.removed == (() if change.upserted else ("a" if view[0] == ANN else "b",))
        assert len(reads) == 1
        await closed(*followers)


async def test_of_a_thousand_who_watch_a_key_only_those_of_the_one_that_changes_are_woken(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        names = [f"box-{number}" for number in range(1000)]
        await here.project(*(BoxOpened(name, "ann") for name in names))
        watchers = [here.views.watch(BOXES, name) for name in names]
        await begun(*watchers)
        reads, told = counted(here), await next_of(*watchers)
        waiting = {future for view in audience(here.views)._views.values() for future in view.waiting}
        await here.project(BoxFilled("box-7", 5), BoxThrownAway("box-8"))
        async with asyncio.timeout(5):
            assert (await told[7]).weight.grams == 5
            assert await told[8] is None
        assert sum(future.done() for future in waiting) == 2
        assert len(waiting) == 1000
        assert len(reads) == 1
        for each in told:
            each.cancel()
        await asyncio.wait(told)


async def test_a_follower_is_told_of_what_is_in_its_scope_and_not_woken_for_the_rest(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "bob"))
        mine = here.views.follow(BOXES, (ANN,))
        everything = here.views.follow(BOXES)
        await begun(mine, everything)
        reads, (told,) = counted(here), await next_of(mine)
        for number in range(200):
            await here.project(BoxFilled("b", 1))
            assert (await soon(everything)).position == 3 + number
        await here.project(BoxThrownAway("b"), BoxThrownAway("a"))
        async with asyncio.timeout(5):
            assert await told == Change(ChangeKind.CHANGES, 2, 204, False, (), ("a",))
        assert len(reads) == 201, "it knows of what is no longer kept that it did not concern it"
        await closed(mine, everything)


async def test_a_follower_that_never_takes_its_next_frame_holds_nothing(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        names = [f"box-{number}" for number in range(100)]
        await here.project(*(BoxOpened(name, "ann") for name in names))
        slow, eager = here.views.follow(BOXES, (HEAVY,)), here.views.follow(BOXES)
        await begun(slow, eager)
        for _ in range(100):
            await here.project(*(BoxFilled(name, 1) for name in names))
            await soon(eager)
        assert here.position == 10_100
        watched = audience(here.views)
        assert sum(len(each.entries) for each in watched._kept) <= 2000
        assert max(len(each.outcomes) for each in watched._views.values()) <= 1
        (sleeper,) = [each for each in watched._views.values() if not each.waiting and not each.outcomes]
        assert sleeper.members == 1
        client = Client(100)
        change = await soon(slow)
        client.apply(change)
        assert (change.since, change.position, client.rows) == (100, 10_100, here.view((HEAVY,), 10_100))
        await closed(slow, eager)


async def test_one_that_was_slow_for_a_moment_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "ann"))
        slow, eager = here.views.follow(BOXES, (ANN,)), here.views.follow(BOXES)
        await begun(slow, eager)
        for event in (BoxFilled("a", 5), BoxFilled("b", 5), BoxThrownAway("b"), BoxFilled("a", 6)):
            await here.project(event)
            await soon(eager)
        reads = counted(here)
        change = await soon(slow)
        assert (change.since, change.position, change.removed) == (2, 6, ("b",))
        assert [row.weight.grams for row in change.upserted] == [11]
        assert not reads
        await closed(slow, eager)


async def test_one_that_begins_ahead_of_the_others_is_told_nothing_twice(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"), BoxOpened("b", "ann"), BoxOpened("c", "ann"))
        first = here.views.follow(BOXES)
        await begun(first)
        told = await next_of(first)
        await here.project(BoxFilled("a", 5), BoxThrownAway("b"), is_told=False)
        second = here.views.follow(BOXES)
        assert [(change.position, len(change.upserted)) for change in await begun(second)] == [(5, 2)]
        told += await next_of(second)
        await here.project(BoxFilled("c", 6))
        async with asyncio.timeout(5):
            changes = await asyncio.gather(*told)
        assert [(each.since, each.position, [row.id for row in each.upserted], each.removed) for each in changes] == [
            (3, 6, ["a", "c"], ("b",)),
            (5, 6, ["c"], ()),
        ]
        await closed(first, second)


async def test_one_that_comes_again_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        eager = here.views.follow(BOXES)
        await soon(eager)
        for _ in range(3):
            await here.project(BoxFilled("a", 5))
            await soon(eager)
        reads, again = counted(here), [here.views.follow(BOXES, (ANN,), after=after) for after in (1, 2, 4)]
        assert [(each.since, each.position, len(each.upserted)) for each in await begun(*again)] == [
            (1, 4, 1),
            (2, 4, 1),
            (4, 4, 0),
        ]
        assert not reads
        await closed(eager, *again)


async def test_too_much_at_a_time_is_read_by_each_in_pages(tmp_path: Path) -> None:
    async with shop(tmp_path, page_size=2) as here:
        names = [f"box-{number}" for number in range(20)]
        followers = [here.views.follow(BOXES, each) for each in ((), (ANN,))]
        clients = [Client(), Client()]
        for follower, client in zip(followers, clients, strict=True):
            client.apply(await soon(follower))
        told = await next_of(*followers)
        await here.project(*(BoxOpened(name, "ann") for name in names))
        for follower, client, task in zip(followers, clients, told, strict=True):
            async with asyncio.timeout(5):
                client.apply(await task)
            while not client.is_whole:
                client.apply(await soon(follower))
            assert client.rows == here.view((), 20)
        assert not audience(here.views)._kept
        reads, told = counted(here), await next_of(*followers)
        await here.project(BoxFilled("box-1", 1))
        async with asyncio.timeout(5):
            assert [(change.since, change.position) for change in await asyncio.gather(*told)] == [(20, 21)] * 2
        assert len(reads) == 1
        await closed(*followers)


async def test_whoever_waited_while_removals_were_forgotten_starts_over(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        followers = [here.views.follow(BOXES), here.views.follow(BOXES, (ANN, HEAVY))]
        watcher = here.views.watch(BOXES, "a")
        await begun(*followers, watcher)
        told = await next_of(*followers, watcher)
        await here.project(BoxThrownAway("a"), BoxOpened("b", "ann"), is_told=False)
        await here.store.prune(LATER)
        here.feed.note("boxes", 3)
        async with asyncio.timeout(5):
            assert await asyncio.gather(*told) == [Change(ChangeKind.RESET, 1, 0, False, (), ())] * 2 + [None]
        for follower in followers:
            assert ((change := await soon(follower)).kind, change.position) == (ChangeKind.SNAPSHOT, 3)
        await closed(*followers, watcher)


async def test_nobody_reads_when_nobody_follows(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        before = asyncio.all_tasks()
        followers = [here.views.follow(BOXES), here.views.follow(BOXES, (ANN,)), here.views.follow(BOXES, (ANN,))]
        watcher = here.views.watch(BOXES, "a")
        await begun(*followers, watcher)
        told = await next_of(*followers, watcher)
        assert [task.get_name() for task in asyncio.all_tasks() - before - set(told)] == ["live boxes"]
        for each in told:
            each.cancel()
        await asyncio.wait(told)
        await until(_has_ended(before))
        watched = audience(here.views)
        assert (watched._views, watched._others, watched._found, watched._head) == ({}, set(), {}, None)
        reads = counted(here)
        await here.project(BoxOpened("a", "ann"))
        assert not reads


def _has_ended(before: set["asyncio.Task[Any]"]) -> Callable[[], Any]:
    async def ended() -> bool:
        return asyncio.all_tasks() == before

    return ended


async def test_closing_ends_the_reading_while_somebody_follows(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        before, follower = asyncio.all_tasks(), here.views.follow(BOXES)
        await soon(follower)
        (told,) = await next_of(follower)
        await here.views.close()
        assert asyncio.all_tasks() == {*before, told}
        told.cancel()
        await asyncio.wait((told,))


async def test_a_read_that_fails_is_told_to_all_who_wait_and_tried_anew_for_the_next(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        followers = [here.views.follow(BOXES), here.views.follow(BOXES, (ANN,))]
        await begun(*followers)
        told = await next_of(*followers)
        await here.store.write(lambda connection: connection.execute("ALTER TABLE boxes_a RENAME TO elsewhere"))
        here.feed.note("boxes", 2)
        for task in told:
            with pytest.raises(Exception, match=r"no such table: boxes_a|relation \"boxes_a\" does not exist"):
                await task
        await here.store.write(lambda connection: connection.execute("ALTER TABLE elsewhere RENAME TO boxes_a"))
        follower = here.views.follow(BOXES, after=1)
        await soon(follower)
        (again,) = await next_of(follower)
        await here.project(BoxFilled("a", 5))
        async with asyncio.timeout(5):
            assert (await again).position == 2
        await closed(follower)


async def test_a_condition_that_does_not_fit_its_column_harms_only_who_set_it(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.project(BoxOpened("a", "ann"))
        followers = [here.views.follow(BOXES, (at_least("id", 5),)), here.views.follow(BOXES, (at_least("id", "a"),))]
        await begun(*followers)
        wrong, right = await next_of(*followers)
        await here.project(BoxFilled("a", 5))
        async with asyncio.timeout(5):
            assert (await right).position == 2
            with pytest.raises(TypeError):
                await wrong
        await closed(*followers)


# ------------------------------------------------------------ anything at any moment


@dataclass(eq=False)
class Follower:
    """A follower with what it is asked for, and the client that applies what it is told."""

    conditions: Conditions
    is_slow: bool
    frames: AsyncGenerator[Change[Any], None]
    client: Client = field(default_factory=Client)
    asked: "asyncio.Task[Change[Any]] | None" = None

    def ask(self) -> None:
        if self.asked is None:
            self.asked = asyncio.create_task(anext(self.frames))

    async def leave(self) -> None:
        if self.asked is not None:
            self.asked.cancel()
            await asyncio.wait((self.asked,))
            self.asked = None
        await self.frames.aclose()


JOINS = st.tuples(st.just("join"), st.sampled_from(SCOPES), st.sampled_from(FILTERS), st.booleans())
SOME = st.lists(EVENTS, min_size=4, max_size=8)
WRITES = st.tuples(st.just("write"), SOME)
NUMBERS = st.integers(0, 99)
STEPS = st.one_of(
    WRITES,
    st.tuples(st.just("write often"), SOME),
    JOINS,
    st.tuples(st.just("take"), NUMBERS),
    st.tuples(st.just("come again"), NUMBERS),
    st.tuples(st.just("leave"), NUMBERS),
    st.tuples(st.just("forget removals"), st.lists(EVENTS, max_size=6)),
    st.tuples(st.just("let time pass")),
)


class Crowd:
    """Followers who come, go, are slow and come again while a table moves on; each frame is checked as it comes."""

    def __init__(self, here: Shop) -> None:
        self.here = here
        self.followers: list[Follower] = []
        self.open: set[str] = set()

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("write", events):
                await self.here.project(*map(self.legal, events))
            case ("write often", events):
                for event in events:
                    await self.here.project(self.legal(event))
                    await asyncio.sleep(0)
            case ("join", scope, filters, is_slow):
                conditions = scope + filters
                self.followers.append(Follower(conditions, is_slow, self.here.views.follow(BOXES, conditions)))
            case ("forget removals", events):
                # Some of them before anybody has read of them.
                await self.here.project(*map(self.legal, events), is_told=False)
                await self.here.store.prune(LATER)
                self.here.feed.note("boxes", self.here.position)
            case ("let time pass",):
                self.here.time[0] += 15
            case (what, number) if self.followers:
                await self.move(what, self.followers[number % len(self.followers)])
        await self.give_way()

    async def move(self, what: str, follower: Follower) -> None:
        if what == "take":
            follower.ask()
        elif what == "come again":
            await self.come_again(follower)
        else:
            self.followers.remove(follower)
            await follower.leave()

    def legal(self, event: Event) -> Event:
        """A box is opened once before it is thrown away: its owner is fixed for as long as it is there."""
        if isinstance(event, BoxOpened) and event.box in self.open:
            return BoxFilled(event.box, 60)
        if isinstance(event, BoxOpened):
            self.open.add(event.box)
        if isinstance(event, BoxThrownAway):
            self.open.discard(event.box)
        return event

    async def come_again(self, follower: Follower) -> None:
        await follower.leave()
        after = follower.client.position or None
        if after is None:
            follower.client = Client()  # a snapshot that was cut off has no position to go on from
        follower.client.is_whole = after is not None
        follower.frames = self.here.views.follow(BOXES, follower.conditions, after=after)

    async def give_way(self) -> None:
        """Let everything run for a moment, and take in what the followers were told."""
        for _ in range(4):
            await self.here.store.positions()  # as long as a read takes
            for follower in self.followers:
                self.take_in(follower)
                if not follower.is_slow:
                    follower.ask()

    def take_in(self, follower: Follower) -> None:
        if follower.asked is None or not follower.asked.done():
            return
        change, follower.asked = follower.asked.result(), None
        client = follower.client
        client.apply(change)
        told = {row.id for row in change.upserted} | set(change.removed)
        assert told <= self.within(follower.conditions), "an id from outside the scope"
        if client.is_whole and change.kind is not ChangeKind.RESET:
            assert client.rows == self.here.view(follower.conditions, client.position)

    def within(self, conditions: Conditions) -> set[str]:
        """Every id that ever was within the scope."""
        scope = tuple(each for each in conditions if each.column in ("id", "owner"))
        layout = self.here.store.table(BOXES).layout
        opened = [each.event for each in self.here.tape.recorded if isinstance(each.event, BoxOpened)]
        rows = [BoxRow(id=each.box, owner=each.owner, label="") for each in opened]
        return {row.id for row in rows if matches(layout, row, scope)}

    async def finish(self) -> None:
        """Everybody comes to the end."""
        end = self.here.position
        for follower in self.followers:
            async with asyncio.timeout(10):
                while follower.client.position < end or not follower.client.is_whole:
                    self.here.time[0] += 15
                    await self.here.project(LampLit())
                    follower.ask()
                    assert follower.asked is not None
                    await asyncio.wait((follower.asked,))
                    self.take_in(follower)
            await follower.leave()


@pytest.mark.worlds
@given(st.lists(JOINS, min_size=2, max_size=6), st.lists(STEPS, min_size=10, max_size=25), st.sampled_from([1, 3, 50]))
def test_every_follower_sees_what_a_query_at_its_position_gives(
    joins: list[tuple[Any, ...]], steps: list[tuple[Any, ...]], page_size: int
) -> None:
    async def live() -> None:
        with worlds.folder() as folder:
            async with shop(folder, page_size=page_size) as here:
                crowd, before = Crowd(here), asyncio.all_tasks()
                for step in (*joins, *steps):
                    await crowd.step(step)
                await crowd.finish()
                await until(_has_ended(before))

    asyncio.run(live())
