"""Notices: what people are told of what happens, in words."""

from enum import Enum
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
from domain.payment import PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.stock import StockRanLow
from domain.user import UserEmailChanged, UserRegistered, UserSuspended
from engine.shapes import Value


class NotificationKind(Enum):
    WELCOME = "WELCOME"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    USER_SUSPENDED = "USER_SUSPENDED"
    LOW_STOCK = "LOW_STOCK"
    ORDER_STATUS = "ORDER_STATUS"
    PAYMENT_STATUS = "PAYMENT_STATUS"


OrderTold: TypeAlias = (
    OrderInitiated
    | OrderValidated
    | OrderRejected
    | OrderPaid
    | OrderShipped
    | OrderCompleted
    | OrderCancelled
    | OrderRefunded
)
PaymentTold: TypeAlias = PaymentSucceeded | PaymentFailed | PaymentRefunded
UserTold: TypeAlias = UserRegistered | UserEmailChanged | UserSuspended
Told: TypeAlias = OrderTold | PaymentTold | UserTold | StockRanLow


class Notice(Value):
    """One message about one event. Without a recipient it is for the administrators."""

    kind: NotificationKind
    recipient_id: str | None
    subject: str
    message: str


def notice(event: Told) -> Notice:
    match event:
        case StockRanLow():
            left = f"{event.available_quantity} of {event.name} are left to sell."
            message = f"{left} The threshold is {event.low_stock_threshold}."
            return Notice(NotificationKind.LOW_STOCK, None, f"Low stock: {event.name}", message)
        case UserRegistered() | UserEmailChanged() | UserSuspended():
            return _about_user(event)
        case PaymentSucceeded() | PaymentFailed() | PaymentRefunded():
            subject = f"Payment for order {event.order_number}"
            return Notice(NotificationKind.PAYMENT_STATUS, event.user_id, subject, _about_payment(event))
        case _:
            subject = f"Order {event.number}"
            return Notice(NotificationKind.ORDER_STATUS, event.user_id, subject, _about_order(event))


def _about_user(event: UserTold) -> Notice:
    match event:
        case UserRegistered():
            message = f"Welcome, {event.first_name}. Your account is ready."
            return Notice(NotificationKind.WELCOME, event.user_id, "Welcome", message)
        case UserEmailChanged():
            message = f"Your email address is now {event.email}; it was {event.previous_email}."
            return Notice(NotificationKind.EMAIL_CHANGED, event.user_id, "Your email address was changed", message)
        case UserSuspended():
            message = f"{event.email} was suspended: {event.reason}"
            return Notice(NotificationKind.USER_SUSPENDED, None, "A user was suspended", message)
        case _:
            assert_never(event)


def _about_payment(event: PaymentTold) -> str:
    what = f"Your payment of {event.amount} for order {event.order_number}"
    match event:
        case PaymentSucceeded():
            return f"{what} has arrived."
        case PaymentFailed():
            return f"{what} failed: {event.reason}"
        case PaymentRefunded():
            return f"{what} was refunded: {event.reason}"
        case _:
            assert_never(event)


def _about_order(event: OrderTold) -> str:
    what = f"Your order {event.number}"
    match event:
        case OrderInitiated():
            return f"{what} over {event.total} has come in."
        case OrderValidated():
            return f"{what} is reserved for you and waits for your payment."
        case OrderRejected() | OrderCancelled():
            return f"{what} was {event.reached.value.lower()}: {event.reason}"
        case OrderPaid():
            return f"{what} is paid."
        case OrderShipped():
            return f"{what} is on its way." + (f" Tracking code: {event.tracking_code}." if event.tracking_code else "")
        case OrderCompleted() | OrderRefunded():
            return f"{what} is {event.reached.value.lower()}."
        case _:
            assert_never(event)
