"""Deadlines of processes, and processes that come to a log with a past."""

from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path

from engine import ids
from engine.wishes import OURS
from tests.engine.errands import DECLARATIONS, ERRANDS, HASTY, START, Day, DropAll, Fixed, Street, town, with_process

SOON = START + timedelta(hours=1)
LATER = START + timedelta(hours=2)
NEWER = with_process(changed(ERRANDS, version=2))
NOTHING = changed(DECLARATIONS, processes=[])


async def test_an_instance_is_woken_once_when_its_time_has_come(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=SOON)
        await at.later(minutes=59)
        assert await at.notes("late") == []
        await at.later(minutes=1)
        assert await at.notes("late") == ["1"]
        *_, woken = await at.all()
        assert (woken.command_id, woken.correlation_id, woken.causation_id, woken.actor_id) == (
            OURS + ids.derived("errands", f"ann due {SOON.isoformat()}", "0"),
            (await at.all())[0].correlation_id,
            "1",
            "process/errands",
        )
        await at.give("ann", 2, kind="nothing")  # which leaves the deadline as it was
        await at.later(hours=9)
        assert await at.notes("late") == ["1"]


async def test_a_deadline_outlives_the_server(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=SOON)
        await at.drained()
    clock = Fixed()
    clock.forward(hours=2)
    async with town(tmp_path, clock=clock) as at:
        await at.drained()
        assert await at.notes("late") == ["1"]


async def test_a_deadline_that_is_moved_or_called_off_does_not_come_at_its_old_time(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=SOON)
        await at.give("bob", 2, kind="nothing", due_at=SOON)
        await at.give("ann", 3, kind="nothing", due_at=LATER)
        await at.send(DropAll("bob"))
        await at.later(hours=1)
        assert await at.notes("late") == []
        await at.later(hours=1)
        assert await at.notes("late") == ["1 3"]


async def test_a_deadline_does_not_come_as_long_as_an_event_before_it_has_not_been_taken(tmp_path: Path) -> None:
    async with town(tmp_path, NOTHING):
        pass
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=SOON)
        await at.drained()
    async with town(tmp_path, NOTHING) as at:  # the server that takes these events does not run the process
        for number in range(100):
            await at.give("bob", number, kind="nothing")
        await at.send(DropAll("ann"))
    clock = Fixed()
    clock.forward(hours=2)
    async with town(tmp_path, clock=clock, manner=changed(HASTY, batch_size=1)) as at:
        await at.drained()
        assert await at.notes("late") == []


async def test_a_deadline_waits_while_events_of_its_key_are_set_aside(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="nothing", due_at=SOON)
        at.street.closed.add("ann")
        await at.give("ann", 2, kind="deliver")
        await at.send(DropAll("ann"))
        await at.drained()
        at.street.closed.clear()
        await at.later(hours=1)
        assert await at.notes("late") == []
        assert await at.notes("ann") == ["delivered 2"]


async def test_a_waking_that_fails_is_tried_again_with_later_events_behind_it_and_can_be_given_up(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, manner=changed(HASTY, attempts=2)) as at:
        at.street.closed.add("late")
        given = await at.give("ann", -1, kind="nothing", due_at=SOON)
        await at.later(hours=1)
        (parked,) = await at.parked()
        assert (parked.position, parked.attempts, parked.is_dead) == (given, 1, False)
        await at.give("ann", 2)
        await at.drained()
        assert await at.notes("ann") == []
        await at.later(seconds=60)
        first, second = await at.parked()
        assert (first.position, first.is_dead, second.attempts) == (given, True, 0)
        assert len(set(at.street.ids["late", -1])) == 1
        await at.discard(given)
        assert await at.notes("ann") == ["-1 2"]
        await at.later(hours=9)
        assert at.street.arrived == []


