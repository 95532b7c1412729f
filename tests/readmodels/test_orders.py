"""The orders: one row per order, with its latest payment and everything that happened to either."""

from datetime import timedelta

from domain.money import Money
from domain.order import OrderEvent
from domain.payment import PaymentEvent
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus, PaymentStatus
from engine.shapes import Recorded, equals, one_of, replace
from engine.testing import NOW, recorded, rows
from readmodels.orders import ORDERS, OrderRow, TimelineEntry, where
from readmodels.payments import PAYMENTS, PaymentRow
from tests.readmodels.examples import (
    ONE_SALBUTAMOL,
    TWO_ASPIRIN,
    cancelled,
    completed,
    declined,
    paid,
    payment_created,
    payment_failed,
    payment_refunded,
    payment_succeeded,
    placed,
    refunded,
    rejected,
    shipped,
    validated,
)

ORDER = placed()
PAYMENT = PaymentRow(
    id="p1",
    order_id="o1",
    order_number="20300101-o1",
    user_id="u1",
    amount=Money(1500),
    method=PaymentMethod.CARD,
    status=PaymentStatus.SUCCEEDED,
    status_reason=None,
    position=4,
    version=2,
    created_at=NOW,
    updated_at=NOW,
)
UP_TO_PAID = (validated(ORDER), payment_created(ORDER), payment_succeeded(ORDER), paid(ORDER))
TIMELINE_TO_PAID = ("OrderInitiated", "OrderValidated", "PaymentCreated", "PaymentSucceeded", "OrderPaid")
REFUND = payment_refunded(ORDER, "The order was cancelled.")


def timeline(*names: str) -> tuple[TimelineEntry, ...]:
    return tuple(TimelineEntry(name, NOW, place, None) for place, name in enumerate(names, 1))


