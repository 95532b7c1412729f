"""The log as readers see it, where the API's tests cannot reach."""

import asyncio
from pathlib import Path

import pytest

from domain.record import WriteRecord
from engine.history import History, Matching, Progress
from engine.refusals import InvalidInput
from tests.running import opened


@pytest.mark.one_world("where several processes append, the database is asked where the log ends")
async def test_a_command_is_not_known_before_its_writer_has_taken_note(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        app = shop.app
        await app.dispatcher.send(WriteRecord(key="a", value="1"), command_id="c")
        await shop.settled()
        assert (await app.history.progress("c")).is_complete
        app.log._head -= 1  # as it is between the commit and the note of it
        assert await app.history.progress("c") == Progress("c")
        app.log._head += 1


async def test_a_command_without_a_receipt_is_not_complete() -> None:
    assert not Progress("c").is_complete


async def test_the_event_at_a_position_is_found_and_none_where_there_is_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.app.dispatcher.send(WriteRecord(key="a", value="1"), command_id="c")
        found = await shop.app.history.at(1)
        assert found is not None
        assert (found.position, found.command_id) == (1, "c")
        assert [await shop.app.history.at(position) for position in (-1, 0, 2)] == [None] * 3


async def test_following_from_the_future_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        with pytest.raises(InvalidInput, match=r"^The log is at 0; it has no position 1 yet\.$"):
            await anext(aiter(shop.app.history.follow(Matching(), 1)))


async def test_while_nothing_matches_a_follower_is_told_now_and_then_how_far_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        app = shop.app
        history = History(app.log, app.rows, app.feed, (), quiet=0.05)
        follower = history.follow(Matching(stream="record-b"), 0)
        waiting = asyncio.create_task(anext(follower))
        for number in range(3):
            await app.dispatcher.send(WriteRecord(key="a", value=str(number)))
        async with asyncio.timeout(5):
            since, position, events = await waiting
            assert (since, events) == (0, [])
            while position < 3:
                before, (since, position, events) = position, await anext(follower)
                assert (since, events) == (before, [])
        waiting = asyncio.create_task(anext(follower))
        assert not (await asyncio.wait((waiting,), timeout=0.2))[0], "nothing happened, so there is nothing to tell"
        await app.dispatcher.send(WriteRecord(key="b", value="1"))
        async with asyncio.timeout(5):
            since, position, events = await waiting
        assert (since, position, [each.stream for each in events]) == (3, 4, ["record-b"])


async def test_every_condition_must_hold(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.app.dispatcher.send(WriteRecord(key="a", value="1"), command_id="c", correlation_id="story")
        recorded = await shop.app.history.at(1)
        assert recorded is not None
        right = Matching(stream="record-a", types=("RecordWritten",), command_id="c", correlation_id="story")
        assert right(recorded)
        assert Matching()(recorded)
        for wrong in (
            Matching(stream="record-b"),
            Matching(types=()),
            Matching(command_id="d"),
            Matching(correlation_id="c"),
        ):
            assert not wrong(recorded)
