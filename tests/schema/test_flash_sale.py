"""A flash sale through the API: many want the last of something, and nobody gets what is not there."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from tests.running import Shop, opened
from tests.schema.test_medicines import register

CUSTOMERS = 20
WAITING = 40
"Requests under way at a time."

EVENTS = """query($after: String) { events(first: 100, after: $after, filter: {stream: "medicine-aspirin"}) {
  nodes { type data } pageInfo { hasNextPage endCursor }
} }"""


async def test_a_thousand_orders_for_a_hundred_boxes_leave_nine_hundred_rejected(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await register(shop, stockQuantity=100)
        await place(shop, orders=1000)
        assert await shop.app.drained(timeout=40)
        statistics = await shop.data("{ orderStatistics { totalOrders ordersByStatus { status count } } }")
        assert statistics == {
            "totalOrders": 1000,
            "ordersByStatus": [{"status": "VALIDATED", "count": 100}, {"status": "REJECTED", "count": 900}],
        }
        item = await shop.data(
            '{ inventoryItem(medicineId: "aspirin") '
            "{ availableQuantity reservedQuantity totalQuantity pendingOrders } }"
        )
        assert (item["availableQuantity"], item["reservedQuantity"], item["totalQuantity"]) == (0, 100, 100)
        assert len(set(item["pendingOrders"])) == 100
        found = await events(shop)
        reserved = [each["data"]["reserved_quantity"] for each in found if each["type"] == "StockReserved"]
        assert reserved == list(range(1, 101)), "one after another, never beyond what is there"
        assert Counter(each["type"] for each in found) == {
            "MedicineRegistered": 1,
            "StockReserved": 100,
            "StockRanLow": 1,
            "StockReservationDeclined": 900,
        }


async def place(shop: Shop, orders: int) -> None:
    """Orders of one box each, by several customers at once."""
    customers = [await shop.viewer("customer", f"customer{number}") for number in range(CUSTOMERS)]
    remaining = iter(range(orders))

    async def one() -> None:
        for number in remaining:
            customer = customers[number % CUSTOMERS]
            await customer.accepted("placeOrder", lines=[{"medicineId": "aspirin", "quantity": 1}])

    async with asyncio.TaskGroup() as group:
        for _ in range(WAITING):
            group.create_task(one())


async def events(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = await shop.data(EVENTS, after=after)
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
