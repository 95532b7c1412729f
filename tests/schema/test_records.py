"""Records through the API."""

import asyncio
from pathlib import Path

from tests.running import Shop, View, opened

RECORD = "id key value version position createdAt updatedAt readCount writeCount"
PAGE = f"""nodes {{ {RECORD} }} edges {{ cursor node {{ key }} }} pageInfo {{ hasNextPage hasPreviousPage
  startCursor endCursor }} position"""
LIST = f"""query($prefix: String, $first: Int, $after: String, $last: Int, $before: String, $atLeast: Position)
  {{ records(prefix: $prefix, first: $first, after: $after, last: $last, before: $before, atLeast:
  $atLeast) {{ {PAGE} }} }}"""
ONE = f"query($key: String!, $atLeast: Position) {{ record(key: $key, atLeast: $atLeast) {{ {RECORD} }} }}"
STATISTICS = (
    "query($atLeast: Position) { recordStatistics(atLeast: $atLeast) { totalRecords totalReads totalWrites position } }"
)
FRAMES = f"""subscription($prefix: String, $after: Position) {{ records(prefix: $prefix, after: $after) {{ kind
  since position more upserted {{ {RECORD} }} removed }} }}"""

ODD = ["ключ", "🗝️ key", "a'b\"c", "% _ \\", "a\tb", "e\u0301", "\U0010ffff", "x" * 200, "; DROP TABLE records_a; --"]


async def write(shop: Shop, *keys: str) -> str:
    """Write a value under each key; the position of the last."""
    for key in keys:
        receipt = await shop.accepted("writeRecord", key=key, value=f"value of {key}")
    return str(receipt["position"])


async def test_a_record_is_written_read_and_deleted(shop: Shop) -> None:
    written = await shop.send("writeRecord", f"record {{ {RECORD} }}", key="a", value="1", commandId="c1")
    receipt, record = written["receipt"], written["record"]
    assert receipt == {
        "commandId": "c1",
        "position": "1",
        "stream": "record-a",
        "version": 1,
        "acceptedAt": record["createdAt"],
        "replayed": False,
    }
    assert record == {
        "id": "record_a",
        "key": "a",
        "value": "1",
        "version": 1,
        "position": "1",
        "createdAt": receipt["acceptedAt"],
        "updatedAt": receipt["acceptedAt"],
        "readCount": 0,
        "writeCount": 1,
    }
    again = await shop.send("writeRecord", f"record {{ {RECORD} }}", key="a", value="2", expectedVersion=1)
    assert (again["record"]["value"], again["record"]["version"], again["record"]["writeCount"]) == ("2", 2, 2)
    gone = await shop.send("deleteRecord", "record { id }", key="a")
    assert (gone["receipt"]["version"], gone["errors"], gone["record"]) == (3, [], None)
    assert await shop.data(ONE, key="a", atLeast="3") is None
    anew = await shop.send("writeRecord", "record { version writeCount createdAt }", key="a", value="3")
    assert anew["record"] == {"version": 4, "writeCount": 1, "createdAt": anew["receipt"]["acceptedAt"]}


async def test_a_command_id_gives_the_same_receipt_and_refuses_another_input(shop: Shop) -> None:
    first = await shop.accepted("writeRecord", key="a", value="1", commandId="c")
    again = await shop.send("writeRecord", "record { value }", key="a", value="1", commandId="c")
    assert again["receipt"] == {**first, "replayed": True}
    assert again["record"] == {"value": "1"}
    assert await shop.errors("writeRecord", key="a", value="2", commandId="c") == [
        {
            "__typename": "CommandIdReused",
            "code": "COMMAND_ID_REUSED",
            "message": "Command id 'c' was used before with another input.",
            "path": ["commandId"],
        }
    ]


async def test_refusals_are_typed_and_name_the_field(shop: Shop) -> None:
    await write(shop, "a")
    assert await shop.errors("deleteRecord", key="b") == [
        {"__typename": "NotFound", "code": "NOT_FOUND", "message": "There is no record 'b'.", "path": ["key"]}
    ]
    assert await shop.errors("writeRecord", key="a", value="", expectedVersion=7) == [
        {
            "__typename": "VersionConflict",
            "code": "CONFLICT",
            "message": "Expected version 7, but it is at 1.",
            "path": ["expectedVersion"],
            "expected": 7,
            "actual": 1,
        }
    ]
    errors = await shop.errors("writeRecord", key=" ", value="\x00")
    assert [(each["__typename"], each["code"], each["path"]) for each in errors] == [
        ("InvalidInput", "INVALID", ["key"]),
        ("InvalidInput", "INVALID", ["value"]),
    ]


async def test_any_text_is_a_key_and_a_value(shop: Shop) -> None:
    for key in ODD:
        await _try(shop, key)


async def _try(shop: Shop, key: str) -> None:
    payload = await shop.send("writeRecord", "record { id key value }", key=key, value=key)
    assert payload["record"] == {"id": f"record_{key}", "key": key, "value": key}
    assert (await shop.data(ONE, key=key))["value"] == key
    assert (await shop.data("query($id: ID!) { node(id: $id) { id } }", id=f"record_{key}")) == {"id": f"record_{key}"}
    assert [each["key"] for each in (await shop.data(LIST, prefix=key))["nodes"]] == [key]
    assert (await shop.send("deleteRecord", "record { id }", key=key))["record"] is None


