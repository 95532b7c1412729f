"""How a payment is made."""

from enum import Enum


class PaymentMethod(Enum):
    CARD = "CARD"
    CASH = "CASH"
    TRANSFER = "TRANSFER"
