"""The event log through the API."""

from typing import Any

from tests.running import STAFF, Shop, Stream
from tests.schema.ordering import lines, stocked
from tests.schema.test_medicines import register

FIELDS = "id position stream version type data recordedAt commandId correlationId causationId actorId"
PAGE = (
    "nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } position"
)
LIST = f"""query($filter: EventFilter, $first: Int, $after: String, $last: Int, $before: String) {{
  events(filter: $filter, first: $first, after: $after, last: $last, before: $before) {{ {PAGE} }} }}"""
FRAMES = """subscription($filter: EventFilter, $after: Position) { events(filter: $filter, after: $after) {
  since position events { id } } }"""


async def history(shop: Shop) -> None:
    """Six events on three streams."""
    await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
    await register(shop, commandId="c2")
    await shop.accepted("writeRecord", key="b", value="2")
    await shop.accepted("receiveStock", medicineId="aspirin", quantity=3)
    await shop.accepted("deleteRecord", key="a")
    await shop.accepted("writeRecord", key="a", value="3")


def numbers(page: dict[str, Any]) -> list[int]:
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    return [int(node["id"].removeprefix("event_")) for node in page["nodes"]]


async def test_an_event_tells_everything_that_is_known_of_it(shop: Shop) -> None:
    receipt = await shop.accepted("writeRecord", key="a", value="1", commandId="c1")
    event = {
        "id": "event_1",
        "position": "1",
        "stream": "record-a",
        "version": 1,
        "type": "RecordWritten",
        "data": {"key": "a", "value": "1", "is_new": True},
        "recordedAt": receipt["acceptedAt"],
        "commandId": "c1",
        "correlationId": "c1",
        "causationId": None,
        "actorId": STAFF.id,
    }
    assert await shop.data(f"{{ events {{ nodes {{ {FIELDS} }} }} }}") == {"nodes": [event]}
    assert await shop.data(f'{{ node(id: "event_1") {{ id ... on Event {{ {FIELDS} }} }} }}') == event


async def test_the_log_walked_either_way_is_the_whole_log(shop: Shop) -> None:
    await history(shop)
    assert (await shop.data(LIST))["position"] == "6"
    for size in (1, 4, 6):
        forwards: list[int] = []
        backwards: list[int] = []
        info: dict[str, Any] = {"hasNextPage": True, "hasPreviousPage": True, "endCursor": None, "startCursor": None}
        while info["hasNextPage"]:
            page = await shop.data(LIST, first=size, after=info["endCursor"])
            forwards, info = forwards + numbers(page), page["pageInfo"]
        info = {"hasPreviousPage": True, "startCursor": None}
        while info["hasPreviousPage"]:
            page = await shop.data(LIST, last=size, before=info["startCursor"])
            backwards, info = numbers(page) + backwards, page["pageInfo"]
        assert forwards == backwards == [1, 2, 3, 4, 5, 6]


async def test_the_log_can_be_narrowed(shop: Shop) -> None:
    await history(shop)
    filters: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"stream": "record-a"}, [1, 5, 6]),
        ({"types": ["RecordDeleted", "StockReceived"]}, [4, 5]),
        ({"types": []}, []),
        ({"commandId": "c2"}, [2]),
        ({"correlationId": "c1"}, [1]),
        ({"stream": "record-a", "types": ["RecordWritten"], "commandId": None}, [1, 6]),
        ({"stream": "record-a", "commandId": "c2"}, []),
    ]
    for filter, expected in filters:
        assert numbers(await shop.data(LIST, filter=filter)) == expected, filter
        assert numbers(await shop.data(LIST, filter=filter, last=1)) == expected[-1:]
        page = await shop.data(LIST, filter=filter, first=1)
        assert (numbers(page), page["pageInfo"]["hasNextPage"]) == (expected[:1], len(expected) > 1)


async def test_a_story_is_a_tree_of_causes(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    placed = await ann.accepted("placeOrder", id="o1", lines=lines(m1=2, m2=1), commandId="c1")
    await shop.drained()
    asked = """query($filter: EventFilter) { events(filter: $filter) { nodes {
      id type causationId commandId actorId } } }"""
    story = (await shop.data(asked, filter={"correlationId": "c1"}))["nodes"]
    root, *rest = story
    assert (root["id"], root["type"], root["causationId"], root["actorId"]) == (
        f"event_{placed['position']}",
        "OrderInitiated",
        None,
        "ann",
    )
    kinds = {each["id"]: each["type"] for each in story}
    assert [(each["type"], kinds[each["causationId"]]) for each in rest] == [
        ("StockReserved", "OrderInitiated"),
        ("StockReserved", "OrderInitiated"),
        ("OrderValidated", "StockReserved"),
    ]
    assert (await ann.refused(asked, filter={"correlationId": "c1"}))["extensions"]["code"] == "FORBIDDEN"


async def until(stream: Stream, position: int, since: str) -> list[int]:
    """The events of a chain of frames from one position up to another."""
    found: list[int] = []
    while not found or found[-1] < position:
        frame = await stream.next()
        assert frame["since"] == since
        since = frame["position"]
        found += [int(event["id"].removeprefix("event_")) for event in frame["events"]]
        assert int(since) >= found[-1]
    return found


async def test_events_are_followed_from_now_or_from_any_position(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="z", value="1")
    for after, expected in (("0", list(range(1, 8))), ("3", [4, 5, 6, 7])):
        if after == "0":
            async with shop.follow(FRAMES, after=after) as stream:
                assert await until(stream, 1, "0") == [1]
                await history(shop)
                assert await until(stream, 7, "1") == expected[1:]
        async with shop.follow(FRAMES, after=after) as stream:
            assert await until(stream, 7, after) == expected
    async with shop.follow(FRAMES) as stream:
        assert stream
    async with shop.follow(FRAMES, filter={"stream": "record-a"}, after="0") as stream:
        assert await until(stream, 7, "0") == [2, 6, 7]


async def test_every_event_is_delivered_in_frames_of_bounded_size(shop: Shop) -> None:
    for number in range(250):
        await shop.app.dispatcher.send(_write(number))
    async with shop.follow(FRAMES, after="0") as stream:
        assert await until(stream, 250, "0") == list(range(1, 251))


def _write(number: int) -> Any:
    from domain.record import WriteRecord

    return WriteRecord(key=str(number % 5), value="v")


async def test_a_position_that_the_log_has_not_reached_is_bad_input(shop: Shop) -> None:
    async with shop.follow(FRAMES, after="5") as stream:
        error = await stream.error()
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "The log is at 0; it has no position 5 yet."
