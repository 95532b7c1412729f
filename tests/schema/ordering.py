"""What the tests of orders, payments, stock and figures share: a stocked shop, and the steps of an order."""

from typing import Any

from tests.running import Client, Shop

MONEY = "{ amount currency }"
PAYMENT = f"""id version position orderId orderNumber userId amount {MONEY} method status statusReason createdAt
updatedAt"""
ORDER = f"""id version position number userId userEmail status statusReason lines {{ medicineId name quantity
unitPrice {MONEY} lineTotal {MONEY} }} total {MONEY} payment {{ {PAYMENT} }} trackingCode
timeline {{ event at position actorId }} placedAt updatedAt"""
ONE_ORDER = f"""query($id: ID, $number: String, $atLeast: Position) {{ order(id: $id, number: $number,
atLeast: $atLeast) {{ {ORDER} }} }}"""
ONE_PAYMENT = f"""query($id: ID, $orderNumber: String, $atLeast: Position) {{ payment(id: $id,
orderNumber: $orderNumber, atLeast: $atLeast) {{ {PAYMENT} }} }}"""
STOCK = {"m1": ("Aspirin", "5.00"), "m2": ("Zinc", "2.50"), "m3": ("Vitamin C", "13.13")}


async def stocked(shop: Shop, quantity: int = 10, **changed: Any) -> None:
    """Three medicines, of each as many."""
    for id, (name, price) in STOCK.items():
        await shop.accepted(
            "registerMedicine",
            **{
                "id": id,
                "name": name,
                "genericName": name,
                "manufacturer": "Acme",
                "strength": "1 g",
                "price": price,
                "stockQuantity": quantity,
                **changed,
            },
        )


def lines(**quantities: int) -> list[dict[str, Any]]:
    return [{"medicineId": id, "quantity": quantity} for id, quantity in quantities.items()]


async def placed(shop: Shop, client: Client, id: str, **quantities: int) -> None:
    """An order for which the stock has answered."""
    await client.accepted("placeOrder", id=id, lines=lines(**quantities or {"m1": 2}))
    await shop.drained()


async def order(client: Client, id: str) -> dict[str, Any]:
    """An order as it is now."""
    found: dict[str, Any] = await client.data(ONE_ORDER, id=id, atLeast=str(client.app.log.position))
    return found


async def pay(client: Client, order_id: str, **changed: Any) -> dict[str, Any]:
    """What comes of paying an order; it is identified by the order's id."""
    amount = (await order(client, order_id))["total"]["amount"]
    fields = {"commandId": f"pay {order_id}", "id": f"p-{order_id}", "orderId": order_id, "amount": amount}
    return await client.send("processPayment", f"payment {{ {PAYMENT} }}", **{**fields, "method": "CARD", **changed})


async def paid(shop: Shop, client: Client, id: str, **quantities: int) -> None:
    """An order that is paid."""
    await placed(shop, client, id, **quantities)
    assert (await pay(client, id))["errors"] == []
    await shop.drained()
    assert (await order(client, id))["status"] == "PAID"
