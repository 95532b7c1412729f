"""The dispatcher: every command once, in order, durable before it is answered, and no harm to its neighbors."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace as changed
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.decider import Request
from engine.dispatcher import MOST_CHARACTERS_OF_ID, Dispatcher
from engine.faults import Unavailable
from engine.feed import LOG, Feed
from engine.refusals import AlreadyTaken, CommandIdReused, InvalidInput, NotAllowedNow, VersionConflict
from engine.shapes import Aggregate, Command, Event, Receipt, State, Value
from engine.shapes import replace as replaced
from engine.store.log import Log
from engine.store.session import Connection, Session
from tests import worlds
from tests.engine.lockers import (
    CODEC,
    LOCKERS,
    START,
    ChangeCode,
    Desk,
    JamLocker,
    Locker,
    LockerRented,
    LockerReturned,
    PutIn,
    RentLocker,
    ReturnLocker,
    ThingPutIn,
    desk,
    evolve,
)


def put(grams: int, locker: str = "a") -> PutIn:
    return PutIn(locker=locker, grams=grams)


async def test_a_command_is_answered_with_where_its_events_are(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        first = await at.send(RentLocker(locker="a", code="1"), "c1", actor_id="ann", correlation_id="story")
        second = await at.send(ReturnLocker(locker="a"), "c2", causation_id="cause", trace="t")
        (one, two, three) = await at.all()
        assert first == Receipt("c1", 1, "locker-a", 1, one.recorded_at, 1, False, "ann")
        assert second == Receipt("c2", 3, "locker-a", 3, two.recorded_at, 2, False, None)
        assert [one.event, two.event, three.event] == [
            LockerRented(locker="a", code="1"),
            ThingPutIn(locker="a", grams=0),
            LockerReturned(locker="a", code="1"),
        ]
        assert [
            (each.command_id, each.correlation_id, each.causation_id, each.actor_id, each.trace) for each in (one, two)
        ] == [
            ("c1", "story", None, "ann", None),
            ("c2", "c2", "cause", None, "t"),
        ]
        assert await at.log.command("c2") == second
        assert await at.feed.reached(LOG, 3, 5)


async def test_a_command_that_has_nothing_to_do_is_answered_with_the_position_it_was_decided_at(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        nothing = await at.send(put(0), "c0")
        await at.accepted(put(1, "b"), put(2, "b"))
        again = await at.send(put(0))
        assert (nothing.position, nothing.stream, nothing.version, nothing.events) == (0, "locker-a", 0, 0)
        assert (again.position, again.version, again.events) == (2, 0, 0)
        assert await at.send(put(0), "c0") == replaced(nothing, replayed=True)


async def test_a_refusal_stores_nothing_and_harms_no_neighbor_in_its_group(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        one, no, two, other = await at.together(put(1), put(-1), put(2), put(3, "b"))
        assert type(no) is NotAllowedNow
        assert (no.path, no.state) == (("grams",), "RENTED")
        assert [(each.position, each.version) for each in (one, two, other)] == [(1, 1), (2, 2), (3, 1)]
        assert one.accepted_at == other.accepted_at, "one group"
        assert await at.query("SELECT count(*) FROM commands") == [(3,)]
        assert await at.events() == [put_in(1), put_in(2), put_in(3, "b")]


def put_in(grams: int, locker: str = "a") -> ThingPutIn:
    return ThingPutIn(locker=locker, grams=grams)


async def test_a_fault_in_the_rules_harms_only_its_own_command(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        one, fault, two = await at.together(put(1), JamLocker(locker="a"), put(2))
        assert type(fault) is ZeroDivisionError
        assert (one.version, two.version) == (1, 2)
        with pytest.raises(ZeroDivisionError, match="jammed"):
            await at.send(JamLocker(locker="a"))
        with pytest.raises(UnicodeEncodeError):
            await at.send(RentLocker(locker="a", code="\ud800"))
        assert (await at.accepted(put(3))).version == 3
        assert await at.events() == [put_in(1), put_in(2), put_in(3)]


async def test_a_command_that_nobody_declared_is_a_fault(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        with pytest.raises(KeyError):
            await at.send(Command())


async def test_a_command_id_gives_the_same_answer_and_no_second_effect(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        first = await at.send(put(1), "c", expected_version=0)
        await at.accepted(put(2))
        again = await at.send(put(1), "c", expected_version=0)
        assert again == replaced(first, replayed=True)
        for other in (put(2), put(1, "b"), RentLocker(locker="a", code="1")):
            assert type(await at.send(other, "c", expected_version=0)) is CommandIdReused
        assert type(await at.send(put(1), "c")) is CommandIdReused
        assert at.log.position == 2
    async with desk(tmp_path) as at:
        assert await at.send(put(1), "c", expected_version=0) == replaced(first, replayed=True)
        assert type(await at.send(put(2), "c")) is CommandIdReused
        assert at.log.position == 2


async def test_a_command_id_counts_within_one_group_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        answers = await asyncio.gather(*(at.send(put(grams), "c") for grams in (1, 1, 2, 1)))
        assert answers[1] == answers[3] == replaced(answers[0], replayed=True)
        assert type(answers[2]) is CommandIdReused
        assert await at.events() == [put_in(1)]


async def test_the_id_of_a_refused_command_can_be_used_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        assert type(await at.send(put(-1), "c")) is NotAllowedNow
        assert (await at.send(put(1), "c")).replayed is False


@pytest.mark.parametrize("id", ["", "x" * (MOST_CHARACTERS_OF_ID + 1), "a\x00b", "a\nb", "\ud800", "\u202e"])
async def test_a_command_id_that_cannot_be_shown_is_refused(tmp_path: Path, id: str) -> None:
    async with desk(tmp_path) as at:
        refusal = await at.send(put(1), id)
        assert type(refusal) is InvalidInput
        assert refusal.path == ("commandId",)
        assert (await at.send(put(1), "☃ " * (MOST_CHARACTERS_OF_ID // 2))).position == 1


async def test_an_expected_version_that_is_not_the_streams_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        assert (await at.send(put(1), expected_version=0)).version == 1
        refusal = await at.send(put(1), expected_version=0)
        assert type(refusal) is VersionConflict
        assert (refusal.expected, refusal.actual, refusal.path) == (0, 1, ("expectedVersion",))
        answers = await asyncio.gather(*(at.send(put(2), expected_version=1) for _ in range(5)))
        assert [type(each).__name__ for each in answers] == ["Receipt"] + ["VersionConflict"] * 4
        assert await at.events() == [put_in(1), put_in(2)]


async def test_a_value_is_claimed_once_and_free_again_when_it_is_released(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.accepted(RentLocker(locker="a", code="1"))
        refusal = await at.send(RentLocker(locker="b", code="1"))
        assert type(refusal) is AlreadyTaken
        assert refusal.path == ("code",)
        await at.accepted(ReturnLocker(locker="a"), RentLocker(locker="b", code="1"))
        assert type(await at.send(ChangeCode(locker="a", code="1"))) is AlreadyTaken
        await at.accepted(ChangeCode(locker="b", code="2"), RentLocker(locker="a", code="1"))
        assert await at.query("SELECT value, stream FROM claims ORDER BY value") == [
            ("1", "locker-a"),
            ("2", "locker-b"),
        ]
    async with desk(tmp_path) as at:
        assert type(await at.send(RentLocker(locker="c", code="2"))) is AlreadyTaken
        assert at.log.position == 6


async def test_claims_and_releases_within_one_group_follow_one_another(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        answers = await at.together(
            RentLocker(locker="a", code="1"),
            RentLocker(locker="b", code="1"),
            ReturnLocker(locker="a"),
            RentLocker(locker="b", code="1"),
            ChangeCode(locker="b", code="2"),
            RentLocker(locker="c", code="1"),
            ReturnLocker(locker="c"),
        )
        assert [type(each).__name__ for each in answers] == ["Receipt", "AlreadyTaken", *["Receipt"] * 5]
        assert await at.query("SELECT value, stream FROM claims") == [("2", "locker-b")]


async def test_a_stream_may_claim_again_what_it_holds(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.accepted(RentLocker(locker="a", code="1"), RentLocker(locker="a", code="1"))
        await at.accepted(ChangeCode(locker="a", code="1"))
        await at.together(RentLocker(locker="b", code="2"), RentLocker(locker="b", code="2"))
        assert at.log.position == 5
        assert await at.query("SELECT value, stream FROM claims ORDER BY value") == [
            ("1", "locker-a"),
            ("2", "locker-b"),
        ]


async def test_of_a_hundred_who_claim_the_same_value_at_once_one_gets_it(tmp_path: Path) -> None:
    async with desk(tmp_path, most_in_group=7) as at:
        answers = await at.together(*(RentLocker(locker=f"l{number}", code="1") for number in range(100)))
        assert sorted(type(each).__name__ for each in answers) == ["AlreadyTaken"] * 99 + ["Receipt"]
        assert len(await at.all()) == 1


async def test_a_thousand_commands_at_once_on_one_stream_keep_its_versions_gapless(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        receipts = await at.together(*(put(number + 1) for number in range(1000)))
        assert [each.version for each in receipts] == [each.position for each in receipts] == list(range(1, 1001))
        assert [(each.position, each.version, each.event) for each in await at.all()] == [
            (number + 1, number + 1, put_in(number + 1)) for number in range(1000)
        ]
        # Time never goes back along the log.
        times = [each.recorded_at for each in await at.all()]
        assert times == sorted(times)


async def test_time_never_goes_back_along_the_log_even_when_the_clock_does(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.times.at = START.replace(year=2030)
        await at.accepted(put(1))
        at.times.at = START
        await at.accepted(put(2))
    async with desk(tmp_path) as at:
        await at.accepted(put(3))
        assert len({each.recorded_at for each in await at.all()}) == 1


async def test_the_cache_is_bounded_and_what_left_it_is_loaded_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, most_cached=3) as at:
        for turn in range(4):
            for number in range(8):
                receipt = await at.accepted(put(turn + 1, f"l{number}"))
                assert receipt.version == turn + 1
                assert len(at.dispatcher._decider._cache) <= 3
        assert list(at.dispatcher._decider._cache) == ["locker-l5", "locker-l6", "locker-l7"]
        assert at.dispatcher._decider._cache["locker-l7"] == (Locker(grams=10, weights=(2, 3, 4)), 4)
        await at.accepted(put(0, "l0"))
        assert at.dispatcher._decider._cache["locker-l0"] == (Locker(grams=10, weights=(2, 3, 4)), 4)


async def test_with_no_cache_at_all_everything_is_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, most_cached=0) as at:
        assert [(await at.accepted(put(1))).version for _ in range(7)] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_snapshot_is_kept_every_so_many_events_and_with_the_rest_makes_the_whole_stream(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        kept = []
        for number in range(12):
            await at.accepted(put(number))
            kept += [row[0] for row in await at.query("SELECT version FROM snapshots")]
        # Nothing is stored for the first, of 0 grams.
        assert kept == [*[5] * 5, 10, 10]
    async with desk(tmp_path) as at:
        await at.accepted(put(0))
        whole = LOCKERS.initial
        for event in await at.events():
            whole = evolve(whole, event)  # type: ignore[arg-type]
        assert at.dispatcher._decider._cache["locker-a"] == (whole, 11) == (Locker(grams=66, weights=(9, 10, 11)), 11)


async def _filled(folder: Path, aggregate: Aggregate[Any] = LOCKERS) -> None:
    """Six events behind one another, then a snapshot at 5 that lies: 1000 grams."""
    async with desk(folder, aggregate) as at:
        await at.accepted(*(put(1) for _ in range(6)))


async def _grams(folder: Path, aggregate: Aggregate[Any], lie: bytes | None = None) -> Any:
    """What a locker is found to hold after a restart, once its snapshot was made to say something else."""
    async with desk(folder, aggregate) as at:
        if lie:
            await at.query("UPDATE snapshots SET state = ?", lie)
        await at.accepted(put(0))
        state: Any = at.dispatcher._decider._cache["locker-a"][0]
        return state.grams


async def test_a_snapshot_is_used_when_it_fits(tmp_path: Path) -> None:
    lie = msgspec.msgpack.encode(Locker(grams=1000))
    await _filled(tmp_path)
    assert await _grams(tmp_path, LOCKERS, lie) == 1001
    assert await _grams(tmp_path, changed(LOCKERS, version=2)) == 6, "evolve has another meaning"
    assert await _grams(tmp_path, changed(LOCKERS, snapshot_every=10)) == 6, "the stream is short"
    assert await _grams(tmp_path, LOCKERS) == 1001


class Bag(Value):
    grams: int = 0


class Sack(Value):
    grams: int = 0
    color: str = "brown"


class OneField(State):
    grams: int = 0


class WithBag(State):
    bag: Bag = Bag()

    @property
    def grams(self) -> int:
        return self.bag.grams


def _evolved(state: Any, event: ThingPutIn) -> Any:
    if isinstance(state, WithBag):
        return WithBag(bag=type(state.bag)(grams=state.grams + event.grams))
    return OneField(grams=state.grams + event.grams)


def _decided(state: Any, command: PutIn, now: datetime) -> Sequence[ThingPutIn]:
    return [put_in(command.grams)] if command.grams else []


def _storing(state: State) -> Aggregate[Any]:
    return Aggregate("locker", "locker", state, decide=_decided, evolve=_evolved, snapshot_every=5)


async def test_a_snapshot_of_another_layout_is_not_read(tmp_path: Path) -> None:
    await _filled(tmp_path)
    assert await _grams(tmp_path, _storing(OneField())) == 6


async def test_a_snapshot_is_not_read_when_a_value_inside_it_changed(tmp_path: Path) -> None:
    before = type("WithBag", (WithBag,), {"__annotations__": {"bag": Bag}, "bag": Bag()})
    bigger = type("Bag", (Value,), {"__annotations__": {"grams": int, "color": str}, "grams": 0, "color": "brown"})
    bigger.__module__ = Bag.__module__
    after = type("WithBag", (WithBag,), {"__annotations__": {"bag": bigger}, "bag": bigger()})
    await _filled(tmp_path, _storing(before()))
    assert await _grams(tmp_path, _storing(before()), b"\x81\xa3bag\x81\xa5grams\xcd\x03\xe8") == 1001
    assert await _grams(tmp_path, _storing(after())) == 6


async def test_a_state_that_cannot_be_kept_is_a_fault_that_stores_nothing(tmp_path: Path) -> None:
    heavy = changed(_storing(OneField()), snapshot_every=2)
    async with desk(tmp_path, heavy) as at:
        # The second sum has no room in a snapshot.
        one, fault, two = await at.together(put(2**63), put(2**63), put(3))
        assert isinstance(fault, OverflowError)
        assert (one.version, two.version) == (1, 2)
        assert await at.events() == [put_in(2**63), put_in(3)]


async def test_a_caller_who_goes_away_neither_loses_nor_halves_the_command(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        tasks = [asyncio.create_task(at.send(put(number + 1), f"c{number}")) for number in range(20)]
        await asyncio.wait(tasks[:1], timeout=0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each).__name__ for each in answers] == ["CancelledError", "Receipt"] * 10
        assert await at.events() == [put_in(number + 1) for number in range(20)]
        found = await at.send(put(1), "c0")
        assert (found.position, found.replayed) == (1, True)


async def test_a_caller_who_goes_away_while_the_disk_writes_loses_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        gate = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(at.send(put(1), "c"))
        holding = asyncio.create_task(_hold(at.log, gate))
        await gate
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await holding
        assert (await at.send(put(1), "c")).replayed is True


async def _hold(log: Log, gate: "asyncio.Future[None]") -> None:
    """Keep the writer's thread busy until the loop has gone on a few times."""
    loop = asyncio.get_running_loop()

    def work(connection: Session) -> None:
        loop.call_soon_threadsafe(gate.set_result, None)
        asyncio.run_coroutine_threadsafe(_turns(), loop).result(5)

    await log.writer.run(work)


