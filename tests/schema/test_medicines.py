"""Medicines through the API."""

from typing import Any

from tests.running import Shop, View

FIELDS = """id version position name genericName manufacturer strength price { amount currency } stockQuantity
reservedQuantity isAvailable isDiscontinued createdAt updatedAt"""
PAGE = """nodes { id name } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor
  endCursor } position"""
ONE = f"query($id: ID!, $atLeast: Position) {{ medicine(id: $id, atLeast: $atLeast) {{ {FIELDS} }} }}"
LIST = f"""query($filter: MedicineFilter, $first: Int, $after: String, $last: Int, $before: String, $atLeast:
  Position) {{ medicines(filter: $filter, first: $first, after: $after, last: $last, before: $before,
  atLeast: $atLeast) {{ {PAGE} }} }}"""
SEARCH = f"""query($text: String!, $first: Int, $after: String, $atLeast: Position) {{ searchMedicines(text:
  $text, first: $first, after: $after, atLeast: $atLeast) {{ {PAGE} }} }}"""
FRAMES = f"""subscription($filter: MedicineFilter, $after: Position) {{ medicines(filter: $filter, after: $after)
  {{ kind since position more upserted {{ {FIELDS} }} removed }} }}"""
ASPIRIN = {
    "id": "aspirin",
    "name": "Aspirin",
    "genericName": "acetylsalicylic acid",
    "manufacturer": "Bayer",
    "strength": "500 mg tablet",
    "price": "4.99",
}


async def register(shop: Shop, **changed: Any) -> str:
    """Register a medicine, Aspirin but for what is said; its position."""
    receipt = await shop.accepted("registerMedicine", **{**ASPIRIN, **changed})
    return str(receipt["position"])


def ids(page: dict[str, Any]) -> list[str]:
    assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
    return [node["id"] for node in page["nodes"]]


async def test_a_medicine_goes_through_its_life(shop: Shop) -> None:
    entity = f"medicine {{ {FIELDS} }}"
    registered = await shop.send(
        "registerMedicine", entity, **ASPIRIN, stockQuantity=5, lowStockThreshold=100, commandId="c1"
    )
    at = registered["receipt"]["acceptedAt"]
    assert registered["receipt"] == {
        "commandId": "c1",
        "position": "1",
        "stream": "medicine-aspirin",
        "version": 1,
        "acceptedAt": at,
        "replayed": False,
    }
    medicine = {
        **ASPIRIN,
        "price": {"amount": "4.99", "currency": "USD"},
        "version": 1,
        "position": "1",
        "stockQuantity": 5,
        "reservedQuantity": 0,
        "isAvailable": True,
        "isDiscontinued": False,
        "createdAt": at,
        "updatedAt": at,
    }
    assert registered["medicine"] == medicine
    steps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("changeMedicinePrice", {"price": "5"}, {"price": {"amount": "5.00", "currency": "USD"}}),
        ("receiveStock", {"quantity": 3}, {"stockQuantity": 8}),
        ("adjustStock", {"quantity": 0, "reason": "stolen"}, {"stockQuantity": 0, "isAvailable": False}),
        ("adjustStock", {"quantity": 2, "reason": "found"}, {"stockQuantity": 2, "isAvailable": True}),
        ("discontinueMedicine", {"reason": "too old"}, {"isDiscontinued": True, "isAvailable": False}),
    ]
    for number, (mutation, fields, effect) in enumerate(steps, start=2):
        payload = await shop.send(mutation, entity, medicineId="aspirin", expectedVersion=number - 1, **fields)
        assert payload["errors"] == []
        medicine |= {
            **effect,
            "version": number,
            "position": str(number),
            "updatedAt": payload["receipt"]["acceptedAt"],
        }
        assert payload["medicine"] == medicine
    assert await shop.data(ONE, id="aspirin", atLeast="6") == medicine
    assert (
        await shop.data(f"query($id: ID!) {{ node(id: $id) {{ id ... on Medicine {{ {FIELDS} }} }} }}", id="aspirin")
        == medicine
    )


