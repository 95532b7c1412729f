"""Events of orders and payments that the examples share: each is made from the placing of its order."""

from datetime import timedelta
from typing import Any

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
from domain.order_line import OrderLine, total
from domain.payment import PaymentCreated, PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus
from engine.testing import NOW

TWO_ASPIRIN = OrderLine("m1", "Aspirin", 2, Money(450))
ONE_SALBUTAMOL = OrderLine("m2", "Salbutamol", 1, Money(600))


def placed(
    order_id: str = "o1", user_id: str = "u1", lines: tuple[OrderLine, ...] = (TWO_ASPIRIN, ONE_SALBUTAMOL)
) -> OrderInitiated:
    return OrderInitiated(
        order_id=order_id,
        number=f"20300101-{order_id}",
        user_id=user_id,
        user_email=f"{user_id}@example.org",
        lines=lines,
        total=total(lines),
        pay_before=NOW + timedelta(hours=1),
    )


def _told(order: OrderInitiated, was: OrderStatus) -> dict[str, Any]:
    told = {name: getattr(order, name) for name in ("order_id", "number", "user_id", "total")}
    return {**told, "was": was}


def validated(order: OrderInitiated) -> OrderValidated:
    return OrderValidated(**_told(order, OrderStatus.INITIATED))


def rejected(order: OrderInitiated, reason: str) -> OrderRejected:
    return OrderRejected(**_told(order, OrderStatus.INITIATED), reason=reason)


def paid(order: OrderInitiated, payment_id: str = "p1") -> OrderPaid:
    return OrderPaid(**_told(order, OrderStatus.VALIDATED), payment_id=payment_id, lines=order.lines)


def declined(order: OrderInitiated, was: OrderStatus, reason: str, payment_id: str = "p1") -> OrderPaymentDeclined:
    return OrderPaymentDeclined(**_told(order, was), payment_id=payment_id, reason=reason)


def shipped(order: OrderInitiated, tracking_code: str | None = None) -> OrderShipped:
    return OrderShipped(**_told(order, OrderStatus.PAID), tracking_code=tracking_code)


def completed(order: OrderInitiated) -> OrderCompleted:
    return OrderCompleted(**_told(order, OrderStatus.SHIPPED))


def cancelled(order: OrderInitiated, was: OrderStatus, reason: str, payment_id: str | None = None) -> OrderCancelled:
    return OrderCancelled(**_told(order, was), reason=reason, payment_id=payment_id)


def refunded(order: OrderInitiated, was: OrderStatus, reason: str, payment_id: str = "p1") -> OrderRefunded:
    return OrderRefunded(**_told(order, was), payment_id=payment_id, reason=reason, lines=order.lines)


def _of(order: OrderInitiated, payment_id: str) -> dict[str, Any]:
    return {
        "payment_id": payment_id,
        "order_id": order.order_id,
        "order_number": order.number,
        "user_id": order.user_id,
        "amount": order.total,
    }


def payment_created(order: OrderInitiated, payment_id: str = "p1") -> PaymentCreated:
    return PaymentCreated(**_of(order, payment_id), method=PaymentMethod.CARD)


def payment_succeeded(order: OrderInitiated, payment_id: str = "p1") -> PaymentSucceeded:
    return PaymentSucceeded(**_of(order, payment_id))


def payment_failed(order: OrderInitiated, reason: str, payment_id: str = "p1") -> PaymentFailed:
    return PaymentFailed(**_of(order, payment_id), reason=reason)


def payment_refunded(order: OrderInitiated, reason: str, payment_id: str = "p1") -> PaymentRefunded:
    return PaymentRefunded(**_of(order, payment_id), reason=reason)