ROW = OrderRow(
    id="o1",
    number="20300101-o1",
    user_id="u1",
    user_email="u1@example.org",
    status=OrderStatus.INITIATED,
    status_reason=None,
    lines=(TWO_ASPIRIN, ONE_SALBUTAMOL),
    total=Money(1500),
    payment=None,
    tracking_code=None,
    timeline=timeline("OrderInitiated"),
    position=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


def row_after(*events: OrderEvent | PaymentEvent | Recorded) -> OrderRow:
    return rows(ORDERS, ORDER, *events)["o1"]


def test_a_placed_order_has_a_row() -> None:
    assert rows(ORDERS, ORDER) == {"o1": ROW}


def test_a_rejected_order_says_why() -> None:
    assert row_after(rejected(ORDER, "Too few are left of Aspirin.")) == replace(
        ROW,
        status=OrderStatus.REJECTED,
        status_reason="Too few are left of Aspirin.",
        timeline=timeline("OrderInitiated", "OrderRejected"),
        position=2,
        version=2,
    )


def test_an_order_cancelled_before_it_was_paid_has_no_payment() -> None:
    assert row_after(validated(ORDER), cancelled(ORDER, OrderStatus.VALIDATED, "Not paid in time.")) == replace(
        ROW,
        status=OrderStatus.CANCELLED,
        status_reason="Not paid in time.",
        timeline=timeline("OrderInitiated", "OrderValidated", "OrderCancelled"),
        position=3,
        version=3,
    )


def test_a_payment_changes_the_row_but_not_the_version_a_writer_of_the_order_expects() -> None:
    created = replace(PAYMENT, status=PaymentStatus.CREATED, position=3, version=1)
    assert row_after(validated(ORDER), payment_created(ORDER)) == replace(
        ROW,
        status=OrderStatus.VALIDATED,
        payment=created,
        timeline=timeline("OrderInitiated", "OrderValidated", "PaymentCreated"),
        position=3,
        version=2,
    )


def test_an_order_is_followed_to_its_completion() -> None:
    assert row_after(*UP_TO_PAID, shipped(ORDER, "RR123"), completed(ORDER)) == replace(
        ROW,
        status=OrderStatus.COMPLETED,
        payment=PAYMENT,
        tracking_code="RR123",
        timeline=timeline(*TIMELINE_TO_PAID, "OrderShipped", "OrderCompleted"),
        position=7,
        version=5,
    )


def test_an_order_cancelled_after_it_was_paid_ends_refunded() -> None:
    end = cancelled(ORDER, OrderStatus.PAID, "changed my mind", "p1")
    back = refunded(ORDER, OrderStatus.CANCELLED, "The order was cancelled.")
    names = (*TIMELINE_TO_PAID, "OrderCancelled", "PaymentRefunded", "OrderRefunded")
    reason = "The order was cancelled."
    assert row_after(*UP_TO_PAID, end) == replace(
        ROW,
        status=OrderStatus.CANCELLED,
        status_reason="changed my mind",
        payment=PAYMENT,
        timeline=timeline(*names[:6]),
        position=6,
        version=4,
    )
    assert row_after(*UP_TO_PAID, end, REFUND, back) == replace(
        ROW,
        status=OrderStatus.REFUNDED,
        status_reason=reason,
        payment=replace(PAYMENT, status=PaymentStatus.REFUNDED, status_reason=reason, position=7, version=3),
        timeline=timeline(*names),
        position=8,
        version=5,
    )


def test_an_order_refunded_after_it_was_shipped_keeps_its_tracking_code() -> None:
    back = refunded(ORDER, OrderStatus.SHIPPED, "broken")
    row = row_after(*UP_TO_PAID, shipped(ORDER, "RR123"), payment_refunded(ORDER, "broken"), back)
    assert (row.status, row.status_reason, row.tracking_code) == (OrderStatus.REFUNDED, "broken", "RR123")


def test_of_two_payments_the_latest_is_shown_and_the_timeline_tells_of_both() -> None:
    row = row_after(
        validated(ORDER),
        payment_created(ORDER),
        payment_failed(ORDER, "card expired"),
        payment_created(ORDER, "p2"),
        payment_succeeded(ORDER, "p2"),
        paid(ORDER, "p2"),
    )
    names = ("PaymentCreated", "PaymentFailed", "PaymentCreated", "PaymentSucceeded")
    assert row == replace(
        ROW,
        status=OrderStatus.PAID,
        payment=replace(PAYMENT, id="p2", position=6, version=2),
        timeline=timeline("OrderInitiated", "OrderValidated", *names, "OrderPaid"),
        position=7,
        version=3,
    )


def test_what_becomes_of_an_earlier_payment_is_told_but_the_latest_stays() -> None:
    late = (payment_created(ORDER, "p2"), payment_refunded(ORDER, "sent twice", "p1"))
    row = row_after(payment_created(ORDER, "p1"), *late)
    latest = replace(PAYMENT, id="p2", status=PaymentStatus.CREATED, position=3, version=1)
    assert (row.payment, row.timeline[-1].event, row.position) == (latest, "PaymentRefunded", 4)


def test_a_payment_that_the_order_cannot_take_leaves_the_order_as_it_was() -> None:
    end = cancelled(ORDER, OrderStatus.VALIDATED, "Not paid in time.")
    no = declined(ORDER, OrderStatus.CANCELLED, "The order is cancelled; 15.00 of 15.00 came.")
    row = row_after(validated(ORDER), payment_created(ORDER), end, payment_succeeded(ORDER), no)
    assert row == replace(
        ROW,
        status=OrderStatus.CANCELLED,
        status_reason="Not paid in time.",
        payment=replace(PAYMENT, position=5),
        timeline=timeline(
            "OrderInitiated",
            "OrderValidated",
            "PaymentCreated",
            "OrderCancelled",
            "PaymentSucceeded",
            "OrderPaymentDeclined",
        ),
        position=6,
        version=4,
    )


def test_the_timeline_tells_who_and_when() -> None:
    log = recorded(ORDER, validated(ORDER), payment_created(ORDER), payment_succeeded(ORDER))
    at = [NOW + timedelta(hours=hours) for hours in range(4)]
    actors = ["u1", None, "s1", None]
    told = [replace(entry, recorded_at=at[place], actor_id=actors[place]) for place, entry in enumerate(log)]
    row = rows(ORDERS, *told)["o1"]
    assert row.timeline == (
        TimelineEntry("OrderInitiated", at[0], 1, "u1"),
        TimelineEntry("OrderValidated", at[1], 2, None),
        TimelineEntry("PaymentCreated", at[2], 3, "s1"),
        TimelineEntry("PaymentSucceeded", at[3], 4, None),
    )
    assert row.payment == rows(PAYMENTS, *told)["p1"]
    assert row.payment == replace(PAYMENT, created_at=at[2], updated_at=at[3])


def test_what_became_of_no_known_order_makes_no_row() -> None:
    assert rows(ORDERS, *UP_TO_PAID, REFUND) == {}


def test_a_filter_without_conditions_means_every_order() -> None:
    assert where() == ()


def test_every_condition_of_a_filter_must_hold() -> None:
    statuses = [OrderStatus.PAID, OrderStatus.SHIPPED]
    assert where(ids=["o1"], user_id="u1", statuses=statuses, number="20300101-o1") == (
        one_of("id", ("o1",)),
        equals("user_id", "u1"),
        one_of("status", tuple(statuses)),
        equals("number", "20300101-o1"),
    )


def test_an_empty_list_means_no_order() -> None:
    assert where(ids=[], statuses=[]) == (one_of("id", ()), one_of("status", ()))