async def test_pages_walked_either_way_are_the_whole_list(shop: Shop) -> None:
    keys = sorted([f"k{number:02}" for number in range(11)] + ["ä", "Z"])
    head = await write(shop, *keys)
    whole = await shop.data(LIST, atLeast=head)
    assert [node["key"] for node in whole["nodes"]] == [edge["node"]["key"] for edge in whole["edges"]] == keys
    assert whole["position"] == head
    for size in (1, 4, 13):
        forwards: list[str] = []
        cursor = None
        while True:
            page = await shop.data(LIST, first=size, after=cursor)
            assert page["pageInfo"]["hasPreviousPage"] is (cursor is not None)
            forwards += [edge["node"]["key"] for edge in page["edges"]]
            cursor = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        backwards: list[str] = []
        cursor = None
        while True:
            page = await shop.data(LIST, last=size, before=cursor)
            assert page["pageInfo"]["hasNextPage"] is (cursor is not None)
            backwards = [edge["node"]["key"] for edge in page["edges"]] + backwards
            cursor = page["pageInfo"]["startCursor"]
            if not page["pageInfo"]["hasPreviousPage"]:
                break
        assert forwards == backwards == keys


async def test_a_page_between_two_cursors_holds_what_lies_between(shop: Shop) -> None:
    head = await write(shop, *"abcdef")
    cursors = {edge["node"]["key"]: edge["cursor"] for edge in (await shop.data(LIST, atLeast=head))["edges"]}

    async def page(**arguments: object) -> tuple[str, bool, bool]:
        found = await shop.data(LIST, **arguments)
        info = found["pageInfo"]
        return "".join(node["key"] for node in found["nodes"]), info["hasPreviousPage"], info["hasNextPage"]

    assert await page(after=cursors["a"], before=cursors["e"], first=2) == ("bc", True, True)
    assert await page(after=cursors["a"], before=cursors["d"], first=2) == ("bc", True, True)
    assert await page(after=cursors["a"], before=cursors["e"], last=2) == ("cd", True, True)
    assert await page(before=cursors["c"]) == ("ab", False, True)
    assert await page(before=cursors["c"], first=1) == ("a", False, True)
    assert await page(after=cursors["e"], before=cursors["b"]) == ("", True, True)
    assert await page(first=0) == ("", False, True)
    assert await page(last=0) == ("", True, False)


async def test_a_cursor_stays_right_while_rows_come_and_go(shop: Shop) -> None:
    head = await write(shop, "b", "d", "f", "h")
    first = await shop.data(LIST, first=2, atLeast=head)
    await shop.accepted("deleteRecord", key="d")
    head = await write(shop, "a", "c", "e")
    rest = await shop.data(LIST, after=first["pageInfo"]["endCursor"], atLeast=head)
    assert [node["key"] for node in rest["nodes"]] == ["e", "f", "h"]
    back = await shop.data(LIST, last=5, before=first["pageInfo"]["endCursor"])
    assert [node["key"] for node in back["nodes"]] == ["a", "b", "c"]


async def test_an_empty_list_is_a_page_too(shop: Shop) -> None:
    assert await shop.data(LIST, prefix="nothing") == {
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "position": "0",
    }


async def test_reads_are_counted_exactly_and_a_moment_later(shop: Shop) -> None:
    head = await write(shop, "a", "b")
    for _ in range(3):
        await shop.data(ONE, key="a", atLeast=head)
    await asyncio.gather(*(shop.data(ONE, key="b") for _ in range(20)))
    assert await shop.data(ONE, key="missing") is None
    await shop.data(LIST)
    await shop.app.tally.flush()
    await shop.settled()
    found = {node["key"]: (node["readCount"], node["version"]) for node in (await shop.data(LIST))["nodes"]}
    assert found == {"a": (3, 1), "b": (20, 1)}
    statistics = await shop.data(STATISTICS)
    assert (statistics["totalReads"], statistics["totalRecords"], statistics["totalWrites"]) == (23, 2, 2)


async def test_reads_are_counted_across_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        head = await write(shop, "a")
        for _ in range(5):
            await shop.data(ONE, key="a", atLeast=head)
    async with opened(tmp_path) as shop:
        await shop.settled()
        assert [node["readCount"] for node in (await shop.data(LIST))["nodes"]] == [5]


async def test_statistics_follow_the_log(shop: Shop) -> None:
    assert await shop.data(STATISTICS) == {"totalRecords": 0, "totalReads": 0, "totalWrites": 0, "position": "0"}
    await write(shop, "a", "b", "a")
    receipt = await shop.accepted("deleteRecord", key="b")
    assert await shop.data(STATISTICS, atLeast=receipt["position"]) == {
        "totalRecords": 1,
        "totalReads": 0,
        "totalWrites": 3,
        "position": "4",
    }


