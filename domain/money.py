"""Money: an exact amount in one currency."""

from decimal import Decimal

from engine.refusals import InvalidInput
from engine.shapes import Value

HUNDREDTH = Decimal("0.01")
MOST_UNITS = 10**12
"Ten thousand million in whole currency: far above any price, far below what sums could overflow."


class Money(Value, order=True):
    """An amount counted in hundredths, so that sums are exact."""

    units: int
    currency: str = "USD"

    def __post_init__(self) -> None:
        if not 0 <= self.units <= MOST_UNITS:
            raise InvalidInput(f"An amount must lie between 0 and {MOST_UNITS // 100}.")
        if not (
            len(self.currency) == 3 and self.currency.isascii() and self.currency.isalpha() and self.currency.isupper()
        ):
            raise InvalidInput("A currency is three capital letters, for example USD.", ["currency"])

    @classmethod
    def of(cls, amount: Decimal, currency: str = "USD", field: str = "price") -> "Money":
        """From a decimal amount. Raises InvalidInput, naming `field`, when it is not a whole number of hundredths."""
        if not amount.is_finite() or amount.adjusted() > 12:
            raise InvalidInput(f"An amount must lie between 0 and {MOST_UNITS // 100}.", [field])
        # Comparing is exact; a product would be rounded to 28 digits first, and let a long fraction through.
        rounded = amount.quantize(HUNDREDTH)
        if rounded != amount:
            raise InvalidInput("An amount has at most two digits after the point.", [field])
        units = int(rounded.scaleb(2))
        if not 0 <= units <= MOST_UNITS:
            raise InvalidInput(f"An amount must lie between 0 and {MOST_UNITS // 100}.", [field])
        return cls(units, currency)

    @property
    def amount(self) -> Decimal:
        return Decimal(self.units).scaleb(-2)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
