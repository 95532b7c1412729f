"""Figures in the API: counts of orders by status and of medicines, averages."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Self

import strawberry

from readmodels import figures
from schema.enums import OrderStatus
from schema.money import MoneyType

MOST_MEDICINES = 10


@strawberry.type(description="How many orders stand somewhere.")
class StatusCount:
    status: OrderStatus = strawberry.field(description="Where.")
    count: int = strawberry.field(description="How many, at least 1.")

    @classmethod
    def all(cls, by_status: Mapping[str, int]) -> list[Self]:
        """Every status with an order, in the order of an order's life."""
        return [cls(status=each, count=by_status[each.value]) for each in OrderStatus if by_status.get(each.value)]


@strawberry.type(description="How many of a medicine.")
class MedicineCount:
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    name: str = strawberry.field(description="Its name when it was last ordered.")
    quantity: int = strawberry.field(description="How many.")

    @classmethod
    def top(cls, counts: Mapping[str, figures.MedicineCount]) -> list[Self]:
        """The medicines of which there are most, those with as many by name."""
        return [
            cls(medicine_id=strawberry.ID(each.medicine_id), name=each.name, quantity=each.quantity)
            for each in figures.top(counts, MOST_MEDICINES)
            if each.quantity > 0
        ]


def average(units: int, count: int, currency: str) -> MoneyType:
    """A sum divided by a count, rounded half even to the hundredth; nothing for a count of nothing."""
    return MoneyType.sum(round(Fraction(units, count)) if count else 0, currency)