async def test_an_event_that_comes_while_its_instance_is_being_woken_waits_for_that(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", -1, kind="nothing", due_at=SOON)
        await at.drained()
        at.street.shut("late")
        at.clock.forward(hours=1)
        await at.street.begun["late"].wait()
        await at.give("ann", 2)
        await at.give("bob", 3)
        await at.noted("bob", "3")
        assert await at.notes("ann") == []
        at.street.gates["late"].set()
        await at.drained()
        assert await at.notes("ann") == ["-1 2"]
        assert at.street.arrived == [("late", -1)]


async def test_a_process_that_comes_to_a_log_with_a_past_takes_note_of_it_and_does_nothing_about_it(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, NOTHING) as at:
        await at.give("ann", 1)
        await at.give("ann", 2, kind="deliver", due_at=SOON)
        await at.give("bob", 3, due_at=START + timedelta(hours=4))
        await at.give("cyd", 4, due_at=LATER)
    clock = Fixed()
    clock.forward(hours=3)
    async with town(tmp_path, clock=clock, manner=changed(HASTY, batch_size=1)) as at:
        await at.give("ann", 5)
        await at.drained()
        assert await at.notes("ann") == ["1 2 5"]
        assert (at.street.arrived, await at.notes("bob"), await at.notes("late")) == ([], [], [])
        await at.later(hours=1)
        assert await at.notes("late") == ["3"]  # this one was not past


async def test_states_of_another_layout_are_folded_anew_and_nothing_is_done_twice(tmp_path: Path) -> None:
    clock = Fixed()
    async with town(tmp_path, clock=clock) as at:
        await at.give("ann", 1, due_at=SOON)
        await at.give("bob", 2, due_at=LATER)
        await at.give("bob", 3, kind="deliver")
        await at.later(hours=1)
        assert await at.notes("late") == ["1"]
    clock.forward(hours=5)
    async with town(tmp_path, NEWER, clock=clock, manner=changed(HASTY, batch_size=1)) as at:
        await at.drained()
        assert await at.notes("late") == ["1", "2 3"]  # the one had come before, the other had not
        assert at.street.arrived == []
        await at.give("ann", 4)
        await at.drained()
        assert await at.notes("ann") == ["1", "1 4"]
        at.clock.forward(hours=5)
        await at.drained()
        assert await at.notes("late") == ["1", "2 3"]


async def test_what_is_set_aside_outlives_another_layout_and_still_has_its_consequences(tmp_path: Path) -> None:
    clock, street = Fixed(), Street(closed={"ann"})
    async with town(tmp_path, clock=clock, street=street) as at:
        for number in range(50):
            await at.give("bob", number, kind="nothing")
        await at.give("ann", 1, 2)
        await at.give("ann", 3, kind="deliver")
        await at.give("ann", 4)
        await at.drained()
    for declarations in (NEWER, DECLARATIONS):
        async with town(tmp_path, declarations, clock=clock, street=street, manner=changed(HASTY, batch_size=1)) as at:
            await at.drained()
            assert [each.attempts for each in await at.parked()] == [1, 0]
            assert await at.notes("ann") == ["1", "1 2"]
    street.closed.clear()
    clock.forward(seconds=60)  # its time has come, but not before the state is what it was
    async with town(tmp_path, NEWER, clock=clock, street=street, manner=changed(HASTY, batch_size=1)) as at:
        await at.drained()
        assert await at.notes("ann") == ["1", "1 2", "delivered 3", "1 2 3 4"]


async def test_a_waking_that_is_set_aside_outlives_another_layout(tmp_path: Path) -> None:
    clock, street = Fixed(), Street(closed={"late"})
    async with town(tmp_path, clock=clock, street=street) as at:
        await at.give("ann", -1, kind="nothing", due_at=SOON)
        await at.later(hours=1)
        await at.give("ann", 2)
        await at.drained()
    street.closed.clear()
    async with town(tmp_path, NEWER, clock=clock, street=street) as at:
        await at.later(minutes=2)
        assert street.arrived == [("late", -1)]
        assert await at.notes("ann") == ["-1 2"]


async def test_what_operators_decided_in_the_past_is_not_done_again(tmp_path: Path) -> None:
    clock, street = Fixed(), Street(closed={"ann"})
    once = changed(HASTY, attempts=1)
    async with town(tmp_path, clock=clock, street=street, manner=once) as at:
        position = await at.give("ann", 1, kind="deliver")
        await at.drained()
        await at.retry(position)
    assert len(street.ids["ann", 1]) == 2
    async with town(tmp_path, NEWER, clock=clock, street=street, manner=once) as at:
        await at.drained()
        assert len(street.ids["ann", 1]) == 2
        assert (await at.parked())[0].is_dead


async def test_a_past_that_cannot_be_folded_waits_for_an_operator_and_nothing_follows_from_it(tmp_path: Path) -> None:
    async with town(tmp_path, NOTHING) as at:
        riddle = await at.give("ann", 1, kind="riddle")
        await at.give("ann", 2)
    async with town(tmp_path, manner=changed(HASTY, attempts=1)) as at:
        await at.drained()
        assert [each.position for each in await at.parked()] == [riddle, riddle + 1]
        await at.discard(riddle)
        assert await at.notes("ann") == []
        await at.give("ann", 3)
        await at.drained()
        assert await at.notes("ann") == ["2 3"]


async def test_a_state_may_be_kept_only_for_its_deadline(tmp_path: Path) -> None:
    always = changed(ERRANDS, due=lambda day: SOON, wake=lambda day: [])
    async with town(tmp_path, with_process(always)) as at:
        await at.send(DropAll("ann"))
        await at.drained()
        assert await at.query("SELECT key FROM instances") == [("ann",)]
        await at.later(hours=1)
        assert await at.query("SELECT key FROM instances") == []
        assert always.initial == Day()


async def test_a_deadline_that_newer_rules_do_not_know_any_more_is_let_go(tmp_path: Path) -> None:
    clock, street = Fixed(), Street(closed={"late"})
    async with town(tmp_path, clock=clock, street=street) as at:
        await at.give("ann", -1, kind="nothing", due_at=SOON)
        await at.later(hours=1)
        await at.give("ann", 2)
        await at.drained()
    street.closed.clear()
    without = with_process(changed(ERRANDS, version=2, due=None, wake=None))
    async with town(tmp_path, without, clock=clock, street=street) as at:
        await at.later(minutes=2)
        assert street.arrived == []
        assert await at.notes("ann") == ["-1 2"]
        assert await at.parked() == []
