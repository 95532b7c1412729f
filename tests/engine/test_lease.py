"""Leases: one owner at a time, another soon after it died, and nothing from one that was paused and woke."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import tenure
from engine.clock import monotonic
from engine.faults import LeaseLost, Unavailable
from engine.lease import Leases, Token
from engine.store.dialect import POSTGRES
from engine.store.leases import Rows
from engine.store.postgres import Database
from engine.store.session import Session, transaction
from engine.tenure import NOBODYS, Lease
from tests import worlds
from tests.e2e.process import ROOT
from tests.engine.turns import SPAN, File, prepare, writer
from tests.redis import PACE, until

T = TypeVar("T")
SHORT = 0.3
"Seconds of a lease within one process."


class Frail(File):
    """A file that is away when it is told to be."""

    is_away = False

    async def write(self, work: Callable[[Session], T]) -> T:
        if self.is_away:
            raise Unavailable("It is away.")
        return await super().write(work)


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Frail]:
    connection = await writer(tmp_path / "store.db")
    yield Frail(connection)
    await connection.close()


def leases_of(file: File, owner: str, **options: Any) -> Leases:
    return Leases(file, owner, dialect=worlds.dialect(), **options)


async def stored(file: File, name: str = "x") -> tuple[Lease, int]:
    return await file.write(lambda session: Rows(worlds.dialect()).look(session, name))


async def change(file: File, lease: Lease, name: str = "x") -> None:
    def work(session: Session) -> None:
        rows = Rows(worlds.dialect())
        rows.hold(session, name)
        rows.change(session, name, lease)

    await file.write(work)


# ------------------------------------------------------------ within one process


async def test_an_owner_has_a_token_that_grows_with_each(file: Frail) -> None:
    leases = leases_of(file, "ann", span=60)
    for number in (1, 2, 3):
        async with leases.held("x") as token:
            assert token == Token("x", number)
            lease, now = await stored(file)
            assert (lease.owner, lease.token) == ("ann", number)
            assert 59_000 < lease.expires_at - now <= 60_000
            await file.write(partial(leases.check, token=token))
        assert (await stored(file))[0] == Lease("", number, 0)


async def test_a_consumer_has_one_owner_and_others_are_their_own(file: Frail) -> None:
    ann, ben = leases_of(file, "ann", span=SHORT), leases_of(file, "ben", span=SHORT)
    async with ann.held("x"):
        async with ben.held("y") as token:
            assert token == Token("y", 1)
        with pytest.raises(TimeoutError):
            await held_within(SHORT, ben, "x")
    assert await held_within(5, ben, "x") == Token("x", 2), "given back, it is free at once"


async def held_within(seconds: float, leases: Leases, name: str) -> Token:
    async with asyncio.timeout(seconds), leases.held(name) as token:
        return token


async def test_two_tasks_of_one_process_do_not_both_own_it(file: Frail) -> None:
    leases = leases_of(file, "ann", span=60)
    async with leases.held("x"):
        with pytest.raises(TimeoutError):
            await held_within(0.1, leases, "x")


async def test_an_owner_stays_one_for_longer_than_a_lease_lasts(file: Frail) -> None:
    ann, ben = leases_of(file, "ann", span=SHORT), leases_of(file, "ben", span=SHORT)
    async with ann.held("x") as token:
        with pytest.raises(TimeoutError):
            await held_within(3 * SHORT, ben, "x")
        await file.write(partial(ann.check, token=token))


async def test_an_old_token_stores_nothing(file: Frail, tmp_path: Path) -> None:
    leases = leases_of(file, "ann", span=60)
    async with leases.held("x") as token:
        lease, now = await stored(file)
        await change(file, Lease("ben", lease.token + 1, now + 60_000))

        def work(session: Session) -> None:
            session.execute("CREATE TABLE written (it INTEGER)")
            leases.check(session, token)

        with pytest.raises(LeaseLost, match="Another process has taken over x; what this one"):
            await file.write(work)
        assert ("written",) not in worlds.sql(tmp_path / "store.db", worlds.TABLES[worlds.is_postgres()])
    assert (await stored(file))[0].owner == "ben", "what is another's is not given back"


async def test_a_token_of_a_consumer_that_nobody_ever_had_is_no_token(file: Frail) -> None:
    with pytest.raises(LeaseLost):
        await file.write(lambda session: leases_of(file, "ann").check(session, Token("never", 1)))


async def test_who_loses_it_is_stopped(file: Frail) -> None:
    leases = leases_of(file, "ann", span=SHORT)

    async def own() -> None:
        async with asyncio.timeout(5), leases.held("x"):
            lease, now = await stored(file)
            await change(file, Lease("ben", lease.token + 1, now + 60_000))
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost):
        await own()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert (await stored(file))[0].owner == "ben"


async def test_who_cannot_renew_is_stopped_before_another_may_take_it(file: Frail) -> None:
    leases, began = leases_of(file, "ann", span=SHORT), monotonic()

    async def own() -> None:
        async with asyncio.timeout(5), leases.held("x"):
            file.is_away = True
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost):
        await own()
    assert SHORT <= monotonic() - began < 5


async def test_one_renewal_that_fails_is_made_good(file: Frail) -> None:
    leases = leases_of(file, "ann", span=2 * SHORT)
    async with leases.held("x"):
        first, _ = await stored(file)
        file.is_away = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.8 * SHORT)
        file.is_away = False

        async def is_renewed() -> bool:
            return (await stored(file))[0].expires_at > first.expires_at

        await until(is_renewed)


async def test_what_the_owner_raises_is_raised(file: Frail) -> None:
    leases = leases_of(file, "ann", span=60)
    with pytest.raises(ZeroDivisionError):
        async with leases.held("x"):
            raise ZeroDivisionError
    assert (await stored(file))[0] == Lease("", 1, 0)


async def test_an_owner_that_is_cancelled_gives_it_back(file: Frail) -> None:
    leases, has_begun = leases_of(file, "ann", span=60), asyncio.Event()

    async def own() -> None:
        async with leases.held("x"):
            has_begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(own())
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stored(file))[0] == Lease("", 1, 0)


async def test_a_candidate_waits_for_a_store_that_is_away(file: Frail) -> None:
    file.is_away = True
    waiting = asyncio.create_task(held_within(5, leases_of(file, "ann", span=SHORT), "x"))
    assert not (await asyncio.wait((waiting,), timeout=SHORT))[0]
    file.is_away = False
    assert await waiting == Token("x", 1)


@pytest.mark.one_world("it is about PostgreSQL")
def test_on_postgresql_a_renewal_passes_what_a_takeover_has_to_wait_for(tmp_path: Path) -> None:
    rows = Rows(POSTGRES)
    with (
        worlds.world("postgresql"),
        closing(worlds.session(tmp_path / "read.db")) as storing,
        closing(worlds.session(tmp_path / "read.db")) as other,
    ):
        with transaction(storing):
            _, now = rows.hold(storing, "x")
            rows.change(storing, "x", Lease("ann", 1, now))
        with transaction(storing):
            assert rows.token(storing, "x") == 1
            with transaction(other):
                assert rows.seize(other, "x") is None
            with transaction(other):
                lease, _ = rows.hold(other, "x")
                rows.change(other, "x", replace(lease, expires_at=now + 60_000))
            assert rows.token(storing, "x") == 1
        with transaction(other):
            seized = rows.seize(other, "x")
            assert seized is not None
            assert seized[0] == Lease("ann", 1, now + 60_000)


@pytest.mark.one_world("it is about PostgreSQL")
async def test_on_postgresql_who_stopped_in_the_middle_of_a_pipeline_is_in_nobodys_way(tmp_path: Path) -> None:
    rows = Rows(POSTGRES)
    with worlds.world("postgresql"), closing(worlds.session(tmp_path / "read.db")) as other:
        with transaction(other):
            _, now = rows.hold(other, "x")
            rows.change(other, "x", Lease("ann", 1, now))
        stopped = Database(worlds.url(tmp_path / "read.db")).connect()
        with closing(stopped):
            line = stopped.pgconn
            line.enter_pipeline_mode()
            for text in (b"BEGIN", b"SELECT token FROM leases WHERE name = 'x' FOR KEY SHARE"):
                line.send_query_params(text, None)
            line.send_flush_request()
            line.flush()

            async def is_held() -> bool:
                with transaction(other):
                    return rows.seize(other, "x") is None

            async def is_free() -> bool:
                with transaction(other):
                    rows.evict(other, 0)
                return not await is_held()

            await until(is_held, 10)
            await until(is_free, 10)


# ------------------------------------------------------------ processes that die and are paused


class Books:
    """What the processes wrote, read by somebody else."""

    def __init__(self, path: Path) -> None:
        self._session = worlds.session(path)
        if not worlds.is_postgres():
            self._session.execute("PRAGMA busy_timeout = 200")

    def close(self) -> None:
        self._session.close()

    def rows(self, statement: str) -> list[Any]:
        return self._session.execute(statement).fetchall()  # type: ignore[no-any-return]

    def owner(self) -> int:
        """Who wrote last."""
        return next((row[0] for row in self.rows("SELECT owner FROM applied ORDER BY place DESC LIMIT 1")), 0)

    def is_locked(self) -> bool:
        """Whether somebody is in a transaction that keeps others from writing."""
        if worlds.is_postgres():
            with transaction(self._session):
                return not self.rows("SELECT FROM leases WHERE name = 'counter' FOR UPDATE SKIP LOCKED")
        try:
            self._session.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        self._session.execute("ROLLBACK")
        return False

    async def other_than(self, owner: int) -> float:
        """Wait until somebody else writes; how long it took."""
        began = monotonic()

        async def is_other() -> bool:
            return self.owner() != owner

        await until(is_other)
        return monotonic() - began

    async def more(self) -> None:
        """Wait until something is written."""
        before = self.rows("SELECT max(place) FROM applied")

        async def is_more() -> bool:
            return self.rows("SELECT max(place) FROM applied") != before

        await until(is_more)


@asynccontextmanager
async def processes(url: str) -> AsyncIterator[Callable[[], Any]]:
    """Starts one more each time it is called, and ends all of them."""
    pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    command = [sys.executable, "-m", "tests.engine.turns", url]
    forker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=quiet)
    assert forker.stdin
    assert forker.stdout
    stdin, stdout = forker.stdin, forker.stdout

    async def start() -> int:
        stdin.write(b"\n")
        return int(await stdout.readline())

    try:
        yield start
    finally:
        stdin.close()
        await forker.wait()


async def pause(books: Books) -> int:
    """Pause the owner, but not within a transaction: then nobody else could write."""
    while True:
        owner = books.owner()
        os.kill(owner, signal.SIGSTOP)
        await asyncio.sleep(PACE)  # what it had sent to a server is done by then
        if not books.is_locked() and books.owner() == owner:
            return owner
        os.kill(owner, signal.SIGCONT)
        await books.more()


@pytest.mark.timeout(200)
async def test_fifty_owners_are_killed_and_twenty_paused_and_nothing_is_applied_twice(tmp_path: Path) -> None:
    path, times = tmp_path / "log.db", []
    async with processes(await prepare(path)) as start:
        for _ in range(3):
            await start()
        books = Books(path)
        await books.more()
        for number in range(70):
            if number % 7 in (2, 5):
                owner = await pause(books)
                times.append(await books.other_than(owner))
                os.kill(owner, signal.SIGCONT)
            else:
                owner = books.owner()
                os.kill(owner, signal.SIGKILL)
                times.append(await books.other_than(owner))
                await start()
            await books.more()

        async def all_paused_have_noticed() -> bool:
            return len(books.rows("SELECT DISTINCT token FROM stopped")) >= 20

        await until(all_paused_have_noticed)
    applied = books.rows("SELECT count, token, owner FROM applied ORDER BY place")
    stopped = books.rows("SELECT token, owner FROM stopped")
    books.close()
    assert [count for count, _, _ in applied] == list(range(1, len(applied) + 1)), "in order, none twice, none left out"
    turns = [turn for turn, _ in groupby((token, owner) for _, token, owner in applied)]
    assert [token for token, _ in turns] == sorted({token for token, _ in turns}), "no turn goes on after another began"
    assert len(turns) > 70
    assert set(stopped) <= set(turns), "who noticed that it was over had had its turn"
    # 10 s of a lease of 6, with a second for a machine that has other things to do.
    assert max(times) < 10 * SPAN / 6 + 1, times


# ------------------------------------------------------------ the rules

leases = st.builds(Lease, st.sampled_from(["", "ann", "ben"]), st.integers(0, 9), st.integers(0, 5_000))
instants, spans = st.integers(0, 10_000), st.integers(1, 3_000)


@given(leases, instants, spans)
def test_it_is_taken_only_when_it_is_over_and_always_with_a_new_token(lease: Lease, now: int, span: int) -> None:
    mine = tenure.taken(lease, "cid", now, span)
    if now < lease.expires_at <= now + 2 * span:
        assert mine is None
    else:
        assert mine == Lease("cid", lease.token + 1, now + span)


@given(leases, instants, spans)
def test_a_lease_ends_by_itself_even_if_the_clock_went_back(lease: Lease, now: int, span: int) -> None:
    """Whatever is stored, two leases' time of the clock later it can be had."""
    assert tenure.is_free(lease, now, span) or tenure.is_free(lease, now + 2 * span, span)


