"""The reactor: what follows from events, once, in the order of each key, whatever fails meanwhile."""

import asyncio
from dataclasses import replace as changed
from pathlib import Path

import pytest

from engine import ids
from engine.app import App
from engine.lane import Manner
from engine.status import State
from engine.wishes import OURS
from tests.engine.errands import (
    DECLARATIONS,
    ERRANDS,
    HASTY,
    DropAll,
    ErrandGiven,
    GiveErrand,
    Noted,
    Street,
    town,
    with_process,
)


async def test_every_event_is_followed_by_what_the_process_wishes_in_the_order_of_its_key(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, 2)
        await at.give("bob", 7)
        await at.give("ann", 3)
        await at.drained()
        assert await at.notes("ann") == ["1", "1 2", "1 2 3"]
        assert await at.notes("bob") == ["7"]


async def test_what_follows_names_its_command_its_cause_its_story_and_the_process_as_actor(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        receipt = await at.send(
            GiveErrand("ann", 1, "note"), command_id="c1", correlation_id="story", actor_id="boss", trace="t"
        )
        await at.drained()
        (cause, effect) = await at.all()
        assert cause.position == receipt.position
        assert (effect.command_id, effect.correlation_id, effect.causation_id, effect.actor_id, effect.trace) == (
            OURS + ids.derived("errands", "1", "0"),
            "story",
            "1",
            "process/errands",
            "t",
        )


async def test_a_process_is_never_moved_back_by_who_looks_out_for_it(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, 2)
        await at.drained()
        (runner,) = at.app.reactor._runners.values()
        head = at.app.log.position
        assert all(
            runner.reaction.passes(kinds, position, None) for kinds in ((), (ErrandGiven,)) for position in (1, 2)
        )
        assert runner.reaction.position == head
        await at.give("bob", 3)
        await at.drained()
        assert [await at.notes(each) for each in ("ann", "bob")] == [["1", "1 2"], ["3"]]


async def test_a_refusal_is_an_answer_and_the_process_goes_on(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind="refused")
        await at.give("ann", 2)
        await at.drained()
        assert await at.notes("ann") == ["first 1", "1 2"]
        assert await at.parked() == []


async def test_what_fails_is_set_aside_with_all_later_events_of_its_key_while_other_keys_flow(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.closed.add("ann")
        first = await at.give("ann", 1, kind="deliver")
        second = await at.give("ann", 2)
        await at.give("bob", 3)
        await at.drained()
        assert (await at.notes("ann"), await at.notes("bob")) == ([], ["3"])
        third = await at.give("ann", 4)
        await at.drained()
        one, two, three = await at.parked()
        assert (one.position, one.key, one.attempts, one.is_dead) == (first, "ann", 1, False)
        assert one.error == "ConnectionError: No way."
        assert [(each.position, each.attempts, each.retry_at) for each in (two, three)] == [
            (second, 0, None),
            (third, 0, None),
        ]
        (status,) = await at.app.statuses()
        assert (status.name, status.state, status.dead_letters) == ("errands", State.LIVE, 3)
        at.street.closed.clear()
        await at.later(seconds=60)
        assert await at.notes("ann") == ["delivered 1", "1 2", "1 2 4"]
        assert await at.parked() == []
        assert len(set(at.street.ids["ann", 1])) == 1


async def test_attempts_come_later_and_later_and_in_the_end_the_event_is_given_up(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.closed.add("ann")
        position = await at.give("ann", 1, kind="deliver")
        await at.drained()
        (first,) = await at.parked()
        assert first.retry_at is not None
        assert 30 <= (first.retry_at - at.clock.at).total_seconds() <= 60
        await at.later(seconds=60)
        (second,) = await at.parked()
        assert second.retry_at is not None
        assert second.attempts == 2
        assert 50 <= (second.retry_at - at.clock.at).total_seconds() <= 100  # not 120: there is a most
        await at.later(seconds=100)
        (dead,) = await at.parked()
        assert (dead.position, dead.attempts, dead.is_dead) == (position, 3, True)
        await at.later(days=9)
        assert await at.parked() == [dead]
        assert len(at.street.ids["ann", 1]) == 3


async def test_a_dead_letter_is_retried_with_those_behind_it(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, attempts=1)) as at:
        at.street.closed.add("ann")
        dead = await at.give("ann", 1, kind="deliver")
        behind = await at.give("ann", 2)
        await at.drained()
        assert (await at.parked())[0].is_dead
        await at.retry(behind)  # it waits; its turn does not come before
        await at.retry(dead)
        assert [each.position for each in await at.parked()] == [dead, behind]
        at.street.closed.clear()
        await at.retry(99)
        await at.retry(dead)
        assert await at.notes("ann") == ["delivered 1", "1 2"]
        assert await at.parked() == []


async def test_a_discarded_dead_letter_stays_a_fact_that_nothing_follows_from(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, attempts=1)) as at:
        at.street.closed.add("ann")
        dead = await at.give("ann", 1, kind="deliver")
        behind = await at.give("ann", 2)
        await at.give("ann", 3)
        await at.drained()
        await at.discard(behind)
        await at.discard(99)
        assert await at.notes("ann") == []
        await at.discard(dead)
        assert await at.notes("ann") == ["1 2 3"]
        assert await at.parked() == []
        assert at.street.arrived == []


async def test_an_event_that_cannot_be_folded_can_be_discarded_all_the_same(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, attempts=1)) as at:
        riddle = await at.give("ann", 1, kind="riddle")
        await at.give("ann", 2)
        await at.drained()
        assert (await at.parked())[0].error == "ValueError: Nobody \\udcff understands that."
        await at.discard(riddle)
        assert await at.notes("ann") == ["2"]


