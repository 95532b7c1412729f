"""A command's progress, the projections and nodes through the API."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.application import DECLARATIONS
from domain.money import Money
from domain.order import PlaceOrder
from domain.order_line import OrderLine
from engine import clock
from engine.shapes import replace
from engine.status import State, Status
from schema.projections import ProjectionStatus
from tests.running import Shop, opened
from tests.schema.ordering import lines, placed, stocked
from tests.schema.test_medicines import register

STEPS = """commandId receipt { position version replayed } events { id type } projections { projection
  projectedAt lagMilliseconds } isComplete"""
ONE = f"query($id: ID!) {{ command(id: $id) {{ {STEPS} }} }}"
FOLLOW = f"subscription($id: ID!) {{ command(id: $id) {{ {STEPS} }} }}"
FOLLOWERS = DECLARATIONS.followers
PROJECTIONS = """projections { name position head lagEvents lagSeconds state eventsPerSecond deadLetters lastError
  rebuildPosition asOf }"""


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
    asked_at = clock.now()
    found = await shop.data(f"{{ {PROJECTIONS} }}")
    assert all(each.pop("eventsPerSecond") > 0 for each in found)
    assert all(asked_at <= datetime.fromisoformat(each.pop("asOf")) <= clock.now() for each in found)
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
            "rebuildPosition": None,
        }
        for name in FOLLOWERS
    ]


def test_a_projection_that_is_rebuilt_tells_how_far_it_is() -> None:
    status = Status("a", 5, 9, 4, 0.5, State.REBUILDING, 0.1, None, rebuild_position=3, as_of=clock.now())
    shown = ProjectionStatus.of(status)
    assert (shown.position, shown.rebuild_position, shown.head, shown.as_of) == (5, 3, 9, status.as_of)


async def test_the_projections_are_followed(shop: Shop) -> None:
    async with shop.follow("subscription { projections { name state position } }") as stream:
        assert [each["position"] for each in await stream.next()] == ["0"] * len(FOLLOWERS)
        shop.app.projector.projections["records"].pause()
        frame = await stream.next()
        assert {each["name"]: each["state"] for each in frame} == {
            name: "PAUSED" if name == "records" else "LIVE" for name in FOLLOWERS
        }


async def test_what_followed_from_a_command_is_shown_to_its_sender_without_the_facts(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await ann.accepted("placeOrder", id="o1", lines=lines(m1=2), commandId="c1")
    await shop.drained()
    await placed(shop, await shop.viewer("customer", "bob"), "o2")
    asked = """query($id: ID!) { command(id: $id) { events { id type data } followUps {
      id position type stream causationId correlationId actorId data } } }"""
    told = await ann.data(asked, id="c1")
    (first,) = told["events"]
    assert first["data"]["order_id"] == "o1"
    reserved, validated, *others = told["followUps"]
    assert (reserved["type"], reserved["stream"], reserved["causationId"]) == (
        "StockReserved",
        "medicine-m1",
        first["id"],
    )
    assert (validated["type"], validated["stream"], validated["causationId"]) == (
        "OrderValidated",
        "order-o1",
        reserved["id"],
    )
    assert {each["correlationId"] for each in told["followUps"]} == {"c1"}
    assert all(each["actorId"].startswith("process/") for each in told["followUps"])
    assert {str(each["data"]) for each in told["followUps"]} == {"{}"}
    known = (await shop.data(asked, id="c1"))["followUps"]
    assert [{**each, "data": {}} for each in known] == told["followUps"], "staff read the same story"
    assert known[0]["data"]["order_id"] == "o1"
    assert others == []


async def test_what_followed_is_not_told_to_somebody_else_nor_to_nobody(shop: Shop) -> None:
    await stocked(shop)
    ann, bob, nobody = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob"), shop.viewer(None)
    line = OrderLine(medicine_id="m1", name="Aspirin", quantity=1, unit_price=Money(500))
    order = PlaceOrder(order_id="o", code="", user_id="ann", user_email="", lines=(line,), pay_within=60)
    for actor_id, code in (("ann", "7K2M"), (None, "7K2N")):
        each = replace(order, order_id=f"of-{actor_id}", code=code)
        await shop.app.send(each, command_id=f"by-{actor_id}", expected_version=None, actor_id=actor_id)
    await shop.drained()
    asked = "query($id: ID!) { command(id: $id) { followUps { type } } }"
    whole = {"followUps": [{"type": "StockReserved"}, {"type": "OrderValidated"}]}
    for client, by_ann, by_nobody in (
        (shop, whole, whole),
        (ann, whole, None),
        (bob, None, None),
        (await nobody, None, {"followUps": []}),
    ):
        assert await client.data(asked, id="by-ann") == by_ann
        assert await client.data(asked, id="by-None") == by_nobody


async def test_a_command_with_nothing_to_do_had_nothing_that_followed(shop: Shop) -> None:
    await register(shop, stockQuantity=5)
    await shop.accepted("adjustStock", medicineId="aspirin", quantity=5, reason="counted", commandId="c")
    assert await shop.data('{ command(id: "c") { followUps { type } } }') == {"followUps": []}


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