@given(leases, st.integers(0, 9), instants, spans)
def test_only_the_newest_token_renews_and_gives_back(lease: Lease, token: int, now: int, span: int) -> None:
    renewed, released = tenure.renewed(lease, token, now, span), tenure.released(lease, token)
    if token != lease.token:
        assert renewed is released is None
    else:
        assert renewed == Lease(lease.owner, token, now + span)
        assert released is not None
        assert tenure.is_free(released, now, span)
        assert released.token == token, "or the next owner would have the same"


steps = st.lists(
    st.tuples(st.sampled_from(["take", "renew", "release"]), st.sampled_from("abc"), st.integers(-3_000, 3_000)),
    max_size=60,
)


@given(steps, spans)
def test_whatever_happens_there_is_one_owner_whose_token_counts(steps: list[tuple[str, str, int]], span: int) -> None:
    """Any order of taking, renewing and giving back, while the clock jumps about."""
    lease, now, held = NOBODYS, 10_000, dict[str, int]()
    given_out: list[int] = []
    for step, owner, passed in steps:
        now += passed
        if step == "take":
            changed = tenure.taken(lease, owner, now, span)
            if changed is not None:
                held[owner] = changed.token
                given_out.append(changed.token)
        elif step == "renew":
            changed = tenure.renewed(lease, held.get(owner, -1), now, span)
        else:
            changed = tenure.released(lease, held.get(owner, -1))
        lease = changed or lease
        assert given_out == list(range(1, len(given_out) + 1))
        owners = [owner for owner, token in held.items() if token == lease.token]
        assert owners == ([max(held, key=lambda each: held[each])] if held else [])


@given(spans, st.floats(0, 1))
def test_renewals_and_looks_come_in_time(span: int, chance: float) -> None:
    assert 2 * tenure.renew_after(span) < span, "two may fail"
    assert span + tenure.look_after(span, chance) <= 10 / 6 * span, "10 s for a lease of 6"
    assert tenure.is_over(1.0, 1.0 + span, span)
    assert not tenure.is_over(1.0, 0.9 + span, span)