async def test_decisions_about_another_process_are_none_of_its_business(tmp_path: Path) -> None:
    other = changed(ERRANDS, name="others")
    async with town(tmp_path, changed(DECLARATIONS, processes=[ERRANDS, other])) as at:
        at.street.closed.add("ann")
        position = await at.give("ann", 1, kind="deliver")
        await at.drained()
        await at.discard(position)
        assert [each.process for each in await at.parked()] == ["others"]
        assert [each.process for each in await at.app.reactor.dead_letters("others")] == ["others"]
        assert await at.app.reactor.dead_letters("errands") == []


@pytest.mark.parametrize("kind", ["mystery", "riddle", "jam"])
async def test_a_fault_in_the_rules_harms_no_other_key(tmp_path: Path, kind: str) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1, kind=kind)
        await at.give("bob", 2)
        await at.drained()
        assert await at.notes("bob") == ["2"]
        assert [each.key for each in await at.parked()] == ["ann"]


async def test_an_effect_that_nobody_performs_is_set_aside_with_a_sentence(tmp_path: Path) -> None:
    async with town(tmp_path, performers={}) as at:
        await at.give("ann", 1, kind="deliver")
        await at.drained()
        (parked,) = await at.parked()
        assert parked.error == "LookupError: Nobody performs Deliver; App.running takes the performers."


async def test_a_slow_key_holds_up_no_other_key_of_its_process_and_keeps_its_own_order(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.shut("ann")
        await at.give("ann", 1, 2, kind="deliver")
        await at.give("bob", 1, kind="deliver")
        await at.noted("bob", "delivered 1")
        await at.give("bob", 2)
        await at.noted("bob", "1 2")
        await at.give("ann", 3)
        assert not await at.app.drained(timeout=0.2)
        assert await at.parked() == []  # slow is not failed
        at.street.gates["ann"].set()
        await at.drained()
        assert await at.notes("ann") == ["delivered 1", "delivered 2", "1 2 3"]
        assert at.street.ids["ann", 1] == [ids.derived("errands", "1", "0")]
        assert await at.query("SELECT * FROM parked") == []


async def test_a_slow_key_that_fails_in_the_end_is_set_aside_like_any_other(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.shut("ann")
        at.street.closed.add("ann")
        await at.give("ann", 1, kind="deliver")
        await at.give("bob", 1)
        await at.noted("bob", "1")
        at.street.gates["ann"].set()
        await at.give("ann", 2)
        await at.drained()
        assert [(each.position, each.attempts) for each in await at.parked()] == [(1, 1), (4, 0)]
        at.street.closed.clear()
        await at.later(seconds=60)
        assert await at.notes("ann") == ["delivered 1", "1 2"]


async def test_keys_for_which_there_is_no_place_beside_slow_ones_come_when_there_is(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, lanes=2)) as at:
        names = ("ann", "bob", "cyd", "dan")
        for name in names:
            at.street.shut(name)
            position = await at.give(name, 1, kind="deliver")
        assert await at.app.feed.reached("process errands", position, 5)
        assert [at.street.begun[name].is_set() for name in names] == [True, True, False, False]
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == "process errands"]
        assert len(tasks) == 3  # two lanes, and the loop; those that had no place are in the table alone
        for name in names:
            at.street.gates[name].set()
        await at.drained()
        assert sorted(at.street.arrived) == [(name, 1) for name in names]
        assert all(len(each) == 1 for each in at.street.ids.values())


