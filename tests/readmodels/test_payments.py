"""The payments: one row per payment, from its attempt to its outcome."""

from domain.money import Money
from domain.payment import PaymentEvent
from domain.payment_method import PaymentMethod
from domain.status import PaymentStatus
from engine.shapes import equals, one_of, replace
from engine.testing import NOW, rows
from readmodels.payments import PAYMENTS, PaymentRow, where
from tests.readmodels.examples import payment_created, payment_failed, payment_refunded, payment_succeeded, placed

ORDER = placed()
ROW = PaymentRow(
    id="p1",
    order_id="o1",
    order_number="20300101-o1",
    user_id="u1",
    amount=Money(1500),
    method=PaymentMethod.CARD,
    status=PaymentStatus.CREATED,
    status_reason=None,
    position=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


def row_after(*events: PaymentEvent) -> PaymentRow:
    return rows(PAYMENTS, *events)["p1"]


def test_a_payment_is_there_from_its_attempt() -> None:
    assert rows(PAYMENTS, payment_created(ORDER)) == {"p1": ROW}


def test_the_money_has_arrived() -> None:
    arrived = replace(ROW, status=PaymentStatus.SUCCEEDED, position=2, version=2)
    assert row_after(payment_created(ORDER), payment_succeeded(ORDER)) == arrived


def test_a_payment_that_failed_says_why() -> None:
    failed = replace(ROW, status=PaymentStatus.FAILED, status_reason="card expired", position=2, version=2)
    assert row_after(payment_created(ORDER), payment_failed(ORDER, "card expired")) == failed


def test_a_payment_that_went_back_says_why() -> None:
    refunded = replace(ROW, status=PaymentStatus.REFUNDED, status_reason="broken", position=3, version=3)
    assert row_after(payment_created(ORDER), payment_succeeded(ORDER), payment_refunded(ORDER, "broken")) == refunded


def test_two_payments_for_one_order_are_two_rows() -> None:
    table = rows(
        PAYMENTS,
        payment_created(ORDER),
        payment_failed(ORDER, "card expired"),
        payment_created(ORDER, "p2"),
        payment_succeeded(ORDER, "p2"),
    )
    assert table == {
        "p1": replace(ROW, status=PaymentStatus.FAILED, status_reason="card expired", position=2, version=2),
        "p2": replace(ROW, id="p2", status=PaymentStatus.SUCCEEDED, position=4, version=2),
    }


def test_what_became_of_no_known_payment_makes_no_row() -> None:
    assert rows(PAYMENTS, payment_succeeded(ORDER), payment_failed(ORDER, "x"), payment_refunded(ORDER, "x")) == {}


def test_a_filter_without_conditions_means_every_payment() -> None:
    assert where() == ()


def test_every_condition_of_a_filter_must_hold() -> None:
    statuses = [PaymentStatus.CREATED, PaymentStatus.FAILED]
    assert where(ids=["p1"], user_id="u1", statuses=statuses, order_number="20300101-o1") == (
        one_of("id", ("p1",)),
        equals("user_id", "u1"),
        one_of("status", tuple(statuses)),
        equals("order_number", "20300101-o1"),
    )


def test_an_empty_list_means_no_payment() -> None:
    assert where(ids=[], statuses=[]) == (one_of("id", ()), one_of("status", ()))
