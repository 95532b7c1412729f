"""The lines of an order: how many of each medicine, at the price it had when the order was placed."""

from collections.abc import Sequence

from domain.money import MOST_UNITS, Money
from domain.text import named, whole
from engine.refusals import InvalidInput, check
from engine.shapes import Value

MOST_LINES = 50
MOST_QUANTITY = 10_000


class OrderLine(Value):
    medicine_id: str
    name: str
    quantity: int
    unit_price: Money

    def __post_init__(self) -> None:
        check(whole("quantity", self.quantity, 1, MOST_QUANTITY))

    @property
    def total_units(self) -> int:
        """What the line comes to, in hundredths."""
        return self.unit_price.units * self.quantity


def total(lines: Sequence[OrderLine]) -> Money:
    """What lines come to that nothing is amiss with."""
    return Money(sum(line.total_units for line in lines), lines[0].unit_price.currency)


def amiss(lines: Sequence[OrderLine]) -> InvalidInput | None:
    """What keeps lines from being an order: their number, a medicine twice, several currencies, too large a sum."""
    if not 1 <= len(lines) <= MOST_LINES:
        return InvalidInput(f"An order has 1 to {MOST_LINES} lines; this has {len(lines)}.", ["lines"])
    ids = [line.medicine_id for line in lines]
    for place, line in enumerate(lines):
        path = ["lines", str(place), "medicine_id"]
        if (first := ids.index(line.medicine_id)) < place:
            return InvalidInput(f"{named(line.medicine_id)} is in line {first} already.", path)
        if line.unit_price.currency != lines[0].unit_price.currency:
            return InvalidInput("All lines of an order have one currency.", path)
    if sum(line.total_units for line in lines) > MOST_UNITS:
        return InvalidInput(f"An order comes to at most {MOST_UNITS // 100}.", ["lines"])
    return None
