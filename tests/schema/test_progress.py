"""A command's progress, the projections and nodes through the API."""

import asyncio
from pathlib import Path
from typing import Any

from cli.application import DECLARATIONS
from tests.running import Shop, opened
from tests.schema.test_medicines import register

STEPS = """commandId receipt { position version replayed } events { id type } projections { projection
  projectedAt lagMilliseconds } isComplete"""
ONE = f"query($id: ID!) {{ command(id: $id) {{ {STEPS} }} }}"
FOLLOW = f"subscription($id: ID!) {{ command(id: $id) {{ {STEPS} }} }}"
FOLLOWERS = DECLARATIONS.followers
PROJECTIONS = "projections { name position head lagEvents lagSeconds state eventsPerSecond deadLetters lastError }"


def check_steps(progress: dict[str, Any], *names: str) -> None:
    """Every projection named has passed the command, at a time."""
    assert progress["isComplete"] is True
    assert [step["projection"] for step in progress["projections"]] == list(names)
    for step in progress["projections"]:
        assert step["projectedAt"].endswith("Z")
        assert step["lagMilliseconds"] >= 0


async def test_a_command_is_known_once_it_is_accepted(shop: Shop) -> None:
    assert await shop.data(ONE, id="c1") is None
    await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
    await shop.settled()
    progress = await shop.data(ONE, id="c1")
    assert (progress["commandId"], progress["receipt"]) == ("c1", {"position": "1", "version": 1, "replayed": False})
    assert progress["events"] == [{"id": "event_1", "type": "RecordWritten"}]
    check_steps(progress, "record_statistics", "records")
    await register(shop, commandId="c2")
    await shop.settled()
    check_steps(await shop.data(ONE, id="c2"), "inventory", "medicines")


async def test_a_command_with_nothing_to_do_is_complete_at_once(shop: Shop) -> None:
    await register(shop, stockQuantity=5)
    await shop.accepted("adjustStock", medicineId="aspirin", quantity=5, reason="counted", commandId="c")
    progress = await shop.data(ONE, id="c")
    assert (progress["events"], progress["projections"], progress["isComplete"]) == ([], [], True)


async def test_a_refused_command_was_never_accepted(shop: Shop) -> None:
    await shop.errors("deleteRecord", key="a", commandId="c")
    assert await shop.data(ONE, id="c") is None


async def test_a_command_is_followed_from_before_it_is_sent_to_the_last_projection(shop: Shop) -> None:
    async with shop.follow(FOLLOW, id="c1") as stream:
        await shop.accepted("writeRecord", key="other", value="1")
        await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
        progress = await stream.next()
        while not progress["isComplete"]:
            assert progress["receipt"] == {"position": "2", "version": 1, "replayed": False}
            progress = await stream.next()
        check_steps(progress, "record_statistics", "records")
        assert progress["events"] == [{"id": "event_2", "type": "RecordWritten"}]
        await stream.completed()


async def test_a_command_with_nothing_to_do_is_followed_from_before_it_is_sent(shop: Shop) -> None:
    await register(shop, stockQuantity=5)
    async with shop.follow(FOLLOW, id="c") as stream, shop.follow("subscription { records { kind } }") as other:
        await other.next()
        await shop.accepted("adjustStock", medicineId="aspirin", quantity=5, reason="counted", commandId="c")
        progress = await stream.next()
        assert (progress["receipt"]["position"], progress["isComplete"]) == ("1", True)
        await stream.completed()


async def test_a_command_is_followed_after_it_is_complete(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
    await shop.settled()
    async with shop.follow(FOLLOW, id="c1") as stream:
        check_steps(await stream.next(), "record_statistics", "records")
        await stream.completed()


async def test_a_command_shows_which_projection_it_waits_for(shop: Shop) -> None:
    projection = shop.app.projector.projections["records"]
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    projection.pause()
    await shop.accepted("writeRecord", key="a", value="2")
    await shop.accepted("writeRecord", key="a", value="3", commandId="c")
    async with shop.follow(FOLLOW, id="c") as stream:
        progress = await stream.next()
        while not next(each for each in progress["projections"] if each["projection"] == "record_statistics")[
            "projectedAt"
        ]:
            progress = await stream.next()
        assert progress["isComplete"] is False
        assert [each["projectedAt"] is None for each in progress["projections"]] == [False, True]
        projection.resume()
        check_steps(await stream.next(), "record_statistics", "records")
        await stream.completed()


async def test_commands_followed_by_many_are_complete_for_all(shop: Shop) -> None:
    async def one(number: int) -> None:
        async with shop.follow(FOLLOW, id=f"c{number}") as stream:
            await shop.accepted("writeRecord", key=str(number % 3), value="1", commandId=f"c{number}")
            progress = await stream.next()
            while not progress["isComplete"]:
                progress = await stream.next()
            check_steps(progress, "record_statistics", "records")
            await stream.completed()

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_the_projections_tell_where_they_are(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    assert await shop.app.drained()
    found = await shop.data(f"{{ {PROJECTIONS} }}")
    assert all(each.pop("eventsPerSecond") > 0 for each in found)
    assert found == [
        {
            "name": name,
            "position": "1",
            "head": "1",
            "lagEvents": 0,
            "lagSeconds": 0.0,
            "state": "LIVE",
            "deadLetters": 0,
            "lastError": None,
        }
        for name in FOLLOWERS
    ]


async def test_the_projections_are_followed(shop: Shop) -> None:
    async with shop.follow("subscription { projections { name state position } }") as stream:
        assert [each["position"] for each in await stream.next()] == ["0"] * len(FOLLOWERS)
        shop.app.projector.projections["records"].pause()
        frame = await stream.next()
        assert {each["name"]: each["state"] for each in frame} == {
            name: "PAUSED" if name == "records" else "LIVE" for name in FOLLOWERS
        }


async def test_every_type_that_is_a_node_is_found_by_its_id(shop: Shop) -> None:
    await register(shop)
    await shop.accepted("writeRecord", key="aspirin", value="1")
    await shop.settled()
    for id, kind in (("aspirin", "Medicine"), ("record_aspirin", "Record"), ("event_1", "Event")):
        assert await shop.data("query($id: ID!) { node(id: $id) { __typename id } }", id=id) == {
            "__typename": kind,
            "id": id,
        }
    await shop.app.tally.flush()
    await shop.settled()
    assert (await shop.data('{ record(key: "aspirin") { readCount } }'))["readCount"] == 0, "a node is no counted read"


async def test_a_command_of_an_earlier_run_is_still_known(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
    async with opened(tmp_path) as shop:
        check_steps(await shop.data(ONE, id="c1"), "record_statistics", "records")
