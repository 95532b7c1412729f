"""An order goes its way from being placed to being completed, or leaves it, by the legal steps only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.money import Money
from domain.order import (
    MOST_SECONDS,
    ORDER,
    CancelOrder,
    CompleteOrder,
    ExpireOrder,
    MarkOrderPaid,
    OrderCancelled,
    OrderCommand,
    OrderCompleted,
    OrderEvent,
    OrderInitiated,
    OrderPaid,
    OrderPaymentDeclined,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    PlaceOrder,
    RecordRefund,
    RejectOrder,
    ShipOrder,
    ValidateOrder,
    claims,
)
from domain.order_line import OrderLine
from domain.status import OrderStatus
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound
from engine.shapes import Claim, replace
from engine.testing import NOW, given

LINES = (
    OrderLine(medicine_id="m1", name="Aspirin", quantity=3, unit_price=Money(419)),
    OrderLine(medicine_id="m2", name="Ibuprofen", quantity=1, unit_price=Money(1)),
)
TOTAL = Money(1258)
PLACE = PlaceOrder(order_id="o1", code="7K2M", user_id="u1", user_email="ana@example.org", lines=LINES, pay_within=1800)
INITIATED = OrderInitiated(
    order_id="o1",
    number="20300101-7K2M",
    user_id="u1",
    user_email="ana@example.org",
    lines=LINES,
    total=TOTAL,
    pay_before=NOW + timedelta(minutes=30),
)


@dataclass(frozen=True)
class Step:
    """The events of the order above, from the status it has before them."""

    was: OrderStatus

    def validated(self) -> OrderValidated:
        return OrderValidated(order_id="o1", number="20300101-7K2M", user_id="u1", total=TOTAL, was=self.was)

    def rejected(self) -> OrderRejected:
        return OrderRejected(
            order_id="o1", number="20300101-7K2M", user_id="u1", total=TOTAL, was=self.was, reason="too few"
        )

    def paid(self) -> OrderPaid:
        return OrderPaid(
            order_id="o1",
            number="20300101-7K2M",
            user_id="u1",
            total=TOTAL,
            was=self.was,
            payment_id="p1",
            lines=LINES,
        )

    def declined(self, payment_id: str = "p1", came: str = "12.58") -> OrderPaymentDeclined:
        return OrderPaymentDeclined(
            order_id="o1",
            number="20300101-7K2M",
            user_id="u1",
            total=TOTAL,
            was=self.was,
            payment_id=payment_id,
            reason=f"The order is {self.was.value.lower()}; {came} of 12.58 came.",
        )

    def shipped(self) -> OrderShipped:
        return OrderShipped(
            order_id="o1", number="20300101-7K2M", user_id="u1", total=TOTAL, was=self.was, tracking_code="T1"
        )

    def completed(self) -> OrderCompleted:
        return OrderCompleted(order_id="o1", number="20300101-7K2M", user_id="u1", total=TOTAL, was=self.was)

    def cancelled(self, reason: str = "no need", payment_id: str | None = None) -> OrderCancelled:
        return OrderCancelled(
            order_id="o1",
            number="20300101-7K2M",
            user_id="u1",
            total=TOTAL,
            was=self.was,
            reason=reason,
            payment_id=payment_id,
        )

    def refunded(self) -> OrderRefunded:
        return OrderRefunded(
            order_id="o1",
            number="20300101-7K2M",
            user_id="u1",
            total=TOTAL,
            was=self.was,
            payment_id="p1",
            reason="broken",
            lines=LINES,
        )


FROM_INITIATED, FROM_VALIDATED = Step(OrderStatus.INITIATED), Step(OrderStatus.VALIDATED)
FROM_PAID, FROM_SHIPPED = Step(OrderStatus.PAID), Step(OrderStatus.SHIPPED)
FROM_COMPLETED, FROM_CANCELLED = Step(OrderStatus.COMPLETED), Step(OrderStatus.CANCELLED)

VALID = (INITIATED, FROM_INITIATED.validated())
PAID = (*VALID, FROM_VALIDATED.paid())
SHIPPED = (*PAID, FROM_PAID.shipped())
PATHS: dict[str, tuple[OrderEvent, ...]] = {
    "initiated": (INITIATED,),
    "validated": VALID,
    "rejected": (INITIATED, FROM_INITIATED.rejected()),
    "paid": PAID,
    "shipped": SHIPPED,
    "completed": (*SHIPPED, FROM_SHIPPED.completed()),
    "cancelled before": (*VALID, FROM_VALIDATED.cancelled()),
    "cancelled after": (*PAID, FROM_PAID.cancelled(payment_id="p1")),
    "refunded": (*PAID, FROM_PAID.refunded()),
}
"How an order came to where it is; it can be cancelled before and after it was paid."

VALIDATE, EXPIRE = ValidateOrder(order_id="o1"), ExpireOrder(order_id="o1")
REJECT = RejectOrder(order_id="o1", reason="too few")
PAY = MarkOrderPaid(order_id="o1", payment_id="p1", amount=TOTAL)
SHIP, COMPLETE = ShipOrder(order_id="o1", tracking_code="T1"), CompleteOrder(order_id="o1")
CANCEL = CancelOrder(order_id="o1", reason="no need", by_staff=False)
STAFF_CANCEL = replace(CANCEL, by_staff=True)
REFUND = RecordRefund(order_id="o1", payment_id="p1", reason="broken")

NOTHING, REFUSED = "nothing", "refused"
LATE = "Not paid in time."
TABLE: dict[OrderCommand, dict[str, OrderEvent | str]] = {
    VALIDATE: {
        "initiated": FROM_INITIATED.validated(),
        "validated": NOTHING,
        "rejected": REFUSED,
        "paid": NOTHING,
        "shipped": NOTHING,
        "completed": NOTHING,
        "cancelled before": REFUSED,
        "cancelled after": REFUSED,
        "refunded": REFUSED,
    },
    REJECT: {
        "initiated": FROM_INITIATED.rejected(),
        "validated": REFUSED,
        "rejected": NOTHING,
        "paid": REFUSED,
        "shipped": REFUSED,
        "completed": REFUSED,
        "cancelled before": REFUSED,
        "cancelled after": REFUSED,
        "refunded": REFUSED,
    },
    PAY: {
        "initiated": FROM_INITIATED.declined(),
        "validated": FROM_VALIDATED.paid(),
        "rejected": Step(OrderStatus.REJECTED).declined(),
        "paid": NOTHING,
        "shipped": NOTHING,
        "completed": NOTHING,
        "cancelled before": FROM_CANCELLED.declined(),
        "cancelled after": NOTHING,
        "refunded": NOTHING,
    },
    SHIP: {
        "initiated": REFUSED,
        "validated": REFUSED,
        "rejected": REFUSED,
        "paid": FROM_PAID.shipped(),
        "shipped": NOTHING,
        "completed": REFUSED,
        "cancelled before": REFUSED,
        "cancelled after": REFUSED,
        "refunded": REFUSED,
    },
    COMPLETE: {
        "initiated": REFUSED,
        "validated": REFUSED,
        "rejected": REFUSED,
        "paid": REFUSED,
        "shipped": FROM_SHIPPED.completed(),
        "completed": NOTHING,
        "cancelled before": REFUSED,
        "cancelled after": REFUSED,
        "refunded": REFUSED,
    },
    CANCEL: {
        "initiated": FROM_INITIATED.cancelled(),
        "validated": FROM_VALIDATED.cancelled(),
        "rejected": REFUSED,
        "paid": REFUSED,
        "shipped": REFUSED,
        "completed": REFUSED,
        "cancelled before": NOTHING,
        "cancelled after": NOTHING,
        "refunded": REFUSED,
    },
    STAFF_CANCEL: {
        "initiated": FROM_INITIATED.cancelled(),
        "validated": FROM_VALIDATED.cancelled(),
        "rejected": REFUSED,
        "paid": FROM_PAID.cancelled(payment_id="p1"),
        "shipped": REFUSED,
        "completed": REFUSED,
        "cancelled before": NOTHING,
        "cancelled after": NOTHING,
        "refunded": REFUSED,
    },
    EXPIRE: {
        "initiated": FROM_INITIATED.cancelled(LATE),
        "validated": FROM_VALIDATED.cancelled(LATE),
        "rejected": NOTHING,
        "paid": NOTHING,
        "shipped": NOTHING,
        "completed": NOTHING,
        "cancelled before": NOTHING,
        "cancelled after": NOTHING,
        "refunded": NOTHING,
    },
    REFUND: {
        "initiated": NOTHING,
        "validated": NOTHING,
        "rejected": NOTHING,
        "paid": FROM_PAID.refunded(),
        "shipped": FROM_SHIPPED.refunded(),
        "completed": FROM_COMPLETED.refunded(),
        "cancelled before": NOTHING,
        "cancelled after": FROM_CANCELLED.refunded(),
        "refunded": NOTHING,
    },
}


def name_of(command: OrderCommand) -> str:
    return "CancelOrderByStaff" if command == STAFF_CANCEL else type(command).__name__


@pytest.mark.parametrize(
    ("path", "command"),
    [(path, command) for command in TABLE for path in PATHS],
    ids=lambda each: each if isinstance(each, str) else name_of(each),
)
def test_each_step_is_legal_from_some_statuses_only(path: str, command: OrderCommand) -> None:
    answer = TABLE[command][path]
    decided = given(ORDER, *PATHS[path]).when(command)
    if isinstance(answer, str):
        status = path.split()[0]
        if answer == REFUSED:
            decided.then_refused(NotAllowedNow, state=status.upper(), message=f"The order is {status}.")
        else:
            decided.then()
    else:
        decided.then(answer)


@pytest.mark.parametrize("command", TABLE, ids=name_of)
def test_nothing_can_be_done_with_an_order_that_was_never_placed(command: OrderCommand) -> None:
    given(ORDER).when(command).then_refused(NotFound, path=("order_id",), message="There is no order 'o1'.")


def test_an_order_is_placed_at_the_prices_of_that_moment() -> None:
    given(ORDER).when(PLACE).then(INITIATED)


def test_the_number_of_an_order_tells_its_day() -> None:
    early = datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)
    (event,) = given(ORDER).when(PLACE, now=early).events
    assert event == replace(INITIATED, number="20311231-7K2M", pay_before=early + timedelta(minutes=30))


def test_an_id_can_be_placed_once_only() -> None:
    for path in PATHS.values():
        given(ORDER, *path).when(PLACE).then_refused(AlreadyTaken, path=("id",))


def test_the_number_belongs_to_one_order() -> None:
    assert claims(INITIATED) == [Claim("id", "o1"), Claim("number", "20300101-7K2M")]
    assert [claims(event) for event in PATHS["completed"][1:]] == [[], [], [], []]


def test_a_tracking_code_is_given_once() -> None:
    given(ORDER, *SHIPPED).when(ShipOrder(order_id="o1", tracking_code="T2")).then_refused(
        NotAllowedNow, state="SHIPPED"
    )
    given(ORDER, *SHIPPED).when(ShipOrder(order_id="o1")).then_refused(NotAllowedNow, state="SHIPPED")


def test_an_order_can_be_shipped_without_a_tracking_code() -> None:
    given(ORDER, *PAID).when(ShipOrder(order_id="o1")).then(replace(FROM_PAID.shipped(), tracking_code=None))


@pytest.mark.parametrize(
    ("amount", "came"),
    [(Money(1257), "12.57"), (Money(1259), "12.59"), (Money(0), "0.00"), (Money(1258, "EUR"), "12.58")],
)
def test_another_amount_than_the_total_does_not_pay_an_order(amount: Money, came: str) -> None:
    given(ORDER, *VALID).when(replace(PAY, amount=amount)).then(FROM_VALIDATED.declined(came=came))


def test_an_order_is_paid_once() -> None:
    given(ORDER, *PAID).when(replace(PAY, payment_id="p2")).then(FROM_PAID.declined("p2"))


def test_a_payment_that_was_declined_changes_nothing_about_the_order() -> None:
    given(ORDER, *VALID, FROM_VALIDATED.declined("p0", "1.00")).when(PAY).then(FROM_VALIDATED.paid())


def test_the_refund_of_another_payment_does_not_concern_an_order() -> None:
    given(ORDER, *PAID).when(replace(REFUND, payment_id="p2")).then()


def test_everything_wrong_with_a_new_order_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        PlaceOrder(order_id="", code="", user_id="u1", user_email="", lines=(), pay_within=0)
    assert [problem.path for problem in (refused.value, *refused.value.also)] == [("id",), ("pay_within",), ("lines",)]


@pytest.mark.parametrize("seconds", [0, -1, MOST_SECONDS + 1])
def test_an_order_waits_for_its_payment_for_a_time(seconds: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(PLACE, pay_within=seconds)
    assert refused.value.path == ("pay_within",)


def test_a_cancellation_has_a_reason_and_a_tracking_code_an_end() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(CANCEL, reason=" ")
    assert refused.value.path == ("reason",)
    with pytest.raises(InvalidInput) as refused:
        replace(SHIP, tracking_code="x" * 101)
    assert refused.value.path == ("tracking_code",)