async def test_an_effect_that_hangs_is_given_up_and_tried_again(tmp_path: Path) -> None:
    async with town(tmp_path, manner=changed(HASTY, timeout=0.01)) as at:
        at.street.shut("ann")
        await at.give("ann", 1, kind="deliver")
        await at.drained()
        (parked,) = await at.parked()
        assert (parked.attempts, parked.error) == (1, "TimeoutError: ")
        at.street.gates["ann"].set()
        await at.later(seconds=60)
        assert await at.notes("ann") == ["delivered 1"]


async def test_an_effect_that_is_cut_short_by_itself_counts_as_failed_and_ends_no_loop(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.closed.add("ann")
        at.street.fault = asyncio.CancelledError()
        await at.give("ann", 1, kind="deliver")
        await at.drained()
        (parked,) = await at.parked()
        assert parked.error == "EffectCutShort: Whoever performs Deliver cut it short."
        at.street.closed.clear()
        await at.later(seconds=60)
        assert await at.notes("ann") == ["delivered 1"]


async def test_many_events_behind_one_that_failed_are_done_in_order_once_it_is(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.street.closed.add("ann")
        await at.give("ann", 0, kind="deliver")
        for number in range(1, 251):
            await at.give("ann", number, kind="nothing")
        await at.give("ann", 251)
        await at.drained()
        assert len(await at.parked()) == 100
        assert len(await at.app.reactor.dead_letters("errands", after=200)) == 52
        at.street.closed.clear()
        await at.later(seconds=60)
        assert await at.notes("ann") == ["delivered 0", " ".join(map(str, range(252)))]
        assert await at.query("SELECT * FROM parked") == []


async def test_a_state_that_is_back_at_its_start_is_not_kept(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await at.give("ann", 1)
        await at.drained()
        assert await at.query("SELECT key, position FROM instances") == [("ann", 1)]
        await at.send(DropAll("ann"))
        await at.drained()
        assert await at.query("SELECT * FROM instances") == []


async def test_the_clock_may_go_back_and_what_was_put_off_is_still_tried(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.clock.forward(days=2)
        at.street.closed.add("ann")
        await at.give("ann", 1, kind="deliver")
        await at.drained()
        at.street.closed.clear()
        await at.later(days=-2)
        assert await at.notes("ann") == ["delivered 1"]


async def test_work_under_way_is_finished_at_the_end(tmp_path: Path) -> None:
    street = Street()
    async with town(tmp_path, street=street) as at:
        street.shut("ann")
        await at.give("ann", 1, kind="deliver")
        await asyncio.wait_for(street.begun["ann"].wait(), 5)
        asyncio.get_running_loop().call_later(0.1, street.gates["ann"].set)
    async with town(tmp_path, street=street) as at:
        await at.drained()
        assert await at.notes("ann") == ["delivered 1"]
        assert len(street.ids["ann", 1]) == 1


async def test_work_that_does_not_end_is_cut_short_and_done_again_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.reactor.FAREWELL", 0.01)
    street = Street()
    async with town(tmp_path, street=street, manner=Manner(patience=5)) as at:
        street.shut("ann")
        await at.give("ann", 1, kind="deliver")
        await asyncio.wait_for(street.begun["ann"].wait(), 5)
    async with town(tmp_path, street=street) as at:
        street.gates["ann"].set()
        await at.drained()
        assert await at.notes("ann") == ["delivered 1"]
        assert set(street.ids["ann", 1]) == {ids.derived("errands", "1", "0")}


async def test_an_application_without_processes_has_nothing_to_wait_for(tmp_path: Path) -> None:
    async with town(tmp_path, changed(DECLARATIONS, processes=[])) as at:
        await at.give("ann", 1)
        await at.drained()
        assert isinstance(at.app, App)
        assert [type(each.event) for each in await at.all() if isinstance(each.event, Noted)] == []


def test_two_processes_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="Two processes have one name"):
        changed(DECLARATIONS, processes=[ERRANDS, ERRANDS])


def test_no_process_can_have_the_name_of_the_relay() -> None:
    with pytest.raises(ValueError, match="A process is called relay"):
        changed(DECLARATIONS, processes=[changed(ERRANDS, name="relay")])


def test_a_process_with_a_deadline_says_what_follows_from_it() -> None:
    with pytest.raises(ValueError, match="errands must have both `due` and `wake`"):
        with_process(changed(ERRANDS, wake=None))
