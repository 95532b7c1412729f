"""How a customer pays."""

from enum import Enum


class PaymentMethod(Enum):
    """The value is what is stored."""

    CARD = "CARD"
    CASH = "CASH"
    TRANSFER = "TRANSFER"
