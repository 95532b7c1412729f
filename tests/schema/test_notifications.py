"""Notifications through the API."""

from tests.running import Shop, View
from tests.schema.ordering import paid, stocked

NOTIFICATION = "id position kind recipientId subject message createdAt"
LIST = f"""query($first: Int, $after: String, $last: Int, $before: String, $atLeast: Position) {{ notifications(
first: $first, after: $after, last: $last, before: $before, atLeast: $atLeast) {{ nodes {{ {NOTIFICATION} }}
pageInfo {{ hasNextPage endCursor }} }} }}"""
FRAMES = f"""subscription($after: Position) {{ notifications(after: $after) {{ kind since position more
upserted {{ {NOTIFICATION} }} removed }} }}"""


async def test_a_customer_is_told_of_an_order_and_a_payment_the_newest_first(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await paid(shop, ann, "o1")
    nodes = (await ann.data(LIST))["nodes"]
    assert [each["kind"] for each in nodes] == [
        "ORDER_STATUS",
        "PAYMENT_STATUS",
        "ORDER_STATUS",
        "ORDER_STATUS",
        "WELCOME",
    ]
    positions = [int(each["position"]) for each in nodes]
    assert positions == sorted(positions, reverse=True)
    assert {each["recipientId"] for each in nodes} == {"ann"}
    welcome = nodes[-1]
    assert welcome == {
        "id": f"notification_{welcome['position']}",
        "position": welcome["position"],
        "kind": "WELCOME",
        "recipientId": "ann",
        "subject": "Welcome",
        "message": "Welcome, Ann. Your account is ready.",
        "createdAt": welcome["createdAt"],
    }
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Notification {{ {NOTIFICATION} }} }} }}"
    assert await ann.data(query, id=welcome["id"]) == welcome
    first = await ann.data(LIST, first=3)
    rest = await ann.data(LIST, first=3, after=first["pageInfo"]["endCursor"])
    assert first["nodes"] + rest["nodes"] == nodes
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_the_staff_see_those_of_everybody_and_those_for_administrators(shop: Shop) -> None:
    await stocked(shop, quantity=20)
    await shop.viewer("customer", "ann")
    await shop.accepted("adjustStock", medicineId="m1", quantity=3, reason="counted")
    await shop.settled()
    nodes = (await shop.data(LIST))["nodes"]
    assert [(each["kind"], each["recipientId"]) for each in nodes] == [("LOW_STOCK", None), ("WELCOME", "ann")]


async def test_a_customer_follows_their_own(shop: Shop) -> None:
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await shop.settled()
    async with ann.follow(FRAMES) as stream:
        view = View()
        await view.until(stream, str(shop.app.log.position))
        assert [each["kind"] for each in view.rows.values()] == ["WELCOME"]
        await bob.accepted("changeUserEmail", userId="bob", email="b@example.com")
        receipt = await ann.accepted("changeUserEmail", userId="ann", email="a@example.com")
        await view.until(stream, receipt["position"])
        assert [each["kind"] for each in view.rows.values()] == ["WELCOME", "EMAIL_CHANGED"]
        assert {each["recipientId"] for each in view.rows.values()} == {"ann"}
        assert list(view.rows)[-1] == f"notification_{receipt['position']}"
