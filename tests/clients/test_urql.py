"""urql, which follows by WebSocket and by server-sent events."""

from typing import Any

from tests.clients.node import Node
from tests.running import Shop


async def test_urql_queries_mutates_and_follows_by_either_transport(shop: Shop, node: Node) -> None:
    staff = await shop.viewer("staff")
    found = await node.run("urql.mjs", shop.url, shop.ws, str(staff.token))
    record = {"id": "record_a", "key": "a", "value": "1"}
    assert found == {
        "written": {"writeRecord": {"errors": [], "record": record}},
        "queried": {"records": {"nodes": [{"id": "record_a", "value": "1"}]}},
        "byGet": {"records": {"nodes": [{"id": "record_a", "value": "1"}]}},
        "bySocket": [snapshot("a"), change("b")],
        "byStream": [snapshot("a", "b"), change("c")],
        "refused": ["GRAPHQL_VALIDATION_FAILED"],
        "unknown": [["GRAPHQL_VALIDATION_FAILED"]] * 2,
    }


def frame(kind: str, *keys: str) -> dict[str, Any]:
    return {"kind": kind, "upserted": [{"id": f"record_{key}", "value": "1"} for key in keys], "removed": []}


def snapshot(*keys: str) -> dict[str, Any]:
    return frame("SNAPSHOT", *keys)


def change(key: str) -> dict[str, Any]:
    return frame("CHANGES", key)
