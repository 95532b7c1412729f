"""Apollo Client, with its cache."""

from tests.clients.node import Node
from tests.running import Shop


async def test_apollo_queries_mutates_and_shows_what_is_pushed_by_way_of_its_cache(shop: Shop, node: Node) -> None:
    staff = await shop.viewer("staff")
    found = await node.run("apollo.mjs", shop.url, shop.ws, str(staff.token))
    record = {"__typename": "Record", "id": "record_a", "key": "a", "value": "one"}
    assert found == {
        "written": {"writeRecord": {"__typename": "WriteRecordPayload", "errors": [], "record": record}},
        "queried": {"records": {"__typename": "RecordConnection", "nodes": [record]}},
        "cached": record,
        "shown": "three",
        "pushed": "three",
        "followed": "three",
        "refused": ["GRAPHQL_VALIDATION_FAILED"],
        "missing": ["BAD_USER_INPUT"],
    }
