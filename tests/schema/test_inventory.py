"""The inventory through the API."""

from typing import Any

from tests.running import Shop, View
from tests.schema.ordering import paid, placed, stocked

ITEM = """id position medicineId medicineName availableQuantity reservedQuantity totalQuantity lowStockThreshold
lowStockAlert pendingOrders updatedAt"""
ONE = f"""query($medicineId: ID!, $atLeast: Position) {{ inventoryItem(medicineId: $medicineId, atLeast: $atLeast) {{
{ITEM} }} }}"""
LIST = """query($filter: InventoryFilter, $first: Int, $after: String, $last: Int, $before: String) {
  inventory(filter: $filter, first: $first, after: $after, last: $last, before: $before) { nodes { medicineId }
  pageInfo { hasNextPage endCursor startCursor } } }"""
FRAMES = f"""subscription($filter: InventoryFilter, $after: Position) {{ inventory(filter: $filter, after: $after) {{
kind since position more upserted {{ {ITEM} }} removed }} }}"""


async def test_stock_is_shown_as_it_is_promised_and_leaves(shop: Shop) -> None:
    await stocked(shop, lowStockThreshold=7)
    ann = await shop.viewer("customer", "ann")
    found = await shop.data(ONE, medicineId="m1", atLeast=str(shop.app.log.position))
    item = {
        "id": "inventory_m1",
        "medicineId": "m1",
        "medicineName": "Aspirin",
        "availableQuantity": 10,
        "reservedQuantity": 0,
        "totalQuantity": 10,
        "lowStockThreshold": 7,
        "lowStockAlert": False,
        "pendingOrders": [],
        "position": "1",
        "updatedAt": found["updatedAt"],
    }
    assert found == item
    await placed(shop, ann, "o1", m1=2)
    await paid(shop, ann, "o2", m1=3)
    found = await shop.data(ONE, medicineId="m1")
    item |= {
        "availableQuantity": 5,
        "reservedQuantity": 5,
        "lowStockAlert": True,
        "pendingOrders": ["o1", "o2"],
        "position": found["position"],
        "updatedAt": found["updatedAt"],
    }
    assert found == item
    await shop.accepted("shipOrder", orderId="o2")
    await shop.drained()
    found = await shop.data(ONE, medicineId="m1")
    assert (found["totalQuantity"], found["reservedQuantity"], found["pendingOrders"]) == (7, 2, ["o1"])
    assert await shop.data("query($id: ID!) { node(id: $id) { id } }", id="inventory_m1") == {"id": "inventory_m1"}
    assert await shop.data(ONE, medicineId="nothing") is None


async def test_stock_set_below_what_is_promised_is_refused_with_the_numbers(shop: Shop) -> None:
    await stocked(shop)
    await placed(shop, await shop.viewer("customer", "ann"), "o1", m1=4)
    (error,) = await shop.errors("adjustStock", medicineId="m1", quantity=3, reason="counted")
    assert error == {
        "__typename": "InsufficientStock",
        "code": "INSUFFICIENT_STOCK",
        "message": "4 are set aside for orders; 3 cannot be all there are.",
        "path": ["quantity"],
        "medicineId": "m1",
        "requested": 4,
        "available": 3,
    }


async def test_the_inventory_is_by_name_and_can_be_narrowed(shop: Shop) -> None:
    await stocked(shop)
    await shop.accepted("adjustStock", medicineId="m2", quantity=20, reason="counted")
    await shop.settled()
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["m1", "m3", "m2"]),
        ({"lowStockAlert": True}, ["m1", "m3"]),
        ({"lowStockAlert": False}, ["m2"]),
        ({"medicineIds": ["m2", "m3"]}, ["m3", "m2"]),
        ({"medicineIds": ["m2", "m3"], "lowStockAlert": False}, ["m2"]),
        ({"medicineIds": []}, []),
        ({"medicineIds": None, "lowStockAlert": None}, ["m1", "m3", "m2"]),
    ]
    for filter, expected in cases:
        page = await shop.data(LIST, filter=filter)
        assert [each["medicineId"] for each in page["nodes"]] == expected, filter
    first = await shop.data(LIST, first=2)
    rest = await shop.data(LIST, after=first["pageInfo"]["endCursor"])
    back = await shop.data(LIST, last=2, before=rest["pageInfo"]["startCursor"])
    assert [each["medicineId"] for page in (first, rest) for each in page["nodes"]] == ["m1", "m3", "m2"]
    assert back["nodes"] == first["nodes"]


async def test_what_runs_low_is_followed(shop: Shop) -> None:
    await stocked(shop, quantity=20)
    await shop.settled()
    async with shop.follow(FRAMES, filter={"lowStockAlert": True}) as stream:
        view = View()
        await view.until(stream, str(shop.app.log.position))
        assert view.rows == {}
        receipt = await shop.accepted("adjustStock", medicineId="m1", quantity=3, reason="counted")
        await view.until(stream, receipt["position"])
        assert list(view.rows) == ["inventory_m1"]
        receipt = await shop.accepted("receiveStock", medicineId="m1", quantity=30)
        await view.until(stream, receipt["position"])
        assert view.rows == {}


async def test_one_medicines_stock_is_followed(shop: Shop) -> None:
    query = 'subscription { inventoryItem(medicineId: "m1") { totalQuantity } }'
    async with shop.follow(query) as stream:
        assert await stream.next() is None
        await stocked(shop)
        assert await stream.next() == {"totalQuantity": 10}
        await shop.accepted("receiveStock", medicineId="m1", quantity=5)
        assert await stream.next() == {"totalQuantity": 15}
