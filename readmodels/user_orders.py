"""What each user's orders come to: one row per user who ever ordered."""

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
from engine.shapes import ReadModel, Row, replace
from readmodels import figures
from readmodels.figures import MedicineCount, added, moved

Settled: TypeAlias = OrderPaid | OrderRefunded
Step: TypeAlias = OrderValidated | OrderShipped | OrderCompleted | OrderRejected | OrderCancelled
Source: TypeAlias = OrderInitiated | Settled | Step


class UserOrdersRow(Row):
    id: str
    total_orders: int = 0
    by_status: dict[str, int] = {}  # noqa: RUF012  # msgspec gives each row its own
    "By the value of the status."
    paid_orders: dict[str, int] = {}  # noqa: RUF012
    "By currency: those that were paid and not refunded."
    spent: dict[str, int] = {}  # noqa: RUF012
    "By currency, in hundredths: what those come to."
    bought: dict[str, MedicineCount] = {}  # noqa: RUF012
    "By medicine: how many they hold."


def keys(event: Source) -> tuple[str, ...]:
    return (event.user_id,)


def apply(row: UserOrdersRow | None, event: Source) -> UserOrdersRow:
    row = row or UserOrdersRow(id=event.user_id)
    if isinstance(event, OrderInitiated):
        return replace(
            row, total_orders=row.total_orders + 1, by_status=added(row.by_status, OrderStatus.INITIATED.value, 1)
        )
    row = replace(row, by_status=moved(row.by_status, event.was, event.reached))
    match event:
        case OrderPaid() | OrderRefunded():
            return _settled(row, event)
        case OrderValidated() | OrderShipped() | OrderCompleted() | OrderRejected() | OrderCancelled():
            return row
        case _:
            assert_never(event)


def _settled(row: UserOrdersRow, event: Settled) -> UserOrdersRow:
    is_paid, currency, units = isinstance(event, OrderPaid), event.total.currency, event.total.units
    return replace(
        row,
        paid_orders=added(row.paid_orders, currency, 1 if is_paid else -1),
        spent=added(row.spent, currency, units if is_paid else -units),
        bought=(figures.bought if is_paid else figures.returned)(row.bought, event.lines),
    )


USER_ORDERS = ReadModel("user_orders", row=UserOrdersRow, keys=keys, apply=apply, version=1)
