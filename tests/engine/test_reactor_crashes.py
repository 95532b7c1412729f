"""The reactor when things break: a log that cannot be written or read, and an end between any two of its awaits."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.shapes import Receipt
from engine.status import State
from engine.store.session import Session
from tests import worlds
from tests.engine.errands import DECLARATIONS, HASTY, START, GiveErrand, Street, Town, town
from tests.engine.toy import until

MANNER = changed(HASTY, batch_size=3, patience=0.01, lanes=2)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.reactor.AGAIN", 0.01)


# ------------------------------------------------------------------ an end between any two awaits


class Death:
    """Ends everything that runs for a process after so many of its awaits."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.has_come = asyncio.Event()
        self._coroutines: list[Any] = []

    def factory(self, loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[Any]:
        self._coroutines.append(coroutine)
        return asyncio.Task(self._live(coroutine), loop=loop)

    def bury(self) -> None:
        """Close what was ended before it had begun."""
        for each in self._coroutines:
            each.close()

    async def _live(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await _Counted(coroutine, self._tick)

    def _tick(self) -> None:
        if not _is_of_a_process(asyncio.current_task()):
            return
        self.left -= 1
        if self.left == 0:
            self.has_come.set()
            for task in asyncio.all_tasks():
                if _is_of_a_process(task):
                    task.cancel()


class _Counted:
    def __init__(self, coroutine: Coroutine[Any, Any, Any], tick: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._tick = tick

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, error = self._coroutine, None
        while True:
            try:
                awaited = coroutine.throw(error) if error else coroutine.send(None)
            except StopIteration as stop:
                return stop.value
            self._tick()
            error = None
            try:
                yield awaited
            except BaseException as thrown:  # passed on to where it belongs
                error = thrown


def _is_of_a_process(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.get_name().startswith("process ")


GIVEN = [
    GiveErrand("ann", 1, "note"),
    GiveErrand("ann", 2, "deliver"),
    GiveErrand("bob", 1, "deliver"),
    GiveErrand("slow", 1, "deliver"),
    GiveErrand("slow", 2, "note"),
    GiveErrand("ann", 3, "two", START),
    GiveErrand("bob", 2, "note"),
    GiveErrand("bob", 3, "deliver"),
]
EXPECTED = {
    "ann": ["1", "delivered 2", "first 3", "two"],
    "bob": ["delivered 1", "1 2", "delivered 3"],
    "slow": ["delivered 1", "1 2"],
    "late": ["1 2 3"],
}


async def live(folder: Path, street: Street, after: int) -> None:
    """Run until so many awaits, or to the end."""
    death = Death(after)
    asyncio.get_running_loop().set_task_factory(death.factory)
    async with town(folder, street=street, manner=MANNER) as at:
        for number, command in enumerate(GIVEN):
            sent = await at.app.dispatcher.send(command, command_id=f"c{number}")
            assert isinstance(sent, Receipt)
        drained = asyncio.ensure_future(at.app.drained())
        died = asyncio.ensure_future(death.has_come.wait())
        await asyncio.wait((drained, died), return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        died.cancel()
        await asyncio.gather(drained, died, return_exceptions=True)
    asyncio.get_running_loop().set_task_factory(None)
    death.bury()


async def lives(folder: Path, ends: list[int]) -> None:
    street = Street()
    street.shut("slow")
    asyncio.get_running_loop().call_later(0.05, street.gates["slow"].set)
    async with town(folder) as at:
        await at.drained()  # from here on the process is known
    for after in ends:
        await live(folder, street, after)
    street.gates["slow"].set()
    async with town(folder, street=street, manner=MANNER) as at:
        for number, command in enumerate(GIVEN):
            await at.send(command, command_id=f"c{number}")
        await at.drained()
        assert {ledger: await at.notes(ledger) for ledger in EXPECTED} == EXPECTED
        assert await at.query("SELECT * FROM parked") == []
        assert [each.position for each in await at.app.reactor.statuses()] == [at.app.log.position]
    assert {place: len(set(found)) for place, found in street.ids.items()} == dict.fromkeys(street.ids, 1)
    first_of_bob = [number for runner, number in dict.fromkeys(street.arrived) if runner == "bob"]
    assert first_of_bob == [1, 3]


@pytest.mark.worlds
@settings(max_examples=30)
@given(st.lists(st.integers(1, 80), min_size=1, max_size=3))
def test_an_end_between_any_two_awaits_loses_nothing_does_nothing_twice_and_keeps_every_order(ends: list[int]) -> None:
    with worlds.folder() as folder:
        asyncio.run(lives(folder, ends))


# ------------------------------------------------------------------ a log that cannot


async def stalled(at: Town) -> None:
    async def holds() -> bool:
        (status,) = await at.app.statuses()
        return bool(status.state is State.STALLED)

    await until(holds)


@pytest.mark.one_world("it is about files")
async def test_a_log_that_cannot_be_written_stalls_the_process_and_loses_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.shut("ann")
        await at.give("ann", 1, kind="deliver")
        await asyncio.wait_for(at.street.begun["ann"].wait(), 5)
        with at.jammed(tmp_path):
            at.street.gates["ann"].set()
            await stalled(at)
            (status,) = await at.app.statuses()
            assert status.last_error is not None
            assert status.last_error.startswith("Unavailable: ")
            assert await at.parked() == []
        await at.drained()
        assert await at.notes("ann") == ["delivered 1"]
        assert len(at.street.ids["ann", 1]) == 1  # it was known to be done
        (status,) = await at.app.statuses()
        assert (status.state, status.last_error) == (State.LIVE, None)


@pytest.mark.one_world("it is about files")
async def test_attempts_that_the_log_prevents_do_not_count(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.closed.add("ann")
        await at.give("ann", 1, kind="deliver")
        await at.drained()
        before = await at.parked()
        with at.jammed(tmp_path):
            at.street.closed.clear()
            at.clock.forward(seconds=60)
            await stalled(at)
            assert await at.parked() == before
        await at.drained()
        assert await at.notes("ann") == ["delivered 1"]


@pytest.mark.one_world("it is about files")
async def test_a_deadline_that_the_log_cannot_take_note_of_comes_when_it_can(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=START)
        with at.jammed(tmp_path):
            await stalled(at)
        await at.drained()
        assert await at.notes("late") == ["1"]


@pytest.mark.one_world("it is about files")
async def test_a_full_disk_makes_no_dead_letters(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, attempts=1)) as at:
        at.street.shut("ann")
        await at.give("ann", 1, kind="deliver")
        await asyncio.wait_for(at.street.begun["ann"].wait(), 5)
        await at.give("ann", 2, kind="much " * 10_000)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await at.app.log.writer.run(_fill)
        at.street.gates["ann"].set()
        await stalled(at)
        assert await at.parked() == []
        await at.app.log.writer.run(lambda connection: connection.execute("PRAGMA max_page_count = 999999").fetchall())
        await at.drained()
        assert await at.notes("ann") == ["delivered 1", "first 2", "much " * 10_000]
        assert len(at.street.ids["ann", 1]) == 1


def _fill(connection: Session) -> None:
    connection.execute("CREATE TABLE filling (text)")
    connection.execute("PRAGMA max_page_count = 1").fetchall()  # which makes it as many as there are
    while True:
        connection.execute("INSERT INTO filling VALUES (?)", ("x" * 100,))


class Hanging:
    """Work that keeps the writer of a log busy until it is let go."""

    def __init__(self, at: Town) -> None:
        self._gate, self._entered = threading.Event(), threading.Event()
        self._done = asyncio.ensure_future(at.app.log.writer.run(self._hang))

    def _hang(self, connection: Session) -> None:
        self._entered.set()
        self._gate.wait(10)

    async def entered(self) -> None:
        await asyncio.to_thread(self._entered.wait, 5)

    async def end(self) -> None:
        self._gate.set()
        await self._done


async def test_a_log_that_does_not_answer_stalls_the_process_which_then_asks_how_far_it_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as at:
        monkeypatch.setattr("engine.store.log.PATIENCE", 0.05)
        first = Hanging(at)
        await first.entered()
        giving = asyncio.ensure_future(at.give("ann", 1, kind="nothing"))
        for _ in range(20):
            await asyncio.sleep(0)  # until the command is in line
        second = Hanging(at)
        await first.end()
        await giving
        await second.entered()
        await stalled(at)  # what it stores is in line behind the second
        (status,) = await at.app.statuses()
        assert status.last_error == "Unavailable: The log has not answered within 0.05 s."
        await second.end()
        await at.give("ann", 2)
        await at.drained()
        assert await at.notes("ann") == ["1 2"]


async def test_an_event_that_cannot_be_read_stalls_the_process_behind_all_that_can(tmp_path: Path) -> None:
    async with town(tmp_path, changed(DECLARATIONS, processes=[])) as at:
        await at.give("ann", 1, 2, 3)
        broken = "UPDATE events SET data = '{' WHERE position = 3"
        await at.app.log.writer.run(lambda connection: connection.execute(broken).rowcount)
    async with town(tmp_path) as at:
        await stalled(at)
        (status,) = await at.app.statuses()
        assert (status.position, status.lag_events, status.lag_seconds) == (2, 1, 0.0)
        assert status.last_error is not None
        assert "truncated" in status.last_error
        repaired = "UPDATE events SET data = (SELECT data FROM events WHERE position = 2) WHERE position = 3"
        await at.app.log.writer.run(lambda connection: connection.execute(repaired).rowcount)
        await at.drained()
