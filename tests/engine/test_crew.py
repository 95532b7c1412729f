"""A crew: each consumer has one owner, each process its part, and what is lost is stopped."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import tenure
from engine.crew import Crew
from engine.faults import LeaseLost, Unavailable
from engine.lease import Leases
from engine.status import NOBODYS, State, Told, elsewhere
from engine.store.leases import Rows
from engine.store.session import Guard, Session
from engine.tenure import Lease
from tests import worlds
from tests.engine.toy import START
from tests.engine.turns import File, writer
from tests.redis import until

LOOK = 0.02
NAMES = "abcde"


class Toy:
    """A consumer that notes who owns it."""

    def __init__(self, name: str, owned: dict[str, "Toy"]) -> None:
        self.lease = name
        self.guard: Guard | None = None
        self.begun = self.stopped = 0
        self.fails = 0
        self._owned = owned

    async def begin(self, guard: Guard) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("Not yet.")
        assert self.lease not in self._owned, "two own it at once"
        self._owned[self.lease], self.guard = self, guard
        self.begun += 1

    async def stop(self) -> None:
        self.stopped += 1
        if self._owned.get(self.lease) is self:
            del self._owned[self.lease]

    def told(self) -> Told:
        return Told(self.begun, last_error=f"of {self.lease}")


class Members:
    """Crews of several processes on one file."""

    def __init__(self, file: File, stack: AsyncExitStack) -> None:
        self._file = file
        self._stack = stack
        self.owned: dict[str, Toy] = {}

    def leases(self, who: str) -> Leases:
        return Leases(self._file, who, span=60, dialect=worlds.dialect())

    async def join(self, who: str) -> tuple[Crew, list[Toy]]:
        toys = [Toy(name, self.owned) for name in NAMES]
        crew = Crew("toy", self.leases(who), toys, look=LOOK)
        await crew.start()
        self._stack.push_async_callback(crew.stop)
        return crew, toys

    async def spread(self, *parts: tuple[Crew, int]) -> None:
        """Wait until each has as many as it should, and none is left over."""

        async def is_so() -> bool:
            return [len(crew.owned) for crew, _ in parts] == [count for _, count in parts]

        await until(is_so)
        assert self.owned.keys() == {*NAMES}


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with AsyncExitStack() as stack:
        connection = await writer(tmp_path / "store.db")
        stack.push_async_callback(connection.close)
        yield Members(File(connection), stack)


async def test_who_is_alone_has_all_of_it_once_it_has_started(members: Members) -> None:
    crew, _ = await members.join("ann")
    assert crew.owned == members.owned.keys() == {*NAMES}


async def test_who_comes_gets_a_part_and_who_leaves_gives_it_back(members: Members) -> None:
    ann, _ = await members.join("ann")
    ben, _ = await members.join("ben")
    await members.spread((ann, 3), (ben, 2))
    cid, _ = await members.join("cid")
    await members.spread((ann, 2), (ben, 2), (cid, 1))
    await ann.stop()
    assert not ann.owned
    await members.spread((ben, 3), (cid, 2))
    await cid.stop()
    await members.spread((ben, 5))


async def test_what_does_not_begin_is_tried_again_and_keeps_nothing_else_from_beginning(members: Members) -> None:
    toys = [Toy(name, members.owned) for name in NAMES]
    toys[2].fails = 2
    crew = Crew("toy", members.leases("ann"), toys, look=LOOK)
    await crew.start()
    try:
        assert crew.owned == {*"abde"}
        await members.spread((crew, 5))
        assert (toys[2].begun, toys[2].stopped) == (1, 2)
    finally:
        await crew.stop()


async def test_an_owner_whose_lease_was_taken_stores_nothing_and_is_stopped(members: Members, tmp_path: Path) -> None:
    crew, toys = await members.join("ann")
    file = members._file

    def taken(session: Session) -> None:
        rows = Rows(worlds.dialect())
        lease, now = rows.hold(session, "b")
        rows.change(session, "b", Lease("ben", lease.token + 1, now + 60_000))

    guard = toys[1].guard
    assert guard is not None
    await file.write(guard)
    await file.write(taken)

    def work(session: Session) -> None:
        session.execute("CREATE TABLE written (it INTEGER)")
        guard(session)

    with pytest.raises(LeaseLost):
        await file.write(work)
    tables = worlds.sql(tmp_path / "store.db", worlds.TABLES[worlds.is_postgres()])
    assert ("written",) not in tables
    assert ("leases",) in tables

    async def has_stopped() -> bool:
        return toys[1].stopped == 1

    await until(has_stopped)
    assert crew.owned == {*"acde"}, "it is another's for as long as that one's lease lasts"


async def test_what_an_owner_says_of_its_consumers_is_seen_by_others(members: Members) -> None:
    await members.join("ann")
    leases = members.leases("somebody")

    async def is_told() -> bool:
        seen = await leases.seen()
        return all(Told.read(seen[name].told) == Told(1, last_error=f"of {name}") for name in NAMES)

    await until(is_told)
    seen = await leases.seen()
    assert {(seen[name].owner, seen[name].is_free) for name in NAMES} == {("ann", False)}


@asynccontextmanager
async def away(members: Members) -> AsyncIterator[None]:
    """The store cannot be had."""
    file = members._file
    write, file.write = file.write, refuse  # type: ignore[method-assign, assignment]  # the real one, gone
    try:
        yield
    finally:
        file.write = write  # type: ignore[method-assign]  # and back


async def refuse(work: object) -> object:
    raise Unavailable("It is away.")


async def test_a_crew_starts_while_the_store_is_away_and_begins_when_it_is_back(members: Members) -> None:
    async with away(members):
        crew, _ = await members.join("ann")
        assert not crew.owned
    await members.spread((crew, 5))


@given(st.integers(0, 40), st.sets(st.text("abcd", max_size=3), min_size=1))
def test_parts_are_exactly_everything_and_differ_by_one_at_most(consumers: int, living: set[str]) -> None:
    parts = [tenure.share(consumers, [*living], me) for me in living]
    assert sum(parts) == consumers
    assert max(parts) - min(parts) <= 1


@given(st.integers(0, 40), st.sets(st.text("abcd", max_size=3)), st.text("abcd", max_size=3))
def test_who_is_not_known_yet_counts_itself(consumers: int, living: set[str], me: str) -> None:
    assert tenure.share(consumers, [*living], me) == tenure.share(consumers, [*living | {me}], me)


@pytest.mark.parametrize(
    ("told", "seconds", "state", "error"),
    [
        (Told(), 0.5, State.LIVE, None),
        (Told(), 1.5, State.CATCHING_UP, None),
        (Told(state=State.STALLED, last_error="No."), 0.5, State.STALLED, "No."),
        (Told(state=State.PAUSED), 9.0, State.PAUSED, None),
        (None, 0.5, State.LIVE, NOBODYS),
        (None, 1.5, State.CATCHING_UP, NOBODYS),
    ],
)
def test_how_a_consumer_of_another_process_stands(
    told: Told | None, seconds: float, state: State, error: str | None
) -> None:
    found = elsewhere("x", told, 3, 5, seconds, START)
    assert (found.name, found.position, found.head, found.lag_events) == ("x", 3, 5, 2)
    assert (found.state, found.last_error, found.lag_seconds) == (state, error, seconds)


def test_what_is_told_is_read_again_and_what_is_not_understood_is_nothing() -> None:
    told = Told(7, 1.5, State.REBUILDING, "No.", 3)
    assert Told.read(told.text()) == told
    assert Told.read("") == Told.read("[1]") == Told.read('{"state": "NEW"}') == Told()