async def test_what_is_so_already_is_accepted_and_stores_nothing(shop: Shop) -> None:
    await register(shop, stockQuantity=5)
    for mutation, fields in (
        ("changeMedicinePrice", {"price": 4.99}),
        ("adjustStock", {"quantity": 5, "reason": "counted"}),
    ):
        payload = await shop.send(mutation, "medicine { version }", medicineId="aspirin", **fields)
        assert (payload["receipt"]["position"], payload["receipt"]["version"]) == ("1", 1)
        assert payload["medicine"] == {"version": 1}
    await shop.accepted("discontinueMedicine", medicineId="aspirin", reason="old")
    assert (await shop.accepted("discontinueMedicine", medicineId="aspirin", reason="older"))["position"] == "2"
    assert shop.app.log.position == 2


async def test_a_medicine_without_an_id_gets_one_and_the_same_for_the_same_command(shop: Shop) -> None:
    fields = {key: value for key, value in ASPIRIN.items() if key != "id"}
    first = await shop.send("registerMedicine", "medicine { id }", **fields, commandId="c")
    again = await shop.send("registerMedicine", "medicine { id }", **fields, commandId="c")
    assert again == {**first, "receipt": {**first["receipt"], "replayed": True}}
    other = await shop.send("registerMedicine", "medicine { id }", **fields)
    third = await shop.send("registerMedicine", "medicine { id }", **fields)
    assert len({each["medicine"]["id"] for each in (first, other, third)}) == 3
    nulls = await shop.send(
        "registerMedicine",
        "medicine { price { currency } }",
        **fields,
        id=None,
        currency=None,
        commandId=None,
        expectedVersion=None,
    )
    assert nulls["medicine"] == {"price": {"currency": "USD"}}


async def test_refusals_are_typed_and_name_the_field(shop: Shop) -> None:
    await register(shop)
    assert await shop.errors("registerMedicine", **ASPIRIN) == [
        {
            "__typename": "AlreadyTaken",
            "code": "ALREADY_TAKEN",
            "message": "There is already a medicine 'aspirin'.",
            "path": ["id"],
        }
    ]
    missing: dict[str, dict[str, Any]] = {
        "changeMedicinePrice": {"price": 1},
        "receiveStock": {"quantity": 1},
        "adjustStock": {"quantity": 1, "reason": "r"},
        "discontinueMedicine": {"reason": "r"},
    }
    for mutation, fields in missing.items():
        assert await shop.errors(mutation, medicineId="nothing", **fields) == [
            {
                "__typename": "NotFound",
                "code": "NOT_FOUND",
                "message": "There is no medicine 'nothing'.",
                "path": ["medicineId"],
            }
        ]
    (conflict,) = await shop.errors("receiveStock", medicineId="aspirin", quantity=1, expectedVersion=0)
    assert (conflict["code"], conflict["path"], conflict["expected"], conflict["actual"]) == (
        "CONFLICT",
        ["expectedVersion"],
        0,
        1,
    )
    await shop.accepted("discontinueMedicine", medicineId="aspirin", reason="old")
    for mutation, fields in {"changeMedicinePrice": {"price": 1}, "receiveStock": {"quantity": 1}}.items():
        (refused,) = await shop.errors(mutation, medicineId="aspirin", **fields)
        assert (refused["__typename"], refused["code"], refused["state"]) == (
            "NotAllowedNow",
            "NOT_ALLOWED_NOW",
            "DISCONTINUED",
        )


async def test_everything_wrong_with_an_input_is_told_at_once_in_the_inputs_own_names(shop: Shop) -> None:
    errors = await shop.errors(
        "registerMedicine",
        **{**ASPIRIN, "id": "a b", "name": "", "genericName": "\u0007", "strength": "x" * 201, "manufacturer": "\n"},
        stockQuantity=-1,
        lowStockThreshold=2_000_000_000,
    )
    assert {each["code"] for each in errors} == {"INVALID"}
    assert [each["path"] for each in errors] == [
        ["id"],
        ["name"],
        ["genericName"],
        ["manufacturer"],
        ["strength"],
        ["stockQuantity"],
        ["lowStockThreshold"],
    ]


