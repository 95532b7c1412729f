"""Figures over orders through the API: those of the shop and those of a user."""

from typing import Any

from tests.running import Shop
from tests.schema.ordering import paid, pay, placed, stocked

MONEY = "{ amount currency }"
STATISTICS = f"""position totalOrders revenue {MONEY} averageOrderValue {MONEY} ordersByStatus {{ status count }}
byDay {{ day orders revenue {MONEY} }} topMedicines {{ medicineId name quantity }}"""
ALL = f"""query($currency: String! = "USD", $atLeast: Position) {{ orderStatistics(currency: $currency,
atLeast: $atLeast) {{ {STATISTICS} }} }}"""
SUMMARY = f"""totalOrders totalSpent {MONEY} averageOrderValue {MONEY} favouriteMedicines {{ medicineId name quantity }}
ordersByStatus {{ status count }}"""
MINE = f"""query($currency: String! = "USD") {{ me {{ orderCount totalSpent(currency: $currency) {MONEY}
orderSummary(currency: $currency) {{ {SUMMARY} }} }} }}"""


def dollars(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


async def busy(shop: Shop) -> None:
    """Ann: 10.00 paid, 17.50 paid, 5.00 cancelled, 12.50 paid and refunded. Bob: 0.01 euro paid."""
    await stocked(shop, quantity=100)
    await shop.accepted("registerMedicine", id="m4", name="Euro", genericName="e", manufacturer="A", strength="1 g",
                        price="0.01", currency="EUR", stockQuantity=10)  # fmt: skip
    await shop.settled()
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await paid(shop, ann, "o1", m1=2)
    await paid(shop, ann, "o2", m1=1, m2=5)
    await placed(shop, ann, "o3", m1=1)
    await ann.accepted("cancelOrder", orderId="o3", reason="x")
    await paid(shop, ann, "o4", m2=5)
    await shop.accepted("refundPayment", paymentId="p-o4", reason="x", commandId="r")
    await paid(shop, bob, "o5", m4=1)
    await shop.drained()


async def test_the_figures_count_what_was_paid_and_not_refunded(shop: Shop) -> None:
    await busy(shop)
    found = await shop.data(ALL)
    (day,) = found["byDay"]
    assert found == {
        "position": found["position"],
        "totalOrders": 4,
        "revenue": dollars("27.50"),
        "averageOrderValue": dollars("13.75"),
        "ordersByStatus": [
            {"status": "PAID", "count": 2},
            {"status": "CANCELLED", "count": 1},
            {"status": "REFUNDED", "count": 1},
        ],
        "byDay": [{"day": day["day"], "orders": 4, "revenue": dollars("27.50")}],
        "topMedicines": [
            {"medicineId": "m2", "name": "Zinc", "quantity": 5},
            {"medicineId": "m1", "name": "Aspirin", "quantity": 3},
        ],
    }
    euros = await shop.data(ALL, currency="EUR")
    assert (euros["totalOrders"], euros["revenue"]) == (1, {"amount": "0.01", "currency": "EUR"})


async def test_a_users_figures_are_their_own(shop: Shop) -> None:
    await busy(shop)
    assert await (await shop.viewer("customer", "ann")).data(MINE) == {
        "orderCount": 4,
        "totalSpent": dollars("27.50"),
        "orderSummary": {
            "totalOrders": 4,
            "totalSpent": dollars("27.50"),
            "averageOrderValue": dollars("13.75"),
            "favouriteMedicines": [
                {"medicineId": "m2", "name": "Zinc", "quantity": 5},
                {"medicineId": "m1", "name": "Aspirin", "quantity": 3},
            ],
            "ordersByStatus": [
                {"status": "PAID", "count": 2},
                {"status": "CANCELLED", "count": 1},
                {"status": "REFUNDED", "count": 1},
            ],
        },
    }
    bob = await (await shop.viewer("customer", "bob")).data(MINE, currency="EUR")
    assert bob["totalSpent"] == bob["orderSummary"]["averageOrderValue"] == {"amount": "0.01", "currency": "EUR"}


async def test_where_nothing_was_ordered_the_figures_are_nothing(shop: Shop) -> None:
    nothing: dict[str, Any] = {
        "position": "0",
        "totalOrders": 0,
        "revenue": dollars("0.00"),
        "averageOrderValue": dollars("0.00"),
        "ordersByStatus": [],
        "byDay": [],
        "topMedicines": [],
    }
    assert await shop.data(ALL) == nothing
    mine = await (await shop.viewer("customer", "ann")).data(MINE)
    assert (mine["orderCount"], mine["totalSpent"], mine["orderSummary"]["averageOrderValue"]) == (
        0,
        dollars("0.00"),
        dollars("0.00"),
    )


async def test_an_average_is_rounded_half_to_even(shop: Shop) -> None:
    for id, price in (("a", "0.01"), ("b", "0.02"), ("c", "0.05")):
        await shop.accepted("registerMedicine", id=id, name=id, genericName="g", manufacturer="A", strength="1 g",
                            price=price, stockQuantity=10)  # fmt: skip
    await shop.settled()
    ann = await shop.viewer("customer", "ann")
    await paid(shop, ann, "o1", a=1)
    await paid(shop, ann, "o2", b=1)
    assert (await shop.data(ALL))["averageOrderValue"] == dollars("0.02")
    await paid(shop, ann, "o3", b=1)
    await paid(shop, ann, "o4", c=1)
    assert (await shop.data(ALL))["averageOrderValue"] == dollars("0.02")


async def test_the_top_are_ten_and_as_many_are_by_name(shop: Shop) -> None:
    names = ["Zeta", "Beta", *(f"M{number:02}" for number in range(10))]
    for name in names:
        await shop.accepted("registerMedicine", id=name.lower(), name=name, genericName="g", manufacturer="A",
                            strength="1 g", price="1.00", stockQuantity=100)  # fmt: skip
    await shop.settled()
    ann = await shop.viewer("customer", "ann")
    await paid(shop, ann, "o1", **{name.lower(): 9 if name == "Zeta" else 1 for name in names})
    top = (await shop.data(ALL))["topMedicines"]
    assert [each["name"] for each in top] == ["Zeta", "Beta", *(f"M{number:02}" for number in range(8))]


async def test_the_figures_are_followed(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await shop.settled()
    query = "subscription { orderStatistics { position totalOrders revenue { amount } } }"
    async with shop.follow(query) as stream:
        assert await stream.next() == {"position": "0", "totalOrders": 0, "revenue": {"amount": "0.00"}}
        await placed(shop, ann, "o1", m1=2)
        await pay(ann, "o1")
        seen = [await stream.next()]
        while seen[-1]["revenue"]["amount"] != "10.00":
            seen.append(await stream.next())
        positions = [int(each["position"]) for each in seen]
        assert positions == sorted(set(positions))
        assert {each["totalOrders"] for each in seen} == {1}
