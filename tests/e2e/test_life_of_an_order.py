"""The whole life of an order over real sockets: what its customer and the staff get to see, and nobody else."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.running import Client, Shop, Stream, View, opened
from tests.schema.test_medicines import register

ORDER = "id status statusReason payment { status } timeline { event }"
FOLLOW_ONE = f"subscription($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}"
FRAME = "kind since position more removed upserted"
FOLLOW_ALL = f"subscription {{ orders {{ {FRAME} {{ {ORDER} }} }} }}"
FOLLOW_STOCK = f"subscription {{ inventory {{ {FRAME} {{ id availableQuantity reservedQuantity totalQuantity }} }} }}"
FOLLOW_NEWS = f"subscription {{ notifications {{ {FRAME} {{ id kind message }} }} }}"


class Watcher:
    """A live view, and the client's copy of it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.view = View()

    async def at(self, position: str) -> dict[str, Any]:
        """The rows as of a position."""
        await self.view.until(self.stream, position)
        return self.view.rows


async def test_an_order_from_its_placing_to_its_refund(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop, AsyncExitStack() as stack:
        await register(shop, stockQuantity=20)
        customer, other = await shop.viewer("customer"), await shop.viewer("customer", "other")

        async def watch(client: Client, query: str) -> Watcher:
            return Watcher(await stack.enter_async_context(client.follow(query)))

        mine, theirs, all_orders = [await watch(each, FOLLOW_ALL) for each in (customer, other, shop)]
        stock, news = await watch(shop, FOLLOW_STOCK), await watch(customer, FOLLOW_NEWS)
        lines = [{"medicineId": "aspirin", "quantity": 3}]
        await customer.accepted("placeOrder", id="o1", lines=lines)
        one = await stack.enter_async_context(customer.follow(FOLLOW_ONE, id="o1"))
        hidden = await stack.enter_async_context(other.follow(FOLLOW_ONE, id="o1"))
        assert await hidden.next() is None

        await until(one, "VALIDATED")
        assert await figures(stock, shop) == (17, 3, 20)
        total = (await customer.data('{ order(id: "o1") { total { amount } } }'))["total"]["amount"]
        await customer.accepted("processPayment", commandId="p", id="p1", orderId="o1", amount=total, method="CARD")
        await until(one, "PAID")
        await shop.accepted("shipOrder", orderId="o1", trackingCode="T-1")
        await until(one, "SHIPPED")
        assert await figures(stock, shop) == (17, 0, 17)
        await shop.accepted("completeOrder", orderId="o1")
        await until(one, "COMPLETED")
        await shop.accepted("refundPayment", commandId="r", paymentId="p1", reason="came broken")
        refunded = await until(one, "REFUNDED")
        assert (refunded["statusReason"], refunded["payment"]) == ("came broken", {"status": "REFUNDED"})
        assert [entry["event"] for entry in refunded["timeline"]] == [
            "OrderInitiated",
            "OrderValidated",
            "PaymentCreated",
            "PaymentSucceeded",
            "OrderPaid",
            "OrderShipped",
            "OrderCompleted",
            "PaymentRefunded",
            "OrderRefunded",
        ]

        await shop.drained()
        position = (await customer.data('{ order(id: "o1") { position } }'))["position"]
        assert await mine.at(position) == await all_orders.at(position)
        assert (theirs.view.rows, len(mine.view.rows)) == ({}, 1)
        kinds = [row["kind"] for row in (await news.at(await newest(customer))).values()]
        assert sorted(kinds) == ["ORDER_STATUS"] * 6 + ["PAYMENT_STATUS"] * 2 + ["WELCOME"]
        assert await figures(stock, shop) == (17, 0, 17)


async def until(stream: Stream, status: str) -> dict[str, Any]:
    """The order, once it has come to a status."""
    while True:
        order: dict[str, Any] = await stream.next()
        if order and order["status"] == status:
            return order


async def figures(stock: Watcher, shop: Shop) -> tuple[int, int, int]:
    """What is available, set aside and there of aspirin, as the live view has it."""
    await shop.drained()
    item = await shop.data('{ inventoryItem(medicineId: "aspirin") { position } }')
    row = next(iter((await stock.at(item["position"])).values()))
    return row["availableQuantity"], row["reservedQuantity"], row["totalQuantity"]


async def newest(client: Client) -> str:
    page = await client.data("{ notifications(first: 1) { nodes { position } } }")
    position: str = page["nodes"][0]["position"]
    return position