async def catalogue(shop: Shop) -> str:
    """Six medicines; the position of the last."""
    await register(shop, id="m1", name="Zinc", manufacturer="Acme", price="10.00", stockQuantity=1)
    await register(shop, id="m2", name="Aspirin", strength="500 mg", price="5.00", stockQuantity=1)
    await register(shop, id="m3", name="Aspirin", strength="100 mg", price="3.00")
    await register(
        shop, id="m4", name="Ibuprofen", genericName="ibuprofène", manufacturer="Société Générale", price="7.50"
    )
    await register(
        shop, id="m5", name='Co-codamol "8/500"', genericName="codeine + paracetamol", manufacturer="O'Neill"
    )
    return await register(shop, id="m6", name="維生素C", genericName="ascorbic acid 🍊", manufacturer="Straße & Söhne")


async def test_the_catalogue_is_by_name_and_strength_whichever_way_it_is_walked(shop: Shop) -> None:
    head = await catalogue(shop)
    whole = ids(await shop.data(LIST, atLeast=head))
    assert whole == ["m3", "m2", "m5", "m4", "m1", "m6"]
    for size in (1, 2, 5):
        forwards: list[str] = []
        backwards: list[str] = []
        page: dict[str, Any] = {
            "pageInfo": {"hasNextPage": True, "hasPreviousPage": True, "endCursor": None, "startCursor": None}
        }
        while page["pageInfo"]["hasNextPage"]:
            page = await shop.data(LIST, first=size, after=page["pageInfo"]["endCursor"])
            forwards += ids(page)
        page = {"pageInfo": {"hasPreviousPage": True, "startCursor": None}}
        while page["pageInfo"]["hasPreviousPage"]:
            page = await shop.data(LIST, last=size, before=page["pageInfo"]["startCursor"])
            backwards = ids(page) + backwards
        assert forwards == backwards == whole


async def test_a_walk_is_not_disturbed_by_what_is_registered_meanwhile(shop: Shop) -> None:
    head = await catalogue(shop)
    first = await shop.data(LIST, first=3, atLeast=head)
    await register(shop, id="early", name="Aaa")
    head = await register(shop, id="late", name="Jod")
    rest = await shop.data(LIST, after=first["pageInfo"]["endCursor"], atLeast=head)
    assert ids(first) + ids(rest) == ["m3", "m2", "m5", "m4", "late", "m1", "m6"]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["m3", "m2", "m5", "m4", "m1", "m6"]),
    ({"ids": ["m1", "m6", "m6", "nothing"]}, ["m1", "m6"]),
    ({"ids": []}, []),
    ({"manufacturer": "O'Neill"}, ["m5"]),
    ({"manufacturer": "o'neill"}, []),
    ({"isAvailable": True}, ["m2", "m1"]),
    ({"isAvailable": False}, ["m3", "m5", "m4", "m6"]),
    ({"maxPrice": "5.00"}, ["m3", "m2", "m5", "m6"]),
    ({"maxPrice": 0}, []),
    ({"isAvailable": True, "maxPrice": "9.99"}, ["m2"]),
    ({"ids": None, "manufacturer": None, "isAvailable": None, "maxPrice": None}, ["m3", "m2", "m5", "m4", "m1", "m6"]),
]
SEARCHES = [
    ("aspirin", ["m3", "m2"]),
    ("ASP", ["m3", "m2"]),
    ("acid", ["m3", "m2", "m1", "m6"]),
    ("bay asp", ["m3", "m2"]),
    ("bayer zinc", []),
    ("ibuprofene", ["m4"]),
    ("IBUPROFÈNE", ["m4"]),
    ("société", ["m4"]),
    ("societe gen", ["m4"]),
    ("o'neill", ["m5"]),
    ('"8/500"', ["m5"]),
    ('"', []),
    ("' OR 1=1 --", []),
    ("aspirin AND", []),
    ("NEAR(", []),
    ("name:aspirin", []),
    ("*", []),
    ("", []),
    ("維生", ["m6"]),
    ("🍊", []),
    ("straße", ["m6"]),
    ("\u202e\u0000asp", ["m3", "m2"]),
    ("asp " * 5000, ["m3", "m2"]),
]


