"""Money in the API."""

from decimal import Decimal
from typing import Self

import strawberry

from domain.money import Money

USUAL_CURRENCY = "USD"
"Where a client does not say which."


@strawberry.type(name="Money", description="An exact amount in one currency.")
class MoneyType:
    amount: Decimal = strawberry.field(description="How much, with two digits after the point.")
    currency: str = strawberry.field(description="Three capital letters, for example USD.")

    @classmethod
    def of(cls, money: Money) -> Self:
        return cls(amount=money.amount, currency=money.currency)

    @classmethod
    def sum(cls, units: int, currency: str) -> Self:
        """A sum in hundredths, which may lie below zero and above what any price may be."""
        return cls(amount=Decimal(units).scaleb(-2), currency=currency)
