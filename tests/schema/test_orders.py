"""Orders through the API, with the processes that move them on."""

import asyncio
import re
from typing import Any

from tests.running import Shop, View
from tests.schema.ordering import ONE_ORDER, ORDER, lines, order, paid, pay, placed, stocked

ENTITY = f"order {{ {ORDER} }}"
LIST = """query($filter: OrderFilter, $first: Int, $after: String, $last: Int, $before: String, $atLeast: Position) {
  orders(filter: $filter, first: $first, after: $after, last: $last, before: $before, atLeast: $atLeast) {
  nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } position } }"""
FRAMES = """subscription($filter: OrderFilter, $after: Position) { orders(filter: $filter, after: $after) {
  kind since position more upserted { id status } removed } }"""


def events(found: dict[str, Any]) -> list[str]:
    return [entry["event"] for entry in found["timeline"]]


# ---------------------------------------------------------------- the life of an order


async def test_an_order_goes_from_its_placing_to_its_arrival(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    before = shop.app.log.position
    payload = await ann.send("placeOrder", ENTITY, id="o1", lines=lines(m1=2, m2=1), commandId="c1")
    receipt, found = payload["receipt"], payload["order"]
    at = receipt["acceptedAt"]
    # Answered at once: nothing of what follows is waited for.
    assert (receipt["position"], receipt["stream"], receipt["version"]) == (str(before + 1), "order-o1", 1)
    assert re.fullmatch(rf"{at[:4]}{at[5:7]}{at[8:10]}-[0-9A-HJKMNP-TV-Z]{{8}}", found["number"])
    assert found["lines"] == [
        {
            "medicineId": "m1",
            "name": "Aspirin",
            "quantity": 2,
            "unitPrice": {"amount": "5.00", "currency": "USD"},
            "lineTotal": {"amount": "10.00", "currency": "USD"},
        },
        {
            "medicineId": "m2",
            "name": "Zinc",
            "quantity": 1,
            "unitPrice": {"amount": "2.50", "currency": "USD"},
            "lineTotal": {"amount": "2.50", "currency": "USD"},
        },
    ]
    assert found["timeline"][0] == {
        "event": "OrderInitiated",
        "at": at,
        "position": receipt["position"],
        "actorId": "ann",
    }
    same = {key: found[key] for key in ("id", "number", "lines", "placedAt")}
    assert same["placedAt"] == at
    assert (found["userId"], found["userEmail"]) == ("ann", "ann@example.org")
    assert found["total"] == {"amount": "12.50", "currency": "USD"}
    await shop.drained()
    found = await order(ann, "o1")
    assert (found["status"], found["version"], found["payment"]) == ("VALIDATED", 2, None)
    assert (await pay(ann, "o1"))["payment"]["status"] in ("CREATED", "SUCCEEDED")
    await shop.drained()
    found = await order(ann, "o1")
    assert (found["status"], found["payment"]["status"]) == ("PAID", "SUCCEEDED")
    assert found["payment"]["amount"] == found["total"]
    shipped = await shop.send("shipOrder", ENTITY, orderId="o1", trackingCode="T1", expectedVersion=3)
    assert (shipped["order"]["status"], shipped["order"]["trackingCode"]) == ("SHIPPED", "T1")
    completed = await shop.send("completeOrder", ENTITY, orderId="o1")
    assert completed["order"]["status"] == "COMPLETED"
    found = await order(ann, "o1")
    assert {key: found[key] for key in same} == same
    assert events(found) == [
        "OrderInitiated",
        "OrderValidated",
        "PaymentCreated",
        "PaymentSucceeded",
        "OrderPaid",
        "OrderShipped",
        "OrderCompleted",
    ]
    assert found["updatedAt"] == completed["receipt"]["acceptedAt"]
    assert await ann.data(ONE_ORDER, number=found["number"]) == found
    assert await ann.data(ONE_ORDER, id="o1", number=found["number"]) == found
    assert await ann.data(ONE_ORDER, id="o2", number=found["number"]) is None
    node = f'{{ node(id: "o1") {{ id ... on Order {{ {ORDER} }} }} }}'
    assert await ann.data(node) == found


async def test_what_follows_from_an_order_names_the_event_it_followed_from(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    receipt = await ann.accepted("placeOrder", id="o1", lines=lines(m1=1), commandId="c1")
    await shop.drained()
    query = """query { events(filter: {correlationId: "c1"}) { nodes { id type causationId actorId } } }"""
    initiated, reserved, validated = (await shop.data(query))["nodes"]
    assert initiated["id"] == f"event_{receipt['position']}"
    assert (initiated["causationId"], initiated["actorId"]) == (None, "ann")
    assert (reserved["type"], reserved["causationId"]) == ("StockReserved", initiated["id"])
    assert (validated["type"], validated["causationId"]) == ("OrderValidated", reserved["id"])
    assert await shop.data("query($id: ID!) { node(id: $id) { id } }", id=reserved["causationId"]) == {
        "id": initiated["id"]
    }


async def test_too_little_left_rejects_the_order_and_gives_back_what_was_reserved(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1", m1=4, m2=11)
    found = await order(ann, "o1")
    assert (found["status"], found["statusReason"]) == ("REJECTED", "Too few are left of Zinc.")
    query = "{ medicines { nodes { stockQuantity reservedQuantity } } }"
    for each in (await shop.data(query))["nodes"]:
        assert each == {"stockQuantity": 10, "reservedQuantity": 0}


async def test_the_last_ones_are_sold_once(shop: Shop) -> None:
    await stocked(shop, quantity=5)
    clients = [await shop.viewer("customer", f"u{number}") for number in range(10)]
    await asyncio.gather(*(client.accepted("placeOrder", lines=lines(m1=1)) for client in clients for _ in range(2)))
    await shop.drained()
    found = await shop.data("{ orders { nodes { status } } }")
    statuses = [each["status"] for each in found["nodes"]]
    assert (statuses.count("VALIDATED"), statuses.count("REJECTED")) == (5, 15)
    item = await shop.data('{ inventoryItem(medicineId: "m1") { availableQuantity reservedQuantity totalQuantity } }')
    assert item == {"availableQuantity": 0, "reservedQuantity": 5, "totalQuantity": 5}


# ---------------------------------------------------------------- placing


async def test_a_repeat_is_recognized_although_the_catalogue_has_changed(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    fields = {"lines": lines(m1=1), "commandId": "c1"}
    first = await ann.send("placeOrder", "order { id number }", **fields)
    await shop.accepted("changeMedicinePrice", medicineId="m1", price="7.00")
    replayed = {**first, "receipt": {**first["receipt"], "replayed": True}}
    await shop.settled()
    assert await ann.send("placeOrder", "order { id number }", **fields) == replayed
    await shop.accepted("discontinueMedicine", medicineId="m1", reason="old")
    await shop.settled()
    assert await ann.send("placeOrder", "order { id number }", **fields) == replayed
    (error,) = await ann.errors("placeOrder", lines=lines(m1=2), commandId="c1")
    assert error["code"] == "NOT_ALLOWED_NOW"
    (error,) = await ann.errors("placeOrder", lines=lines(m2=1), commandId="c1")
    assert error["code"] == "COMMAND_ID_REUSED"


async def test_two_customers_with_one_command_id_are_not_taken_for_one(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await ann.accepted("placeOrder", lines=lines(m1=1), commandId="c1")
    await shop.drained()
    (error,) = await bob.errors("placeOrder", lines=lines(m1=1), commandId="c1")
    assert error["code"] == "COMMAND_ID_REUSED"
    await shop.accepted("discontinueMedicine", medicineId="m1", reason="old")
    await shop.settled()
    (error,) = await bob.errors("placeOrder", lines=lines(m1=1), commandId="c1", userId="bob")
    assert error["code"] == "NOT_ALLOWED_NOW"


async def test_the_price_is_that_of_the_moment_of_the_order(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1", m1=1)
    await shop.accepted("changeMedicinePrice", medicineId="m1", price="7.00")
    await shop.settled()
    await placed(shop, ann, "o2", m1=1)
    assert [(await order(ann, id))["total"]["amount"] for id in ("o1", "o2")] == ["5.00", "7.00"]


async def test_a_medicine_and_a_user_just_registered_can_be_ordered_for(shop: Shop) -> None:
    for name in ("medicines", "users"):
        shop.app.projector.projections[name].pause()
    await stocked(shop)
    await (await shop.viewer(None)).accepted(
        "registerUser", id="ann", email="ann@example.org", firstName="A", lastName="L", password="long enough"
    )
    placing = asyncio.create_task(shop.accepted("placeOrder", userId="ann", id="o1", lines=lines(m1=1)))
    for name in ("medicines", "users"):
        shop.app.projector.projections[name].resume()
    await placing
    assert (await order(shop, "o1"))["userEmail"] == "ann@example.org"


async def test_staff_order_for_anyone_and_customers_for_themselves(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    payload = await shop.send("placeOrder", "order { userId userEmail }", userId="ann", lines=lines(m1=1))
    assert payload["order"] == {"userId": "ann", "userEmail": "ann@example.org"}
    payload = await ann.send("placeOrder", "order { userId }", userId="ann", lines=lines(m1=1))
    assert payload["order"] == {"userId": "ann"}
    bob = await shop.viewer("customer", "bob")
    await shop.drained()
    before = shop.app.log.position
    refused = await bob.refused(
        """mutation { placeOrder(input: {userId: "ann", lines: [{medicineId: "m1", quantity: 1}]}) {
        receipt { position } } }"""
    )
    assert refused["extensions"]["code"] == "FORBIDDEN"
    assert shop.app.log.position == before


async def test_what_cannot_be_ordered_is_refused_with_its_place(shop: Shop) -> None:
    await stocked(shop)
    await shop.accepted("registerMedicine", id="m4", name="Euro", genericName="e", manufacturer="A", strength="1 g",
                        price="1.00", currency="EUR", stockQuantity=1)  # fmt: skip
    await shop.accepted("discontinueMedicine", medicineId="m3", reason="old")
    await shop.settled()
    ann = await shop.viewer("customer", "ann")
    wrong: list[tuple[dict[str, Any], str, list[list[str]]]] = [
        ({"lines": []}, "INVALID", [["lines"]]),
        ({"lines": lines(m1=1) * 51}, "INVALID", [["lines"]]),
        ({"lines": lines(m1=0)}, "INVALID", [["lines", "0", "quantity"]]),
        ({"lines": lines(m1=1, m2=-1, m3=10_001)}, "INVALID",
         [["lines", "1", "quantity"], ["lines", "2", "quantity"]]),
        ({"lines": lines(m1=1) * 2}, "INVALID", [["lines", "1", "medicineId"]]),
        ({"lines": lines(m1=1, m4=1)}, "INVALID", [["lines", "1", "medicineId"]]),
        ({"lines": lines(m1=1, nothing=1)}, "NOT_FOUND", [["lines", "1", "medicineId"]]),
        ({"lines": [{"medicineId": "a b", "quantity": 1}]}, "NOT_FOUND", [["lines", "0", "medicineId"]]),
        ({"lines": lines(m1=1, m3=1)}, "NOT_ALLOWED_NOW", [["lines", "1", "medicineId"]]),
        ({"lines": lines(m1=1), "id": "event_1"}, "INVALID", [["id"]]),
        ({"lines": lines(m1=1), "id": "a b"}, "INVALID", [["id"]]),
    ]  # fmt: skip
    for fields, code, paths in wrong:
        errors = await ann.errors("placeOrder", **fields)
        assert {each["code"] for each in errors} == {code}, fields
        assert [each["path"] for each in errors] == paths
        assert [each["state"] for each in errors if code == "NOT_ALLOWED_NOW"] == ["DISCONTINUED"] * (
            code == "NOT_ALLOWED_NOW"
        )
    (error,) = await shop.errors("placeOrder", userId="nobody", lines=lines(m1=1))
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["userId"])
    admin = await shop.viewer("admin")
    await admin.accepted("suspendUser", userId="ann", reason="fraud")
    await shop.settled()
    (error,) = await shop.errors("placeOrder", userId="ann", lines=lines(m1=1))
    assert (error["code"], error["path"], error["state"]) == ("NOT_ALLOWED_NOW", ["userId"], "SUSPENDED")


# ---------------------------------------------------------------- cancelling


async def test_the_owner_cancels_while_unpaid_and_staff_until_it_is_shipped(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    payload = await ann.send("cancelOrder", ENTITY, orderId="o1", reason="too slow")
    assert (payload["order"]["status"], payload["order"]["statusReason"]) == ("CANCELLED", "too slow")
    await shop.drained()
    await paid(shop, ann, "o2")
    (error,) = await ann.errors("cancelOrder", orderId="o2", reason="too slow")
    assert (error["code"], error["state"]) == ("NOT_ALLOWED_NOW", "PAID")
    await shop.accepted("cancelOrder", orderId="o2", reason="out of stock")
    await shop.drained()
    found = await order(ann, "o2")
    assert (found["status"], found["payment"]["status"]) == ("REFUNDED", "REFUNDED")
    await paid(shop, ann, "o3")
    await shop.accepted("shipOrder", orderId="o3")
    await shop.drained()
    (error,) = await shop.errors("cancelOrder", orderId="o3", reason="too late")
    assert (error["code"], error["state"]) == ("NOT_ALLOWED_NOW", "SHIPPED")
    item = await shop.data('{ inventoryItem(medicineId: "m1") { availableQuantity reservedQuantity } }')
    assert item == {"availableQuantity": 8, "reservedQuantity": 0}


async def test_an_order_of_somebody_else_looks_like_one_that_does_not_exist(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await placed(shop, ann, "o1")
    (theirs,) = await bob.errors("cancelOrder", orderId="o1", reason="x", expectedVersion=7)
    (nothing,) = await bob.errors("cancelOrder", orderId="o2", reason="x", expectedVersion=7)
    assert theirs == {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "message": "There is no order 'o1'.",
        "path": ["orderId"],
    }
    assert nothing == {**theirs, "message": "There is no order 'o2'."}
    (unknown,) = await shop.errors("cancelOrder", orderId="o2", reason="x")
    assert unknown == nothing


async def test_an_order_just_placed_can_be_cancelled_by_its_owner(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    shop.app.projector.projections["orders"].pause()
    await ann.accepted("placeOrder", id="o1", lines=lines(m1=1))
    cancelling = asyncio.create_task(ann.accepted("cancelOrder", orderId="o1", reason="x"))
    shop.app.projector.projections["orders"].resume()
    await cancelling
    assert (await order(ann, "o1"))["status"] == "CANCELLED"


async def test_staff_learn_why_an_order_cannot_go_on(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    for mutation in ("shipOrder", "completeOrder"):
        (error,) = await shop.errors(mutation, orderId="o1")
        assert (error["code"], error["state"]) == ("NOT_ALLOWED_NOW", "VALIDATED")
        (error,) = await shop.errors(mutation, orderId="o2")
        assert (error["code"], error["path"]) == ("NOT_FOUND", ["orderId"])


# ---------------------------------------------------------------- reads


async def test_orders_are_listed_newest_first_and_can_be_narrowed(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    for number in range(3):
        await placed(shop, ann, f"a{number}", m1=1)
    await placed(shop, bob, "b0", m1=1)
    await ann.accepted("cancelOrder", orderId="a1", reason="x")
    head = (await bob.accepted("cancelOrder", orderId="b0", reason="x"))["position"]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["b0", "a2", "a1", "a0"]),
        ({"userId": "ann"}, ["a2", "a1", "a0"]),
        ({"status": ["CANCELLED"]}, ["b0", "a1"]),
        ({"status": ["CANCELLED"], "userId": "ann"}, ["a1"]),
        ({"status": ["CANCELLED", "VALIDATED"]}, ["b0", "a2", "a1", "a0"]),
        ({"status": []}, []),
        ({"ids": ["a0", "b0"]}, ["b0", "a0"]),
        ({"ids": None, "userId": None, "status": None}, ["b0", "a2", "a1", "a0"]),
    ]
    for filter, expected in cases:
        assert [each["id"] for each in (await shop.data(LIST, filter=filter, atLeast=head))["nodes"]] == expected
        mine = [each["id"] for each in (await ann.data(LIST, filter=filter, atLeast=head))["nodes"]]
        assert mine == [id for id in expected if id.startswith("a")]
    first = await ann.data(LIST, first=2)
    rest = await ann.data(LIST, first=2, after=first["pageInfo"]["endCursor"])
    assert [each["id"] for page in (first, rest) for each in page["nodes"]] == ["a2", "a1", "a0"]
    query = "{ me { orders(first: 1) { nodes { id } pageInfo { hasNextPage } } } }"
    assert await ann.data(query) == {"orders": {"nodes": [{"id": "a2"}], "pageInfo": {"hasNextPage": True}}}


async def test_an_order_is_asked_for_by_something(shop: Shop) -> None:
    for query in ("{ order { id } }", "{ order(id: null, number: null) { id } }"):
        error = await shop.refused(query)
        assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", "Give `id` or `number`.")


async def test_the_staff_follow_what_waits_for_them(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await shop.settled()
    async with shop.follow(FRAMES, filter={"status": ["PAID"]}) as stream:
        view = View()
        await paid(shop, ann, "o1")
        await view.until(stream, str(shop.app.log.position))
        assert list(view.rows) == ["o1"]
        receipt = await shop.accepted("shipOrder", orderId="o1")
        await view.until(stream, receipt["position"])
        assert list(view.rows) == []


async def test_a_customer_follows_an_order_to_its_newest_state(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    async with ann.follow('subscription { order(id: "o1") { status version } }') as stream:
        assert await stream.next() is None
        await paid(shop, ann, "o1")
        seen = [await stream.next()]
        while seen[-1]["status"] != "PAID":
            seen.append(await stream.next())
        assert [each["version"] for each in seen] == sorted(each["version"] for each in seen)


async def test_two_steps_at_once_on_one_order_come_one_after_the_other(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await paid(shop, ann, "o1")
    ship, cancel = await asyncio.gather(
        shop.send("shipOrder", orderId="o1"), shop.send("cancelOrder", orderId="o1", reason="x")
    )
    assert [bool(each["receipt"]) for each in (ship, cancel)].count(True) == 1
    await shop.drained()
    found = await order(ann, "o1")
    assert found["status"] == ("SHIPPED" if ship["receipt"] else "REFUNDED")


async def test_a_view_of_too_many_orders_is_refused_like_a_query_of_them(shop: Shop) -> None:
    filter = {"ids": [str(number) for number in range(1001)]}
    assert (await shop.refused(LIST, filter=filter))["extensions"]["code"] == "BAD_USER_INPUT"
    async with shop.follow(FRAMES, filter=filter) as stream:
        assert (await stream.error())["extensions"]["code"] == "BAD_USER_INPUT"
