"""The statistics over all orders: one row per currency."""

from datetime import UTC, datetime

from domain.money import Money
from domain.order import OrderEvent
from domain.order_line import OrderLine
from domain.status import OrderStatus
from engine.shapes import replace
from engine.testing import NOW, recorded, rows
from readmodels.figures import MedicineCount
from readmodels.order_statistics import ORDER_STATISTICS, DayFigures, OrderStatisticsRow
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
SECOND = placed("o2", "u2", lines=(TWO_ASPIRIN,))
IN_EUROS = placed("o3", lines=(OrderLine("m3", "Ibuprofen", 2, Money(100, "EUR")),))
SOLD = {"m1": MedicineCount("m1", "Aspirin", 2), "m2": MedicineCount("m2", "Salbutamol", 1)}
TODAY = "2030-01-01"
ROW = OrderStatisticsRow(
    id="USD",
    total_orders=1,
    paid_orders=0,
    revenue=0,
    by_status={"INITIATED": 1},
    by_day={TODAY: DayFigures(orders=1, revenue=0)},
    sold={},
    position=1,
    version=0,
    created_at=NOW,
    updated_at=NOW,
)
PAID = replace(
    ROW,
    paid_orders=1,
    revenue=1500,
    by_status={"PAID": 1},
    by_day={TODAY: DayFigures(orders=1, revenue=1500)},
    sold=SOLD,
    position=3,
)


def row_after(*events: OrderEvent) -> OrderStatisticsRow:
    return rows(ORDER_STATISTICS, *events)["USD"]


def test_nothing_ordered_is_no_row() -> None:
    assert rows(ORDER_STATISTICS) == {}


def test_an_order_is_counted_when_it_is_placed() -> None:
    assert rows(ORDER_STATISTICS, FIRST) == {"USD": ROW}


def test_an_order_is_revenue_once_it_is_paid() -> None:
    assert row_after(FIRST, validated(FIRST)) == replace(ROW, by_status={"VALIDATED": 1}, position=2)
    assert row_after(FIRST, validated(FIRST), paid(FIRST)) == PAID


def test_the_orders_of_all_users_are_added_up() -> None:
    assert row_after(FIRST, SECOND, validated(FIRST), paid(FIRST), validated(SECOND), paid(SECOND, "p2")) == replace(
        PAID,
        total_orders=2,
        paid_orders=2,
        revenue=2400,
        by_status={"PAID": 2},
        by_day={TODAY: DayFigures(orders=2, revenue=2400)},
        sold={**SOLD, "m1": MedicineCount("m1", "Aspirin", 4)},
        position=6,
    )


def test_each_currency_has_a_row_of_its_own() -> None:
    table = rows(ORDER_STATISTICS, FIRST, IN_EUROS, validated(IN_EUROS), paid(IN_EUROS))
    euros = replace(
        ROW,
        id="EUR",
        paid_orders=1,
        revenue=200,
        by_status={"PAID": 1},
        by_day={TODAY: DayFigures(orders=1, revenue=200)},
        sold={"m3": MedicineCount("m3", "Ibuprofen", 2)},
        position=4,
    )
    assert table == {"USD": ROW, "EUR": euros}


def test_every_order_stands_under_the_status_it_has_now() -> None:
    third = placed("o3")
    events = (FIRST, SECOND, third, validated(FIRST), validated(SECOND), paid(FIRST), shipped(FIRST), completed(FIRST))
    row = row_after(*events, cancelled(SECOND, OrderStatus.VALIDATED, "x"), rejected(third, "x"))
    assert (row.total_orders, row.by_status) == (3, {"COMPLETED": 1, "CANCELLED": 1, "REJECTED": 1})


def test_what_was_refunded_after_shipping_is_neither_revenue_nor_sold() -> None:
    back = refunded(FIRST, OrderStatus.SHIPPED, "broken")
    assert row_after(FIRST, validated(FIRST), paid(FIRST), shipped(FIRST), back) == replace(
        ROW, by_status={"REFUNDED": 1}, position=5
    )


def test_a_paid_order_that_is_cancelled_is_revenue_until_its_money_went_back() -> None:
    events = (FIRST, validated(FIRST), paid(FIRST), cancelled(FIRST, OrderStatus.PAID, "x", "p1"))
    assert row_after(*events) == replace(PAID, by_status={"CANCELLED": 1}, position=4)
    back = refunded(FIRST, OrderStatus.CANCELLED, "The order was cancelled.")
    assert row_after(*events, back) == replace(ROW, by_status={"REFUNDED": 1}, position=5)


def test_a_payment_that_the_order_cannot_take_changes_nothing() -> None:
    end = cancelled(FIRST, OrderStatus.INITIATED, "x")
    before = row_after(FIRST, end)
    assert row_after(FIRST, end, declined(FIRST, OrderStatus.CANCELLED, "The order is cancelled.")) == before


def test_orders_belong_to_the_day_they_were_placed_and_money_to_the_day_it_moved() -> None:
    back = refunded(FIRST, OrderStatus.PAID, "broken")
    log = recorded(FIRST, validated(FIRST), paid(FIRST), SECOND, validated(SECOND), paid(SECOND, "p2"), back)
    late, midnight = datetime(2030, 1, 1, 23, 59, 59, 999999, UTC), datetime(2030, 1, 2, tzinfo=UTC)
    third = datetime(2030, 1, 3, 8, tzinfo=UTC)
    at = [late, late, midnight, midnight, midnight, midnight, third]
    told = [replace(entry, recorded_at=at[place]) for place, entry in enumerate(log)]
    row = rows(ORDER_STATISTICS, *told)["USD"]
    assert row.by_day == {
        "2030-01-01": DayFigures(orders=1, revenue=0),
        "2030-01-02": DayFigures(orders=1, revenue=2400),
        "2030-01-03": DayFigures(orders=0, revenue=-1500),
    }
    assert (row.total_orders, row.paid_orders, row.revenue) == (2, 1, 900)
