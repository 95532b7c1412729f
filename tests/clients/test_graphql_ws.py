"""The npm package graphql-ws, whose protocol the socket speaks."""

import json
from typing import Any

from engine.graphql.cost import MAX_COST
from tests.clients.node import Node
from tests.running import Shop

AGAIN = {1001, 1012, 1013, 4403, 4408}
"After these a client connects again by itself; for 4403 with the token that it then gives."
FATAL = {1002, 1008, 1011, 4400, 4401, 4406, 4409, 4429, 4500}
OPEN = ["connected", None, False]
DONE = ["closed", 1000, "Normal Closure"]


async def seen(shop: Shop, node: Node, scenario: str, **tokens: str | None) -> Any:
    return await node.run("graphql_ws.mjs", scenario, shop.ws, json.dumps(tokens))


def answer(data: Any, requested: int) -> dict[str, Any]:
    """What an operation gives that has one answer."""
    return {"results": [first(data, requested)], "end": "complete"}


def first(data: Any, requested: int) -> dict[str, Any]:
    """The first answer of an operation."""
    return {"data": data, "extensions": {"cost": {"requested": requested, "limit": MAX_COST}}}


def codes(errors: list[dict[str, Any]]) -> list[str]:
    return [error["extensions"]["code"] for error in errors]


async def test_every_kind_of_operation_runs_on_one_socket(shop: Shop, node: Node) -> None:
    staff = await shop.viewer("staff")
    found = await seen(shop, node, "everything", staff=staff.token)
    assert found["me"] == answer({"me": {"id": "staff"}}, 2)
    snapshot = {"records": {"kind": "SNAPSHOT", "upserted": [], "removed": []}}
    assert found["snapshot"] == first(snapshot, 2 + 50 * 3 + 50)
    record = {"key": "a", "value": "1"}
    payload = {"receipt": {"version": 1}, "errors": [], "record": record}
    assert found["written"] == answer({"writeRecord": payload}, 10 + 2 + 5 * 2 + 3)
    assert found["change"] == {"data": {"records": {"kind": "CHANGES", "upserted": [record], "removed": []}}}
    assert found["progress"]["end"] == "complete"
    assert found["progress"]["results"][-1]["data"] == {
        "command": {"isComplete": True, "events": [{"type": "RecordWritten"}]}
    }
    for name, code in (
        ("unknown", "GRAPHQL_VALIDATION_FAILED"),
        ("unreadable", "GRAPHQL_PARSE_FAILED"),
        ("missing", "BAD_USER_INPUT"),
    ):
        assert (found[name]["results"], codes(found[name]["end"])) == ([], [code])
    assert found["many"] == [{"record": {"value": "1"} if number % 2 else None} for number in range(50)]
    assert found["events"] == [OPEN, DONE]


async def test_a_socket_is_opened_for_the_first_operation_and_closed_after_the_last(shop: Shop, node: Node) -> None:
    found = await seen(shop, node, "lazy")
    once = answer({"__typename": "Query"}, 1)
    assert found == {"before": [], "first": once, "second": once, "events": [OPEN, DONE, OPEN, DONE]}


async def test_what_is_forbidden_ends_its_operation_and_not_the_socket(shop: Shop, node: Node) -> None:
    customer = await shop.viewer("customer")
    found = await seen(shop, node, "forbidden", customer=customer.token)
    assert (found["subscription"]["results"], codes(found["subscription"]["end"])) == ([], ["FORBIDDEN"])
    (result,) = found["mutation"]["results"]
    assert (result["data"], codes(result["errors"]), found["mutation"]["end"]) == (None, ["FORBIDDEN"], "complete")
    assert found["me"] == answer({"me": {"id": "customer"}}, 2)
    assert found["events"] == [OPEN, DONE]


async def test_a_token_that_is_not_good_closes_the_socket_before_it_is_acknowledged(shop: Shop, node: Node) -> None:
    found = await seen(shop, node, "stranger", forged="x.y.z")
    ((event, code, reason),) = found["events"]
    assert (event, code) == ("closed", 4403)
    assert found["ended"] == {"results": [], "end": {"code": 4403, "reason": reason}}


async def test_the_clients_pings_are_answered(shop: Shop, node: Node) -> None:
    assert await seen(shop, node, "pings") == {"pongs": [[True, None]] * 5, "events": [OPEN, DONE]}


async def test_an_id_is_free_again_each_time_the_client_has_completed(shop: Shop, node: Node) -> None:
    assert await seen(shop, node, "reuse") == {"kinds": ["SNAPSHOT"] * 50, "events": [OPEN, DONE]}


async def test_the_client_comes_back_after_the_codes_that_ask_it_to(shop: Shop, node: Node) -> None:
    tokens = {str(code): (await shop.viewer("customer", f"of-{code}")).token for code in AGAIN | FATAL}
    tokens["staff"] = shop.token
    async with (
        shop.follow('subscription { record(key: "ready") { key } }') as stream,
        node.running("graphql_ws.mjs", "closed", shop.ws, json.dumps(tokens)) as program,
    ):
        while await stream.next() is None:
            pass
        for code in AGAIN | FATAL:
            shop.close(f"of-{code}", code)
        found = await program.report()
    assert found == {
        str(code): {"outcome": "SNAPSHOT" if code in AGAIN else "given up", "closed": [code, f"Said {code}"]}
        for code in AGAIN | FATAL
    }