async def test_the_catalogue_can_be_narrowed(shop: Shop) -> None:
    head = await catalogue(shop)
    for filter, expected in FILTERS:
        assert ids(await shop.data(LIST, filter=filter, atLeast=head)) == expected, filter
        first = await shop.data(LIST, filter=filter, first=1)
        assert ids(first) == expected[:1]
        assert first["pageInfo"]["hasNextPage"] is (len(expected) > 1)


async def test_a_search_finds_the_beginnings_of_words_and_never_fails(shop: Shop) -> None:
    head = await catalogue(shop)
    for text, expected in SEARCHES:
        assert ids(await shop.data(SEARCH, text=text, atLeast=head)) == expected, text[:40]


async def test_a_search_is_paged_like_any_list(shop: Shop) -> None:
    head = await catalogue(shop)
    first = await shop.data(SEARCH, text="acid", first=3, atLeast=head)
    rest = await shop.data(SEARCH, text="acid", first=3, after=first["pageInfo"]["endCursor"])
    assert (ids(first), ids(rest)) == (["m3", "m2", "m1"], ["m6"])
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert first["position"] == head


async def test_what_follows_a_filter_is_upserted_or_removed(shop: Shop) -> None:
    await register(shop, id="m1", stockQuantity=1)
    await register(shop, id="m2")
    await shop.settled()
    async with shop.follow(FRAMES, filter={"isAvailable": True}) as stream:
        view = View()
        await view.until(stream, "2")
        assert sorted(view.rows) == ["m1"]
        receipt = await shop.accepted("receiveStock", medicineId="m2", quantity=5)
        await view.until(stream, receipt["position"])
        assert sorted(view.rows) == ["m1", "m2"]
        receipt = await shop.accepted("discontinueMedicine", medicineId="m1", reason="old")
        await view.until(stream, receipt["position"])
        assert sorted(view.rows) == ["m2"]
        left = view.position
    await shop.accepted("adjustStock", medicineId="m2", quantity=0, reason="gone")
    await shop.settled()
    async with shop.follow(FRAMES, filter={"isAvailable": True}, after=left) as stream:
        frame = await stream.next()
        assert (frame["kind"], frame["since"], frame["upserted"], frame["removed"]) == ("CHANGES", left, [], ["m2"])


async def test_one_medicine_is_followed_to_its_newest_state(shop: Shop) -> None:
    query = "subscription($id: ID!) { medicine(id: $id) { stockQuantity version } }"
    async with shop.follow(query, id="aspirin") as stream:
        assert await stream.next() is None
        await register(shop)
        assert await stream.next() == {"stockQuantity": 0, "version": 1}
        await register(shop, id="other")
        for _ in range(10):
            await shop.accepted("receiveStock", medicineId="aspirin", quantity=1)
        seen = [await stream.next()]
        while seen[-1]["version"] < 11:
            seen.append(await stream.next())
        versions = [each["version"] for each in seen]
        assert versions == sorted(set(versions))
        assert seen[-1] == {"stockQuantity": 10, "version": 11}


async def test_an_id_that_the_server_could_make_is_refused(shop: Shop) -> None:
    for id in ("event_1", "record_a", "inventory_1", "notification_1"):
        (error,) = await shop.errors("registerMedicine", **{**ASPIRIN, "id": id})
        assert (error["code"], error["path"]) == ("INVALID", ["id"])


async def test_an_empty_id_is_not_taken_for_none(shop: Shop) -> None:
    (error,) = await shop.errors("registerMedicine", **{**ASPIRIN, "id": ""})
    assert (error["code"], error["path"]) == ("INVALID", ["id"])
