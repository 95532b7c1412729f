"""What each user's orders come to: one row per user who ever ordered."""

from domain.money import Money
from domain.order import OrderEvent
from domain.order_line import OrderLine
from domain.status import OrderStatus
from engine.shapes import replace
from engine.testing import NOW, rows
from readmodels.figures import MedicineCount
from readmodels.user_orders import USER_ORDERS, UserOrdersRow
from tests.readmodels.examples import (
    TWO_ASPIRIN,
    cancelled,
    completed,
    declined,
    paid,
    placed,
    refunded,
    rejected,
    shipped,
    validated,
)

FIRST = placed()
SECOND = placed("o2", lines=(TWO_ASPIRIN,))
IN_EUROS = placed("o3", lines=(OrderLine("m3", "Ibuprofen", 2, Money(100, "EUR")),))
BOUGHT = {"m1": MedicineCount("m1", "Aspirin", 2), "m2": MedicineCount("m2", "Salbutamol", 1)}
ROW = UserOrdersRow(
    id="u1",
    total_orders=1,
    by_status={"INITIATED": 1},
    paid_orders={},
    spent={},
    bought={},
    position=1,
    version=0,
    created_at=NOW,
    updated_at=NOW,
)
PAID = replace(
    ROW, by_status={"PAID": 1}, paid_orders={"USD": 1}, spent={"USD": 1500}, bought=BOUGHT, position=3, version=0
)


def row_after(*events: OrderEvent) -> UserOrdersRow:
    return rows(USER_ORDERS, *events)["u1"]


def test_a_user_has_a_row_from_their_first_order() -> None:
    assert rows(USER_ORDERS, FIRST) == {"u1": ROW}


def test_users_are_counted_apart() -> None:
    table = rows(USER_ORDERS, FIRST, placed("o2", "u2"), validated(FIRST), paid(FIRST))
    assert table == {"u1": replace(PAID, position=4), "u2": replace(ROW, id="u2", position=2)}


def test_orders_count_as_bought_once_they_are_paid() -> None:
    assert row_after(FIRST, validated(FIRST)) == replace(ROW, by_status={"VALIDATED": 1}, position=2)
    assert row_after(FIRST, validated(FIRST), paid(FIRST)) == PAID


def test_a_second_order_adds_to_the_first() -> None:
    assert row_after(FIRST, SECOND, validated(FIRST), paid(FIRST), validated(SECOND), paid(SECOND, "p2")) == replace(
        ROW,
        total_orders=2,
        by_status={"PAID": 2},
        paid_orders={"USD": 2},
        spent={"USD": 2400},
        bought={**BOUGHT, "m1": MedicineCount("m1", "Aspirin", 4)},
        position=6,
    )


def test_currencies_are_never_added_up() -> None:
    row = row_after(FIRST, IN_EUROS, validated(FIRST), validated(IN_EUROS), paid(FIRST), paid(IN_EUROS, "p2"))
    assert (row.paid_orders, row.spent) == ({"USD": 1, "EUR": 1}, {"USD": 1500, "EUR": 200})


def test_every_order_stands_under_the_status_it_has_now() -> None:
    events = (FIRST, SECOND, IN_EUROS, validated(FIRST), validated(SECOND), paid(FIRST), shipped(FIRST))
    row = row_after(*events, completed(FIRST), cancelled(SECOND, OrderStatus.VALIDATED, "x"), rejected(IN_EUROS, "x"))
    assert (row.total_orders, row.by_status) == (3, {"COMPLETED": 1, "CANCELLED": 1, "REJECTED": 1})


def test_what_was_refunded_after_shipping_is_neither_spent_nor_bought() -> None:
    back = refunded(FIRST, OrderStatus.SHIPPED, "broken")
    assert row_after(FIRST, validated(FIRST), paid(FIRST), shipped(FIRST), back) == replace(
        ROW, by_status={"REFUNDED": 1}, position=5
    )


def test_a_paid_order_that_is_cancelled_counts_until_its_money_went_back() -> None:
    events = (FIRST, validated(FIRST), paid(FIRST), cancelled(FIRST, OrderStatus.PAID, "x", "p1"))
    assert row_after(*events) == replace(PAID, by_status={"CANCELLED": 1}, position=4)
    back = refunded(FIRST, OrderStatus.CANCELLED, "The order was cancelled.")
    assert row_after(*events, back) == replace(ROW, by_status={"REFUNDED": 1}, position=5)


def test_a_payment_that_the_order_cannot_take_changes_nothing() -> None:
    end = cancelled(FIRST, OrderStatus.INITIATED, "x")
    before = row_after(FIRST, end)
    assert row_after(FIRST, end, declined(FIRST, OrderStatus.CANCELLED, "The order is cancelled.")) == before
