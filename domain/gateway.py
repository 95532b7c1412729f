"""What is asked of a payment gateway."""

from domain.money import Money
from domain.payment_method import PaymentMethod
from engine.shapes import Effect


class ChargePayment(Effect):
    """Take the money. Known by its payment: asked again, it is the same charge."""

    payment_id: str
    order_number: str
    amount: Money
    method: PaymentMethod


class RefundCharge(Effect):
    """Give the money of a payment back."""

    payment_id: str
    amount: Money