async def _turns() -> None:
    for _ in range(20):
        await asyncio.get_running_loop().run_in_executor(None, int)


@asynccontextmanager
async def busy(writer: Connection) -> AsyncIterator[None]:
    """The connection does nothing else as long as the block runs."""
    loop, begun, over = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(_: Session) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert over.wait(10)

    working = asyncio.create_task(writer.run(work))
    await begun.wait()
    try:
        yield
    finally:
        over.set()
        await working


@pytest.mark.one_world("it is about files")
async def test_a_full_disk_is_said_and_stores_nothing_by_halves(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.accepted(put(1))
        ((pages,),) = await at.query("PRAGMA page_count")
        await at.query(f"PRAGMA max_page_count = {pages}")
        with capture_logs() as logs:
            answers = await at.together(put(2), *(RentLocker(locker=f"l{n}", code=str(n) * 1000) for n in range(50)))
        assert {type(each) for each in answers} == {Unavailable}
        assert str(answers[0]) == "The command could not be stored: database or disk is full."
        assert [(line["event"], line["count"]) for line in logs] == [("commands not stored", 51)]
        assert (
            await at.query("SELECT count(*) FROM events") == await at.query("SELECT count(*) FROM commands") == [(1,)]
        )
        assert await at.query("SELECT count(*) FROM claims") == [(0,)]
        await at.query("PRAGMA max_page_count = 1000000")
        assert (await at.accepted(put(2))).version == 2
        assert (await at.accepted(RentLocker(locker="l1", code="1"))).position == 3


async def test_too_many_who_wait_are_turned_away(tmp_path: Path) -> None:
    async with desk(tmp_path, most_waiting=5) as at:
        answers = await at.together(*(put(number + 1) for number in range(8)))
        assert [type(each).__name__ for each in answers] == ["Receipt"] * 5 + ["Unavailable"] * 3
        assert str(answers[-1]) == "Too many commands are waiting."
        assert (await at.accepted(put(9))).version == 6


async def test_what_is_not_confirmed_in_time_is_said_and_can_be_found_out(tmp_path: Path) -> None:
    async with desk(tmp_path, timeout=0.05) as at:
        async with busy(at.log.writer):
            with capture_logs() as logs:
                first = asyncio.create_task(at.send(put(1), "c1"))
                with pytest.raises(Unavailable) as caught:
                    await first
        assert str(caught.value) == "Not confirmed within 0.05 s. Send it again under the command id 'c1' to find out."
        assert logs[0]["event"] == "the log does not answer"
        assert (await found_out(at, put(1), "c1")).replayed is True
        assert await at.events() == [put_in(1)]


async def test_those_behind_a_group_that_is_not_confirmed_are_told_too(tmp_path: Path) -> None:
    async with desk(tmp_path, timeout=0.05, most_in_group=1) as at:
        async with busy(at.log.writer):
            with capture_logs():
                answers = await at.together(put(1), put(2), put(3))
        assert [type(each) for each in answers] == [Unavailable] * 3
        assert (await found_out(at, put(4), "c4")).version == 2
        assert await at.events() == [put_in(1), put_in(4)]


async def test_those_who_were_just_answered_are_waited_for(tmp_path: Path) -> None:
    """Two senders share their groups although one of them always comes a moment later."""
    groups: list[int] = []
    async with desk(tmp_path) as at:
        decide = at.dispatcher._decider.decide_group

        def counted(session: Session, requests: Sequence[Request]) -> Any:
            groups.append(len(requests))
            return decide(session, requests)

        at.dispatcher._decider.decide_group = counted  # type: ignore[method-assign, assignment]

        async def sender(locker: str, *, is_late: bool) -> None:
            for number in range(20):
                for _ in range(10 if is_late else 0):
                    await asyncio.sleep(0)
                await at.accepted(put(number + 1, locker))

        await asyncio.gather(sender("a", is_late=False), sender("b", is_late=True))
    assert sum(groups) == 40
    assert groups.count(2) >= 17


async def found_out(at: Desk, command: Command, command_id: str) -> Receipt:
    """The receipt of a command that is sent until it comes in time."""
    async with asyncio.timeout(30):
        while True:
            with suppress(Unavailable), capture_logs():
                receipt = await at.send(command, command_id)
                assert isinstance(receipt, Receipt)
                return receipt


async def test_stopping_finishes_what_was_accepted_and_takes_nothing_more(tmp_path: Path) -> None:
    async with desk(tmp_path, most_in_group=10) as at:
        tasks = [asyncio.create_task(at.send(put(1))) for _ in range(35)]
        await asyncio.wait(tasks[:1], timeout=0)
        await at.dispatcher.stop()
        assert [(await task).version for task in tasks] == list(range(1, 36))
        with pytest.raises(Unavailable, match=r"^The server is stopping\.$"):
            await at.send(put(1))
        await at.dispatcher.stop()
    async with desk(tmp_path) as at:
        assert at.log.position == 35


async def test_a_dispatcher_that_never_started_stops(tmp_path: Path) -> None:
    log = await Log.open(worlds.place(tmp_path / "log.db"), CODEC)
    await Dispatcher(log, [LOCKERS], Feed(), lambda: START).stop()
    await log.close()


async def test_a_command_in_two_unions_or_without_its_identity_is_refused_at_start(tmp_path: Path) -> None:
    log = await Log.open(worlds.place(tmp_path / "log.db"), CODEC)
    with pytest.raises(ValueError, match=r"^RentLocker is decided by two aggregates; leave it in one union\.$"):
        Dispatcher(log, [LOCKERS, changed(LOCKERS, name="chest")], Feed(), lambda: START)
    with pytest.raises(ValueError, match=r"^RentLocker lacks the field 'chest' that names its stream\.$"):
        Dispatcher(log, [changed(LOCKERS, identity="chest")], Feed(), lambda: START)
    await log.close()


async def test_what_is_stored_after_a_restart_is_no_different(tmp_path: Path) -> None:
    for turn in range(3):
        async with desk(tmp_path) as at:
            receipt = await at.accepted(RentLocker(locker="a", code="1"), ReturnLocker(locker="a"))
            assert (receipt.position, receipt.version) == (3 * turn + 3, 3 * turn + 3)
    async with desk(tmp_path) as at:
        kinds: list[type[Event]] = [type(each) for each in await at.events()]
        assert kinds == [LockerRented, ThingPutIn, LockerReturned] * 3


async def test_what_was_said_under_a_command_id_is_recalled_although_the_command_cannot_be_made_again(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as at:
        first = await at.send(put(1), "c1", said=["one"])
        assert await at.send(put(2), "c1", said=["one"]) == changed_receipt(first)
        recall = at.dispatcher.recall
        assert await recall(PutIn, "c1", None, ["one"]) == changed_receipt(first)
        for kind, command_id, expected_version, said in (
            (PutIn, "c1", None, ["another"]),
            (PutIn, "c1", 0, ["one"]),
            (RentLocker, "c1", None, ["one"]),
            (PutIn, "c2", None, ["one"]),
            (PutIn, "", None, ["one"]),
            (PutIn, "\ud800", None, ["one"]),
        ):
            assert await recall(kind, command_id, expected_version, said) is None
        assert await at.events() == [put_in(1)]


def changed_receipt(receipt: Receipt) -> Receipt:
    """A receipt as a repeat gets it."""
    return replaced(receipt, replayed=True)
