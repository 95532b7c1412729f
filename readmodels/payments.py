"""Payments: one row per payment, from its attempt to its outcome."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, assert_never

from domain.money import Money
from domain.payment import PaymentCreated, PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.payment_method import PaymentMethod
from domain.status import PaymentStatus
from engine.shapes import FIXED, Conditions, ReadModel, Row, equals, one_of, replace, those_given

Source: TypeAlias = PaymentSucceeded | PaymentCreated | PaymentFailed | PaymentRefunded


class PaymentRow(Row):
    id: str
    order_id: Annotated[str, FIXED]
    order_number: Annotated[str, FIXED]
    user_id: Annotated[str, FIXED]
    amount: Annotated[Money, FIXED]
    method: Annotated[PaymentMethod, FIXED]
    status: PaymentStatus
    status_reason: str | None = None


def keys(event: Source) -> tuple[str, ...]:
    return (event.payment_id,)


def apply(row: PaymentRow | None, event: Source) -> PaymentRow | None:
    match event:
        case PaymentSucceeded():
            return row and replace(row, status=event.reached, status_reason=None)
        case PaymentCreated():
            return PaymentRow(
                id=event.payment_id,
                order_id=event.order_id,
                order_number=event.order_number,
                user_id=event.user_id,
                amount=event.amount,
                method=event.method,
                status=event.reached,
            )
        case PaymentFailed() | PaymentRefunded():
            return row and replace(row, status=event.reached, status_reason=event.reason)
        case _:
            assert_never(event)


def where(
    *,
    ids: Sequence[str] | None = None,
    user_id: str | None = None,
    statuses: Sequence[PaymentStatus] | None = None,
    order_number: str | None = None,
) -> Conditions:
    """The payments that a filter means: every condition given must hold."""
    return those_given(
        one_of("id", ids),
        equals("user_id", user_id),
        one_of("status", statuses),
        equals("order_number", order_number),
    )


PAYMENTS = ReadModel(
    "payments",
    row=PaymentRow,
    keys=keys,
    apply=apply,
    version=1,
    of="payment",
    order=("-created_at",),
    indexes=("user_id", "order_number", "order_id"),
)