async def test_a_read_waits_for_a_position_and_says_how_far_it_came(tmp_path: Path) -> None:
    async with opened(tmp_path, read_timeout_ms=50) as shop:
        await write(shop, "a")
        await shop.settled()
        assert (await shop.data(ONE, key="a", atLeast="1"))["value"] == "value of a"
        for query, model in ((ONE, "records"), (LIST, "records"), (STATISTICS, "record_statistics")):
            error = await shop.refused(query, key="a", atLeast="9")
            assert error["extensions"] == {"code": "STALE_READ", "position": "1", "atLeast": "9"}
            assert error["message"] == f"{model} shows position 1; 9 was asked for."


async def test_a_payload_whose_read_model_does_not_follow_in_time_has_no_entity(tmp_path: Path) -> None:
    async with opened(tmp_path, read_timeout_ms=50) as shop:
        projection = shop.app.projector.projections["records"]
        await shop.settled()
        projection.pause()
        # The batch that it waits for is still taken, or not: once more and it is surely paused.
        await write(shop, "a")
        payload = await shop.send("writeRecord", "record { key }", key="b", value="1")
        payload = await shop.send("writeRecord", "record { key }", key="c", value="1")
        assert (payload["receipt"]["version"], payload["errors"], payload["record"]) == (1, [], None)
        projection.resume()
        await shop.settled()
        assert (await shop.send("writeRecord", "record { key }", key="d", value="1"))["record"] == {"key": "d"}


async def test_in_synchronous_mode_an_answer_means_that_every_read_model_shows_it(tmp_path: Path) -> None:
    async with opened(tmp_path, synchronous=True) as shop:
        for number in range(5):
            await shop.accepted("writeRecord", key=f"k{number}", value="v")
            assert (await shop.data(LIST))["position"] == str(number + 1)
            assert (await shop.data(STATISTICS))["totalWrites"] == number + 1


async def test_frames_chain_from_a_snapshot_and_end_in_the_table(shop: Shop) -> None:
    await write(shop, "a", "b")
    await shop.settled()
    async with shop.follow(FRAMES) as stream:
        view = View()
        await view.until(stream, "2")
        assert (view.kinds, sorted(view.rows)) == (["SNAPSHOT"], ["record_a", "record_b"])
        await shop.accepted("deleteRecord", key="a")
        head = await write(shop, "b", "c")
        await view.until(stream, head)
    assert set(view.kinds[1:]) == {"CHANGES"}
    assert view.rows == {node["id"]: node for node in (await shop.data(LIST))["nodes"]}


async def test_a_view_of_a_prefix_shows_nothing_else(shop: Shop) -> None:
    async with shop.follow(FRAMES, prefix="a") as stream:
        view = View()
        view.apply(await stream.next())
        await write(shop, "b", "a1")
        await shop.accepted("deleteRecord", key="b")
        head = await write(shop, "a2")
        await view.until(stream, head)
    assert sorted(view.rows) == ["record_a1", "record_a2"]


async def test_a_view_goes_on_from_where_it_was_left(shop: Shop) -> None:
    head = await write(shop, "a", "b", "c")
    async with shop.follow(FRAMES) as stream:
        view = View()
        await view.until(stream, head)
    await shop.accepted("deleteRecord", key="a")
    await write(shop, "b", "d")
    async with shop.follow(FRAMES, after=view.position) as stream:
        frame = await stream.next()
        assert (frame["kind"], frame["since"]) == ("CHANGES", head)
        view.apply(frame)
        await view.until(stream, "6")
    assert view.rows == {node["id"]: node for node in (await shop.data(LIST))["nodes"]}


async def test_a_position_from_the_future_is_answered_with_a_reset_and_a_snapshot(shop: Shop) -> None:
    await write(shop, "a")
    await shop.settled()
    async with shop.follow(FRAMES, after="1000000") as stream:
        reset, snapshot = await stream.next(), await stream.next()
    assert reset == {"kind": "RESET", "since": "1000000", "position": "0", "more": False, "upserted": [], "removed": []}
    assert (snapshot["kind"], snapshot["since"], snapshot["position"]) == ("SNAPSHOT", "0", "1")
    assert [row["key"] for row in snapshot["upserted"]] == ["a"]


async def test_one_record_is_followed_from_nothing_to_nothing(shop: Shop) -> None:
    async with shop.follow("subscription($key: String!) { record(key: $key) { value version } }", key="a") as stream:
        assert await stream.next() is None
        for version in (1, 2):
            await shop.accepted("writeRecord", key="a", value=str(version))
            assert await stream.next() == {"value": str(version), "version": version}
        await shop.accepted("writeRecord", key="b", value="other")
        await shop.accepted("deleteRecord", key="a")
        assert await stream.next() is None


async def test_the_statistics_are_followed(shop: Shop) -> None:
    async with shop.follow(
        "subscription { recordStatistics { totalRecords totalWrites totalReads position } }"
    ) as stream:
        assert await stream.next() == {"totalRecords": 0, "totalWrites": 0, "totalReads": 0, "position": "0"}
        await write(shop, "a")
        assert await stream.next() == {"totalRecords": 1, "totalWrites": 1, "totalReads": 0, "position": "1"}
