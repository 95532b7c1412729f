"""Input that cannot be right: a clear error of the right kind, a sane status, nothing stored, and never a fault."""

import json
from typing import Any

import pytest

from engine.graphql.connection import encode
from tests.running import Shop
from tests.schema.test_medicines import ASPIRIN, LIST, register

MEGABYTE = "x" * 1_000_000

# Mutation, changed fields, and the paths that are refused with INVALID.
INVALID: list[tuple[str, dict[str, Any], list[str]]] = [
    ("receiveStock", {"quantity": 0}, ["quantity"]),
    ("receiveStock", {"quantity": -1}, ["quantity"]),
    ("receiveStock", {"quantity": 2**31 - 1}, ["quantity"]),
    ("receiveStock", {"quantity": 1_000_000_000}, ["quantity"]),
    ("adjustStock", {"quantity": -1, "reason": "r"}, ["quantity"]),
    ("adjustStock", {"quantity": 1, "reason": " \t\n"}, ["reason"]),
    ("adjustStock", {"quantity": 1, "reason": MEGABYTE}, ["reason"]),
    ("discontinueMedicine", {"reason": "a\u0000b"}, ["reason"]),
    ("changeMedicinePrice", {"price": "-0.01"}, ["price"]),
    ("changeMedicinePrice", {"price": "0.001"}, ["price"]),
    ("changeMedicinePrice", {"price": "1.00000000000000000000000000000000000001"}, ["price"]),
    ("changeMedicinePrice", {"price": "10000000000.01"}, ["price"]),
    ("changeMedicinePrice", {"price": "1e400"}, ["price"]),
    ("changeMedicinePrice", {"price": "1e999999999999999999"}, ["price"]),
    ("changeMedicinePrice", {"price": "1e-400"}, ["price"]),
    ("changeMedicinePrice", {"price": 1e300}, ["price"]),
    ("registerMedicine", {"price": "1e12"}, ["price"]),
    ("registerMedicine", {"currency": "usd"}, ["currency"]),
    ("registerMedicine", {"currency": ""}, ["currency"]),
    ("registerMedicine", {"currency": MEGABYTE}, ["currency"]),
    ("registerMedicine", {"name": MEGABYTE}, ["name"]),
    ("registerMedicine", {"name": "\u0085"}, ["name"]),
    ("registerMedicine", {"id": "ключ"}, ["id"]),
    ("registerMedicine", {"id": "x" * 65}, ["id"]),
    ("registerMedicine", {"id": "a\n"}, ["id"]),
    ("registerMedicine", {"commandId": "x" * 201}, ["commandId"]),
    ("registerMedicine", {"commandId": ""}, ["commandId"]),
    ("registerMedicine", {"commandId": MEGABYTE}, ["commandId"]),
    ("registerMedicine", {"commandId": "a\u0000"}, ["commandId"]),
    ("writeRecord", {"key": "", "value": ""}, ["key"]),
    ("writeRecord", {"key": "k" * 201, "value": ""}, ["key"]),
    ("writeRecord", {"key": "k\u0000", "value": ""}, ["key"]),
    ("writeRecord", {"key": "k", "value": "v" * 65_537}, ["value"]),
    ("writeRecord", {"key": "k", "value": "\u001b[2J"}, ["value"]),
]

# Values of a variable that its type cannot hold.
UNREADABLE: list[tuple[str, Any]] = [
    ("quantity", 2**31),
    ("quantity", -(2**31) - 1),
    ("quantity", 2**63),
    ("quantity", 10**300),
    ("quantity", 1.5),
    ("quantity", "1"),
    ("quantity", True),
    ("quantity", None),
    ("quantity", [1]),
    ("medicineId", {"a": 1}),
    ("medicineId", 1.5),
    ("expectedVersion", 2**31),
    ("unknown", 1),
    ("commandId", []),
]
PRICES: list[Any] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "sNaN",
    "",
    "abc",
    "1,5",
    "0x10",
    "9" * 65,
    True,
    [],
    {},
    None,
]
POSITIONS: list[Any] = ["-1", "", "abc", "1.0", " 1", "+1", "1_000", "٣", "9" * 30, str(2**63), 5, 5.0, True, [], {}]

CURSORS: list[Any] = [
    "",
    "not base64 !",
    "AAAA",
    "bnVsbA",
    "e30",
    "WzFd" * 1000,
    encode(["a"]),
    encode(["a", "b"]),
    encode([1, 2, 3]),
    encode([2**70, "b", "c"]),
    encode(["a", "b", 3]),
    encode(["a", True, "c"]),
    encode(["a", 1.5, "c"]),
    encode(["a", "b", "c", "d"]),
    encode([["a"], "b", "c"]),
    encode([None, "b", "c"]),
    "W1tb" * 5000,
    "é",
    "\u0000",
]


