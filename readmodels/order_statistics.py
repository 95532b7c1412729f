"""Statistics over all orders: one row per currency."""

from typing import TypeAlias, assert_never

from domain.order import (
    OrderCancelled,
    OrderCompleted,
    OrderInitiated,
    OrderPaid,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
)
from domain.status import OrderStatus
from engine.shapes import ReadModel, Recorded, Row, Value, replace
from readmodels import figures
from readmodels.figures import MedicineCount, added, moved

Settled: TypeAlias = OrderPaid | OrderRefunded
Step: TypeAlias = OrderValidated | OrderShipped | OrderCompleted | OrderRejected | OrderCancelled
Source: TypeAlias = OrderInitiated | Settled | Step


class DayFigures(Value):
    orders: int = 0
    "Placed on that day."
    revenue: int = 0
    "Paid on that day minus refunded on it, in hundredths; so it may be less than nothing."


class OrderStatisticsRow(Row):
    id: str
    total_orders: int = 0
    paid_orders: int = 0
    "Those that were paid and not refunded."
    revenue: int = 0
    "What those come to, in hundredths."
    by_status: dict[str, int] = {}  # noqa: RUF012  # msgspec gives each row its own
    "By the value of the status."
    by_day: dict[str, DayFigures] = {}  # noqa: RUF012
    "By the day in UTC, for example 2030-01-31; only days on which something happened."
    sold: dict[str, MedicineCount] = {}  # noqa: RUF012
    "By medicine: how many are in orders that were paid and not refunded."


def keys(event: Source) -> tuple[str, ...]:
    return (event.total.currency,)


def apply(row: OrderStatisticsRow | None, event: Source, recorded: Recorded) -> OrderStatisticsRow:
    row, day = row or OrderStatisticsRow(id=event.total.currency), recorded.recorded_at.date().isoformat()
    if isinstance(event, OrderInitiated):
        by_status = added(row.by_status, OrderStatus.INITIATED.value, 1)
        row = replace(row, total_orders=row.total_orders + 1, by_status=by_status)
        return _on_day(row, day, orders=1)
    row = replace(row, by_status=moved(row.by_status, event.was, event.reached))
    match event:
        case OrderPaid() | OrderRefunded():
            return _settled(row, event, day)
        case OrderValidated() | OrderShipped() | OrderCompleted() | OrderRejected() | OrderCancelled():
            return row
        case _:
            assert_never(event)


def _settled(row: OrderStatisticsRow, event: Settled, day: str) -> OrderStatisticsRow:
    is_paid = isinstance(event, OrderPaid)
    units = event.total.units if is_paid else -event.total.units
    row = replace(
        row,
        paid_orders=row.paid_orders + (1 if is_paid else -1),
        revenue=row.revenue + units,
        sold=(figures.bought if is_paid else figures.returned)(row.sold, event.lines),
    )
    return _on_day(row, day, revenue=units)


def _on_day(row: OrderStatisticsRow, day: str, orders: int = 0, revenue: int = 0) -> OrderStatisticsRow:
    before = row.by_day.get(day, DayFigures())
    after = DayFigures(orders=before.orders + orders, revenue=before.revenue + revenue)
    return replace(row, by_day={**row.by_day, day: after})


ORDER_STATISTICS = ReadModel("order_statistics", row=OrderStatisticsRow, keys=keys, apply=apply, version=1)
