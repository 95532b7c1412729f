"""GraphQL over HTTP, as the public audit of the specification sees it."""

from collections import Counter

import pytest

from tests.clients.node import Node
from tests.running import Shop

pytestmark = pytest.mark.one_world("it is about HTTP, whatever is kept behind it")


async def test_every_audit_of_graphql_over_http_passes(shop: Shop, node: Node) -> None:
    results = await node.run("graphql_http.mjs", shop.url)
    assert [result for result in results if result["status"] != "ok"] == []
    assert Counter(result["name"].split()[0] for result in results) == {"MUST": 13, "SHOULD": 23, "MAY": 25}