async def check(shop: Shop, query: str, variables: dict[str, Any], *codes: str) -> None:
    """The operation is refused with one of some codes; nothing is stored, nothing of the inside is told."""
    before = shop.app.log.position
    response = await shop.post(query, **variables)
    assert response.status_code in (200, 400), (response.status_code, response.text[:300])
    errors = response.json()["errors"]
    found = {error["extensions"]["code"] for error in errors}
    assert found <= set(codes), (variables, errors)
    assert "Traceback" not in response.text
    assert len(response.content) < 20_000
    assert shop.app.log.position == before


def mutation(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return f"mutation($input: {kind}!) {{ {name}(input: $input) {{ receipt {{ version }} errors {{ code path }} }} }}"


async def test_values_that_cannot_be_are_refused_with_their_path(shop: Shop) -> None:
    await register(shop, stockQuantity=5)
    for name, fields, paths in INVALID:
        base = ASPIRIN if name == "registerMedicine" else {} if name == "writeRecord" else {"medicineId": "aspirin"}
        errors = await shop.errors(name, **{**base, **fields})
        assert [(each["__typename"], each["code"], each["path"]) for each in errors] == [
            ("InvalidInput", "INVALID", [path]) for path in paths
        ], (name, str(fields)[:60])
        assert max(len(each["message"]) for each in errors) < 300


async def test_values_of_a_wrong_type_are_bad_input(shop: Shop) -> None:
    await register(shop)
    for field, value in UNREADABLE:
        fields = {"medicineId": "aspirin", "quantity": 1, field: value}
        await check(shop, mutation("receiveStock"), {"input": fields}, "BAD_USER_INPUT")
    for price in PRICES:
        fields = {"medicineId": "aspirin", "price": price}
        await check(shop, mutation("changeMedicinePrice"), {"input": fields}, "BAD_USER_INPUT")
    inputs: list[dict[str, Any]] = [{}, {"input": None}, {"input": 1}, {"input": []}, {"input": {}}]
    for variables in inputs:
        await check(shop, mutation("receiveStock"), variables, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "literal",
    ["9" * 5000, "-" + "9" * 5000, "2147483648", "1.5", "1e400", '"1"', "NaN", "true", "null", "[1]", "{a: 1}"],
)
async def test_literals_of_a_wrong_type_are_bad_input(shop: Shop, literal: str) -> None:
    await register(shop)
    query = 'mutation {{ receiveStock(input: {{ medicineId: "aspirin", quantity: {} }}) {{ receipt {{ version }} }} }}'
    await check(shop, query.format(literal), {}, "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")
    if literal not in ("2147483648", "1.5", '"1"', "9" * 5000, "-" + "9" * 5000):
        query = (
            'mutation {{ changeMedicinePrice(input: {{ medicineId: "aspirin", price: {} }}) {{ errors {{ code }} }} }}'
        )
        await check(shop, query.format(literal), {}, "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")
    query = "{{ records(first: {}) {{ position }} }}"
    if literal != "null":
        await check(shop, query.format(literal), {}, "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_a_price_of_thousands_of_digits_is_refused_as_a_literal_too(shop: Shop) -> None:
    await register(shop)
    for literal in ("9" * 5000, "9" * 5000 + ".5", "1e" + "9" * 5000):
        fields = f'{{ medicineId: "aspirin", price: {literal} }}'
        query = f"mutation {{ changeMedicinePrice(input: {fields}) {{ errors {{ code }} }} }}"
        await check(shop, query, {}, "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_positions_that_are_none_are_bad_input(shop: Shop) -> None:
    await register(shop)
    for position in POSITIONS:
        for query in (
            "query($p: Position) { medicine(id: 1, atLeast: $p) { id } }",
            "query($p: Position) { records(atLeast: $p) { position } }",
        ):
            await check(shop, query, {"p": position}, "BAD_USER_INPUT")
    async with shop.follow("subscription($p: Position) { records(after: $p) { kind } }", p="-1") as stream:
        assert (await stream.error())["extensions"]["code"] == "BAD_USER_INPUT"
    await check(shop, '{ medicines(atLeast: "99999999999") { position } }', {}, "STALE_READ")


async def test_cursors_of_nothing_or_of_another_list_are_bad_input(shop: Shop) -> None:
    await register(shop)
    await shop.accepted("writeRecord", key="a", value="b")
    await shop.settled()
    for cursor in CURSORS:
        for arguments in (
            {"after": cursor},
            {"before": cursor},
            {"first": 1, "before": cursor},
            {"last": 1, "after": cursor},
            {"first": 1, "after": encode(["", "", ""]), "before": cursor},
        ):
            await check(shop, LIST, arguments, "BAD_USER_INPUT")
        search = 'query($after: String) { searchMedicines(text: "asp", after: $after) { position } }'
        await check(shop, search, {"after": cursor}, "BAD_USER_INPUT")
        if cursor != encode(["a"]):
            for query in (
                "query($c: String) { records(after: $c) { position } }",
                "query($c: String) { records(first: 1, before: $c) { position } }",
            ):
                await check(shop, query, {"c": cursor}, "BAD_USER_INPUT")
        for query in (
            "query($c: String) { events(after: $c) { position } }",
            "query($c: String) { events(first: 1, before: $c) { position } }",
        ):
            await check(shop, query, {"c": cursor}, "BAD_USER_INPUT")


async def test_a_page_of_an_impossible_size_is_bad_input(shop: Shop) -> None:
    for arguments in ("first: 101", "last: 101", "first: -1", "last: -1", "first: 2147483647", "first: 1, last: 1"):
        for field in ("medicines", "records", "events"):
            await check(shop, f"{{ {field}({arguments}) {{ position }} }}", {}, "BAD_USER_INPUT")
    for arguments in ("first: 101", "first: -1"):
        await check(shop, f'{{ searchMedicines(text: "a", {arguments}) {{ position }} }}', {}, "BAD_USER_INPUT")


async def test_a_filter_that_cannot_be_meant_is_bad_input(shop: Shop) -> None:
    for price in ("-1", "0.001", "1e400", "1e-400"):
        await check(shop, LIST, {"filter": {"maxPrice": price}}, "BAD_USER_INPUT")
        async with shop.follow(
            "subscription($p: Decimal) { medicines(filter: { maxPrice: $p }) { kind } }", p=price
        ) as stream:
            assert (await stream.error())["extensions"]["code"] == "BAD_USER_INPUT"


async def test_unknown_ids_of_any_kind_find_nothing(shop: Shop) -> None:
    await register(shop)
    await shop.settled()
    ids = ["", "nothing", "\u0000", "🗝️", MEGABYTE, "event_", "event_0", "event_-1", "event_" + "9" * 30, "event_٣",
           "event_2",            "record_", "record_\u0000", "medicine_aspirin", "%", "' OR 1=1 --"]  # fmt: skip
    for id in ids:
        assert await shop.data("query($id: ID!) { medicine(id: $id) { id } }", id=id) is None
        assert await shop.data("query($id: String!) { record(key: $id) { id } }", id=id) is None
        assert await shop.data("query($id: ID!) { node(id: $id) { id } }", id=id) is None
        assert await shop.data("query($id: ID!) { command(id: $id) { commandId } }", id=id) is None
        found = await shop.data("query($id: String!) { events(filter: { stream: $id }) { nodes { id } } }", id=id)
        assert found == {"nodes": []}
        (error,) = await shop.errors("receiveStock", medicineId=id, quantity=1)
        assert (error["code"], error["path"]) == ("NOT_FOUND", ["medicineId"])
        assert len(error["message"]) < 300
        (error,) = await shop.errors("deleteRecord", key=id)
        assert (error["code"], error["path"]) == ("NOT_FOUND", ["key"])
        assert len(error["message"]) < 1000


async def test_half_a_surrogate_pair_never_gets_in(shop: Shop) -> None:
    for body in (
        b'{"query": "{ medicine(id: \\"\\ud800\\") { id } }"}',
        b'{"query": "query($i: ID!) { medicine(id: $i) { id } }", "variables": {"i": "\\ud800"}}',
        b'{"query": "{ medicine(id: \\"\\\\ud800\\") { id } }"}',
        b'{"query": "{ medicine(id: \\"\xed\xa0\x80\\") { id } }"}',
        b'{"query": "mutation { deleteRecord(input: { key: \\"\\\\udfff\\" }) { errors { code } } }"}',
    ):
        response = await shop.http.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert response.status_code in (200, 400)
        assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_REQUEST", "GRAPHQL_PARSE_FAILED")
    assert shop.app.log.position == 0


async def test_numbers_that_json_has_no_room_for_are_refused(shop: Shop) -> None:
    await register(shop)
    for number in (b"1e400", b"-1e400", b"NaN", b"Infinity", b"9" * 400, b"9" * 5000):
        body = json.dumps(
            {"query": mutation("changeMedicinePrice"), "variables": {"input": {"medicineId": "aspirin", "price": 0}}}
        )
        content = body.encode().replace(b'"price": 0', b'"price": ' + number)
        response = await shop.http.post("/graphql", content=content, headers={"content-type": "application/json"})
        assert response.status_code in (200, 400)
        answer = response.json()
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] in ("BAD_REQUEST", "BAD_USER_INPUT")
        else:
            assert answer["data"]["changeMedicinePrice"]["errors"] == [{"code": "INVALID", "path": ["price"]}]
    assert shop.app.log.position == 1


async def test_a_filter_with_too_many_values_is_bad_input(shop: Shop) -> None:
    many = {"many": [f"m{number}" for number in range(1001)]}
    medicines = "query($many: [ID!]) { medicines(filter: { ids: $many }) { nodes { id } } }"
    await check(shop, medicines, many, "BAD_USER_INPUT")
    events = "query($many: [String!]) { events(filter: { types: $many }) { nodes { id } } }"
    await check(shop, events, many, "BAD_USER_INPUT")
    few = {"many": many["many"][:1000]}
    assert await shop.data(medicines, **few) == {"nodes": []}
