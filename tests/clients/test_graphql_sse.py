"""The npm package graphql-sse, whose protocol the event streams speak, and how EventSource goes on."""

from tests.clients.node import Node
from tests.running import Shop


async def test_graphql_sse_runs_every_kind_of_operation_and_a_lost_stream_goes_on(shop: Shop, node: Node) -> None:
    staff = await shop.viewer("staff")
    found = await node.run("graphql_sse.mjs", "everything", shop.url, str(staff.token))
    assert found["written"] == {"results": [{"data": {"writeRecord": {"errors": []}}}], "end": "complete"}
    assert found["queried"] == {"results": [{"data": {"records": {"nodes": [{"key": "a"}]}}}], "end": "complete"}
    first, second = found["frames"]
    assert (first["kind"], first["upserted"]) == ("SNAPSHOT", [{"key": "a"}])
    assert (second["kind"], second["upserted"], second["since"]) == ("CHANGES", [{"key": "b"}], first["position"])
    assert found["progress"]["end"] == "complete"
    assert found["progress"]["results"][-1] == {"data": {"command": {"isComplete": True}}}
    (result,) = found["unknown"]["results"]
    assert [error["extensions"]["code"] for error in result["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]
    events = [found["resumed"]["snapshot"], *found["resumed"]["missed"]]
    assert [(event["event"], event["id"]) for event in events] == [
        ("next", event["data"]["position"]) for event in events
    ]
    assert [event["data"]["since"] for event in events[1:]] == [event["id"] for event in events[:-1]]
    assert {event["data"]["kind"] for event in events[1:]} == {"CHANGES"}
    assert events[-1]["data"]["upserted"] == [{"key": "c"}]


async def test_graphql_sse_goes_on_from_its_position_each_time_the_server_ends_its_stream(
    shop: Shop, node: Node
) -> None:
    staff = await shop.viewer("staff")
    await shop.accepted("writeRecord", key="step-0", value="")
    async with node.running("graphql_sse.mjs", "ended", shop.url, str(staff.token)) as program:
        for turn in range(1, 4):
            async with shop.follow(f'subscription {{ record(key: "seen-{turn}") {{ key }} }}') as stream:
                while await stream.next() is None:
                    pass
            shop.close("staff", 1012)
            await shop.accepted("writeRecord", key=f"step-{turn}", value="")
        found = await program.report()
    assert found == {
        "connections": 4,
        "chain": [
            ["SNAPSHOT", True, ["step-0"]],
            ["CHANGES", True, ["step-1"]],
            ["CHANGES", True, ["step-2"]],
            ["CHANGES", True, ["step-3"]],
        ],
    }
