"""Orders: one row per order, with its latest payment and everything that happened to either."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeAlias, assert_never

from domain.money import Money
from domain.order import (
    OrderCancelled,
    OrderCompleted,
    OrderInitiated,
    OrderPaid,
    OrderPaymentDeclined,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
)
from domain.order_line import OrderLine
from domain.payment import PaymentCreated, PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.status import OrderStatus
from engine.shapes import FIXED, Conditions, ReadModel, Recorded, Row, Value, equals, one_of, replace, those_given
from readmodels import payments
from readmodels.payments import PaymentRow

Advance: TypeAlias = OrderValidated | OrderPaid | OrderShipped | OrderCompleted
End: TypeAlias = OrderRejected | OrderCancelled | OrderRefunded
Paying: TypeAlias = PaymentCreated | PaymentSucceeded | PaymentFailed | PaymentRefunded
Source: TypeAlias = OrderInitiated | Advance | End | OrderPaymentDeclined | Paying


class TimelineEntry(Value):
    """One event of the order or of a payment for it."""

    event: str
    at: datetime
    position: int
    actor_id: str | None


class OrderRow(Row):
    id: str
    number: Annotated[str, FIXED]
    user_id: Annotated[str, FIXED]
    user_email: Annotated[str, FIXED]
    status: OrderStatus
    lines: Annotated[tuple[OrderLine, ...], FIXED]
    total: Annotated[Money, FIXED]
    timeline: tuple[TimelineEntry, ...]
    status_reason: str | None = None
    payment: PaymentRow | None = None
    "The latest one, as its own table has it: nothing else has to be read to know an order whole."
    tracking_code: str | None = None


def keys(event: Source) -> tuple[str, ...]:
    return (event.order_id,)


def apply(row: OrderRow | None, event: Source, recorded: Recorded) -> OrderRow | None:
    entry = TimelineEntry(type(event).__name__, recorded.recorded_at, recorded.position, recorded.actor_id)
    if isinstance(event, OrderInitiated):
        return OrderRow(
            id=event.order_id,
            number=event.number,
            user_id=event.user_id,
            user_email=event.user_email,
            status=OrderStatus.INITIATED,
            lines=event.lines,
            total=event.total,
            timeline=(entry,),
        )
    return row and _followed(replace(row, timeline=(*row.timeline, entry)), event, recorded)


def _followed(row: OrderRow, event: Advance | End | OrderPaymentDeclined | Paying, recorded: Recorded) -> OrderRow:
    match event:
        case PaymentCreated() | PaymentSucceeded() | PaymentFailed() | PaymentRefunded():
            return replace(row, payment=_payment(row.payment, event, recorded))
        case OrderShipped():
            return replace(row, status=event.reached, tracking_code=event.tracking_code)
        case OrderValidated() | OrderPaid() | OrderCompleted():
            return replace(row, status=event.reached)
        case OrderRejected() | OrderCancelled() | OrderRefunded():
            return replace(row, status=event.reached, status_reason=event.reason)
        case OrderPaymentDeclined():
            return row
        case _:
            assert_never(event)


def _payment(latest: PaymentRow | None, event: Paying, recorded: Recorded) -> PaymentRow | None:
    """The latest payment, with what the engine fills in where a row has a table of its own."""
    before = latest if latest and latest.id == event.payment_id else None
    after = payments.apply(before, event)
    if after is None:
        return latest  # it is about an earlier one
    return replace(
        after,
        position=recorded.position,
        version=recorded.version,
        created_at=before.created_at if before else recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )


def where(
    *,
    ids: Sequence[str] | None = None,
    user_id: str | None = None,
    statuses: Sequence[OrderStatus] | None = None,
    number: str | None = None,
) -> Conditions:
    """The orders that a filter means: every condition given must hold."""
    return those_given(
        one_of("id", ids),
        equals("user_id", user_id),
        one_of("status", statuses),
        equals("number", number),
    )


ORDERS = ReadModel(
    "orders",
    row=OrderRow,
    keys=keys,
    apply=apply,
    version=1,
    of="order",
    order=("-created_at",),
    indexes=("user_id", "number", "status"),
)
