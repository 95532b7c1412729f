"""What the shop asks of whoever moves the money."""

from domain.money import Money
from domain.payment_method import PaymentMethod
from engine.shapes import Effect


class ChargePayment(Effect):
    payment_id: str
    order_number: str
    amount: Money
    method: PaymentMethod


class RefundCharge(Effect):
    payment_id: str
    amount: Money
