"""Counts: collected in memory, sent in batches, none lost while the process lives."""

import asyncio

from structlog.testing import capture_logs

from engine.faults import Unavailable
from engine.shapes import Command
from engine.tally import Tally


class Count(Command):
    key: str
    times: int


class Recount(Command):
    key: str
    times: int


class Desk:
    """Takes the commands of a tally, unless it is told to refuse them."""

    def __init__(self) -> None:
        self.taken: list[Command] = []
        self.ids: list[str | None] = []
        self.arrived = asyncio.Event()
        self.refuse: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, command: Command, *, command_id: str | None, actor_id: str | None) -> None:
        assert actor_id == "server/tally"
        self.ids.append(command_id)
        self.arrived.set()
        await self.open.wait()
        if self.refuse:
            raise self.refuse
        self.taken.append(command)


def count(key: str, times: int) -> Command:
    return Count(key=key, times=times)


def recount(key: str, times: int) -> Command:
    return Recount(key=key, times=times)


async def test_what_is_counted_is_sent_as_one_command_a_key() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=60)
    for _ in range(3):
        tally.add(count, "a")
    tally.add(count, "b")
    tally.add(recount, "a")
    await tally.flush()
    assert desk.taken == [Count(key="a", times=3), Count(key="b", times=1), Recount(key="a", times=1)]
    await tally.flush()
    assert len(desk.taken) == 3


async def test_a_count_is_sent_after_the_interval_by_itself() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=0.01)
    tally.start()
    for turn in range(2):
        tally.add(count, "a")
        async with asyncio.timeout(10):
            await desk.arrived.wait()
        desk.arrived.clear()
        assert desk.taken[turn] == Count(key="a", times=1)
    await tally.stop()
    assert len(desk.taken) == 2


async def test_many_keys_are_sent_at_once() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=3600, most_keys=3)
    tally.start()
    for key in "abc":
        tally.add(count, key)
    async with asyncio.timeout(10):
        await desk.arrived.wait()
    await tally.stop()
    assert desk.taken == [Count(key=key, times=1) for key in "abc"]


async def test_stopping_sends_what_is_left_and_waits_for_what_is_on_its_way() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=3600, most_keys=2)
    tally.start()
    desk.open.clear()
    tally.add(count, "a")
    tally.add(count, "b")
    async with asyncio.timeout(10):
        await desk.arrived.wait()
    tally.add(count, "c")
    stopping = asyncio.create_task(tally.stop())
    await asyncio.wait([stopping], timeout=0)
    desk.open.set()
    await stopping
    assert desk.taken == [Count(key=key, times=1) for key in "abc"]


async def test_a_tally_that_never_started_sends_what_it_has_when_it_stops() -> None:
    desk = Desk()
    tally = Tally(desk.send)
    tally.add(count, "a")
    await tally.stop()
    assert desk.taken == [Count(key="a", times=1)]


async def test_what_may_have_been_stored_is_sent_again_under_its_id() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=3600)
    desk.refuse = Unavailable("not confirmed")
    with capture_logs():
        tally.add(count, "a")
        await tally.flush()
    desk.refuse = None
    tally.add(count, "a")
    await tally.flush()
    assert desk.taken == [Count(key="a", times=1), Count(key="a", times=1)]
    first, again, other = desk.ids
    assert (first, other != first) == (again, True)


async def test_what_cannot_be_stored_is_counted_again_by_itself() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=0.01)
    desk.refuse = Unavailable("disk full")
    tally.start()
    with capture_logs() as logs:
        tally.add(count, "a")
        tally.add(count, "a")
        async with asyncio.timeout(10):
            await desk.arrived.wait()
        desk.refuse = None
        tally.add(count, "a")
        await tally.stop()
    assert sum(each.times for each in desk.taken if isinstance(each, Count)) == 3
    assert logs[0] == {
        "event": "counts not stored",
        "keys": 1,
        "kept": 1,
        "reason": "disk full",
        "log_level": "warning",
    }


async def test_what_waits_stays_bounded_while_nothing_can_be_stored() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=3600, most_keys=2)
    desk.refuse = Unavailable("disk full")
    with capture_logs():
        for key in "abc":
            tally.add(count, key)
        await tally.flush()
    desk.refuse = None
    await tally.stop()
    assert desk.taken == [Count(key="a", times=1), Count(key="b", times=1)]


async def test_a_count_that_is_faulty_is_dropped_and_harms_no_other() -> None:
    desk = Desk()
    tally = Tally(desk.send, interval=0.01)
    tally.start()

    def faulty(key: str, times: int) -> Command:
        raise ZeroDivisionError(key)

    with capture_logs() as logs:
        tally.add(faulty, "a")
        tally.add(count, "b")
        await tally.stop()
    assert desk.taken == [Count(key="b", times=1)]
    assert [line["reason"] for line in logs] == ["ZeroDivisionError: a"]
