"""Figures that several tables keep: sums by a key, and how many of each medicine."""

from collections.abc import Mapping, Sequence

from domain.order_line import OrderLine
from domain.status import OrderStatus
from engine.shapes import Value


class MedicineCount(Value):
    medicine_id: str
    name: str
    quantity: int


def added(sums: Mapping[str, int], key: str, number: int) -> dict[str, int]:
    """The sums with a number more under a key. One that comes to nothing is not kept."""
    after = {**sums, key: sums.get(key, 0) + number}
    if not after[key]:
        del after[key]
    return after


def moved(by_status: Mapping[str, int], was: OrderStatus, now: OrderStatus) -> dict[str, int]:
    """How many orders have each status, after one went from `was` to `now`."""
    return added(added(by_status, was.value, -1), now.value, 1)


def bought(counts: Mapping[str, MedicineCount], lines: Sequence[OrderLine]) -> dict[str, MedicineCount]:
    """The counts with what some lines are about. The key is the medicine's id."""
    return _counted(counts, lines, 1)


def returned(counts: Mapping[str, MedicineCount], lines: Sequence[OrderLine]) -> dict[str, MedicineCount]:
    """The counts without what some lines are about."""
    return _counted(counts, lines, -1)


def _counted(counts: Mapping[str, MedicineCount], lines: Sequence[OrderLine], sign: int) -> dict[str, MedicineCount]:
    after = dict(counts)
    for line in lines:
        known = after.pop(line.medicine_id, None)
        # Below zero is kept: what brings it back to zero may be still to come.
        if quantity := (known.quantity if known else 0) + sign * line.quantity:
            after[line.medicine_id] = MedicineCount(line.medicine_id, line.name, quantity)
    return after


def top(counts: Mapping[str, MedicineCount], number: int) -> list[MedicineCount]:
    """The medicines of which there are most, those with as many by their name."""
    return sorted(counts.values(), key=lambda each: (-each.quantity, each.name, each.medicine_id))[:number]
