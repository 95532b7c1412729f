"""Payments through the API, with the gateway that moves no money."""

import asyncio
from pathlib import Path
from typing import Any

from tests.running import Shop, View, opened
from tests.schema.ordering import ONE_PAYMENT, PAYMENT, lines, order, paid, pay, placed, stocked

LIST = """query($filter: PaymentFilter, $first: Int, $after: String, $atLeast: Position) { payments(filter: $filter,
  first: $first, after: $after, atLeast: $atLeast) { nodes { id } pageInfo { hasNextPage endCursor } } }"""


async def test_a_payment_reaches_its_order(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    waiting = await order(ann, "o1")
    payload = await pay(ann, "o1")
    at = payload["receipt"]["acceptedAt"]
    assert (payload["receipt"]["stream"], payload["receipt"]["version"]) == ("payment-p-o1", 1)
    await shop.drained()
    payment = await ann.data(ONE_PAYMENT, id="p-o1")
    changing = ("version", "position", "status", "updatedAt")
    assert {key: value for key, value in payment.items() if key not in changing} == {
        "id": "p-o1",
        "orderId": "o1",
        "orderNumber": waiting["number"],
        "userId": "ann",
        "amount": {"amount": "10.00", "currency": "USD"},
        "method": "CARD",
        "statusReason": None,
        "createdAt": at,
    }
    assert (payment["status"], payment["version"]) == ("SUCCEEDED", 2)
    found = await order(ann, "o1")
    assert found["payment"] == payment
    assert await ann.data(ONE_PAYMENT, orderNumber=waiting["number"]) == payment
    assert await ann.data(f'{{ node(id: "p-o1") {{ ... on Payment {{ {PAYMENT} }} }} }}') == payment


async def test_a_payment_that_failed_can_be_tried_again_and_the_newest_is_shown(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1", m3=1)
    number = (await order(ann, "o1"))["number"]
    for attempt in ("p1", "p2"):
        assert (await pay(ann, "o1", id=attempt, commandId=attempt))["errors"] == []
        await shop.drained()
        payment = await ann.data(ONE_PAYMENT, orderNumber=number)
        assert (payment["id"], payment["status"], payment["statusReason"]) == (attempt, "FAILED", "Card declined.")
    found = await order(ann, "o1")
    assert (found["status"], found["payment"]["id"]) == ("VALIDATED", "p2")
    assert await ann.data(ONE_PAYMENT, id="p1", orderNumber="another") is None
    listed = await ann.data(LIST)
    assert [each["id"] for each in listed["nodes"]] == ["p2", "p1"]


async def test_a_refund_goes_back_to_the_order_and_its_stock(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await paid(shop, ann, "o1")
    fields = {"paymentId": "p-o1", "reason": "complaint", "commandId": "r1"}
    payload = await shop.send("refundPayment", "payment { status statusReason version }", **fields)
    assert payload["payment"] == {"status": "REFUNDED", "statusReason": "complaint", "version": 3}
    await shop.drained()
    found = await order(ann, "o1")
    assert (found["status"], found["statusReason"]) == ("REFUNDED", "complaint")
    assert (await shop.accepted("refundPayment", **fields))["replayed"] is True
    again = await shop.accepted("refundPayment", **{**fields, "commandId": "r2"})
    assert again["version"] == 3
    (error,) = await shop.errors("refundPayment", paymentId="nothing", reason="x", commandId="r3")
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["paymentId"])


async def test_a_payment_needs_a_command_id(shop: Shop) -> None:
    for document in (
        '{ processPayment(input: {orderId: "o1", amount: "1", method: CARD}) { receipt { position } } }',
        '{ refundPayment(input: {paymentId: "p1", reason: "x"}) { receipt { position } } }',
        '{ processPayment(input: {commandId: null, orderId: "o1", amount: "1", method: CARD}) { errors { code } } }',
    ):
        error = await shop.refused(f"mutation {document}")
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    (error,) = await shop.errors("processPayment", commandId="", orderId="o1", amount="1", method="CARD")
    assert error["code"] in ("INVALID", "NOT_FOUND")


async def test_a_repeat_is_recognized_although_the_order_is_paid_by_then(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    first = await pay(ann, "o1", id=None)
    await shop.drained()
    for amount in ("10", "10.00", 10):
        again = await pay(ann, "o1", id=None, amount=amount)
        assert again["receipt"] == {**first["receipt"], "replayed": True}
        assert again["payment"]["id"] == first["payment"]["id"]
    (error,) = (await pay(ann, "o1", id=None, method="CASH"))["errors"]
    assert error["code"] == "COMMAND_ID_REUSED"
    assert (await shop.data("{ payments { nodes { id } } }"))["nodes"] == [{"id": first["payment"]["id"]}]


async def test_what_cannot_be_paid_is_refused_with_its_place(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await placed(shop, ann, "o1")
    await placed(shop, ann, "rejected", m1=99)
    wrong: list[tuple[dict[str, Any], str, list[str]]] = [
        ({"amount": "9.99"}, "INVALID", ["amount"]),
        ({"amount": "10.001"}, "INVALID", ["amount"]),
        ({"amount": "-10"}, "INVALID", ["amount"]),
        ({"amount": "1e30"}, "INVALID", ["amount"]),
        ({"id": "event_1"}, "INVALID", ["id"]),
        ({"id": "a b"}, "INVALID", ["id"]),
        ({"orderId": "nothing"}, "NOT_FOUND", ["orderId"]),
        ({"orderId": "rejected"}, "NOT_ALLOWED_NOW", ["orderId"]),
    ]
    for number, (changed, code, path) in enumerate(wrong):
        fields = {"commandId": f"c{number}", "orderId": "o1", "amount": "10", "method": "CARD", **changed}
        (error,) = await ann.errors("processPayment", **fields)
        assert (error["code"], error["path"]) == (code, path), changed
    theirs = {"commandId": "c", "orderId": "o1", "amount": "10", "method": "CARD"}
    (error,) = await bob.errors("processPayment", **theirs)
    (nothing,) = await bob.errors("processPayment", **{**theirs, "orderId": "nothing"})
    assert error == {**nothing, "message": "There is no order 'o1'."}


async def test_of_two_payments_at_once_one_is_accepted(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    payloads = await asyncio.gather(*(pay(ann, "o1", id=f"p{n}", commandId=f"c{n}") for n in range(10)))
    assert sum(each["receipt"] is not None for each in payloads) == 1
    refusals = [each["errors"][0] for each in payloads if each["errors"]]
    assert {(each["code"], each.get("state")) for each in refusals} <= {
        ("ALREADY_TAKEN", None),
        ("NOT_ALLOWED_NOW", "PAID"),
    }
    await shop.drained()
    found = await order(ann, "o1")
    assert found["status"] == "PAID"
    assert len((await ann.data("{ payments { nodes { id } } }"))["nodes"]) == 1


async def test_the_same_payment_at_once_is_made_once(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1")
    payloads = await asyncio.gather(*(pay(ann, "o1") for _ in range(10)))
    receipts = [each["receipt"] for each in payloads]
    assert [each["replayed"] for each in receipts].count(False) == 1
    assert len({each["position"] for each in receipts}) == 1


async def test_paying_against_cancelling_ends_with_the_money_on_one_side(shop: Shop) -> None:
    await stocked(shop, quantity=100)
    ann = await shop.viewer("customer", "ann")
    for number in range(10):
        id = f"o{number}"
        await placed(shop, ann, id)
        payment, cancel = await asyncio.gather(
            pay(ann, id), ann.send("cancelOrder", orderId=id, reason="changed my mind")
        )
        await shop.drained()
        found = await order(ann, id)
        if payment["receipt"] is None:
            assert (found["status"], found["payment"]) == ("CANCELLED", None)
        elif cancel["receipt"] is None:
            assert (found["status"], found["payment"]["status"]) == ("PAID", "SUCCEEDED")
        else:
            assert (found["status"], found["payment"]["status"]) == ("CANCELLED", "REFUNDED")
    item = await shop.data('{ inventoryItem(medicineId: "m1") { reservedQuantity } }')
    kept = await shop.data("{ orders(filter: {status: [PAID]}) { nodes { id } } }")
    assert item == {"reservedQuantity": 2 * len(kept["nodes"])}


async def test_payments_are_listed_and_narrowed_and_followed(shop: Shop) -> None:
    await stocked(shop)
    ann, bob = await shop.viewer("customer", "ann"), await shop.viewer("customer", "bob")
    await paid(shop, ann, "a1")
    await paid(shop, bob, "b1")
    await placed(shop, ann, "a2", m3=1)
    await shop.settled()
    query = """subscription($filter: PaymentFilter) { payments(filter: $filter) { kind since position more
      upserted { id status } removed } }"""
    async with shop.follow(query, filter={"status": ["FAILED"]}) as stream:
        view = View()
        await pay(ann, "a2")
        await shop.drained()
        head = str(shop.app.log.position)
        await view.until(stream, head)
        assert view.rows == {"p-a2": {"id": "p-a2", "status": "FAILED"}}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["p-a2", "p-b1", "p-a1"]),
        ({"userId": "ann"}, ["p-a2", "p-a1"]),
        ({"status": ["SUCCEEDED"]}, ["p-b1", "p-a1"]),
        ({"ids": ["p-a1", "p-b1"], "status": ["SUCCEEDED", "FAILED"]}, ["p-b1", "p-a1"]),
    ]
    for filter, expected in cases:
        found = await shop.data(LIST, filter=filter, atLeast=head)
        assert [each["id"] for each in found["nodes"]] == expected
        mine = await ann.data(LIST, filter=filter, atLeast=head)
        assert [each["id"] for each in mine["nodes"]] == [id for id in expected if "a" in id]
    assert await bob.data("{ me { payments { nodes { id } } } }") == {"payments": {"nodes": [{"id": "p-b1"}]}}
    error = await shop.refused("{ payment { id } }")
    assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", "Give `id` or `orderNumber`.")


async def test_a_customer_follows_a_payment_to_its_outcome(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await placed(shop, ann, "o1", m3=1)
    async with ann.follow('subscription { payment(id: "p-o1") { status } }') as stream:
        assert await stream.next() is None
        await pay(ann, "o1")
        seen = [await stream.next()]
        while seen[-1] != {"status": "FAILED"}:
            seen.append(await stream.next())
        assert seen in ([{"status": "CREATED"}, {"status": "FAILED"}], [{"status": "FAILED"}])


async def test_staff_pay_for_a_customer(shop: Shop) -> None:
    await stocked(shop)
    ann = await shop.viewer("customer", "ann")
    await ann.accepted("placeOrder", id="o1", lines=lines(m1=1))
    await shop.drained()
    assert (await pay(shop, "o1", method="CASH"))["payment"]["userId"] == "ann"
    await shop.drained()
    assert (await order(ann, "o1"))["status"] == "PAID"


async def test_a_payment_waits_for_the_order_as_it_is_now_and_says_so_when_it_cannot(tmp_path: Path) -> None:
    async with opened(tmp_path, read_timeout_ms=200) as shop:
        await stocked(shop)
        ann = await shop.viewer("customer", "ann")
        await placed(shop, ann, "o1")
        shop.app.projector.projections["orders"].pause()
        await ann.accepted("updateUserContact", userId="ann", phone="555")
        before = shop.app.log.position
        error = await ann.refused(
            """mutation { processPayment(input: {commandId: "c", orderId: "o1", amount: "10", method: CARD}) {
            receipt { position } } }"""
        )
        assert error["extensions"]["code"] == "STALE_READ"
        assert shop.app.log.position == before
        shop.app.projector.projections["orders"].resume()
        await shop.settled()
        assert (await pay(ann, "o1"))["errors"] == []
