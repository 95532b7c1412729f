"""Money in the API."""

from decimal import Decimal
from functools import lru_cache
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
        return cls.sum(money.units, money.currency)

    @classmethod
    def sum(cls, units: int, currency: str) -> Self:
        """A sum in hundredths, which may lie below zero and above what any price may be."""
        return cls(amount=_amount(units), currency=currency)


# A shop has far fewer prices than things at a price.
@lru_cache(maxsize=4096)
def _amount(units: int) -> Decimal:
    return Decimal(units).scaleb(-2)
