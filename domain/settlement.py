"""Settlement: a payment's way through the gateway to its order, and back when the order cannot keep it."""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from domain.gateway import ChargePayment, RefundCharge
from domain.order import MarkOrderPaid, OrderCancelled, OrderPaymentDeclined, RecordRefund
from domain.payment import PaymentCreated, PaymentRefunded, PaymentSucceeded, RefundPayment
from engine.shapes import Command, Effect, Process, State

Source: TypeAlias = PaymentCreated | PaymentSucceeded | PaymentRefunded | OrderCancelled | OrderPaymentDeclined


class Settlement(State):
    """Nothing: each step follows from the event alone."""


def key(event: Source) -> str:
    return event.order_id


def evolve(settlement: Settlement, event: Source) -> Settlement:
    return settlement


def react(settlement: Settlement, event: Source) -> Sequence[Command | Effect]:
    match event:
        case PaymentCreated():
            return [
                ChargePayment(
                    payment_id=event.payment_id,
                    order_number=event.order_number,
                    amount=event.amount,
                    method=event.method,
                )
            ]
        case PaymentSucceeded():
            return [MarkOrderPaid(order_id=event.order_id, payment_id=event.payment_id, amount=event.amount)]
        case OrderPaymentDeclined():
            return [RefundPayment(payment_id=event.payment_id, reason=event.reason)]
        case OrderCancelled():
            reason = "The order was cancelled."
            return [RefundPayment(payment_id=event.payment_id, reason=reason)] if event.payment_id else []
        case PaymentRefunded():
            return [
                RefundCharge(payment_id=event.payment_id, amount=event.amount),
                RecordRefund(order_id=event.order_id, payment_id=event.payment_id, reason=event.reason),
            ]
        case _:
            assert_never(event)


SETTLEMENT = Process("settlement", key=key, initial=Settlement(), evolve=evolve, react=react)
