"""The catalogue: one row per medicine, as customers see it."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, assert_never

from domain.medicine import MedicineDiscontinued, MedicinePriceChanged, MedicineRegistered
from domain.money import Money
from domain.stock import (
    StockAdjusted,
    StockDispatched,
    StockRanLow,
    StockReceived,
    StockReleased,
    StockReservationDeclined,
    StockReserved,
)
from engine.shapes import FIXED, SEARCH, Conditions, ReadModel, Row, at_most, equals, one_of, replace, those_given

Counted: TypeAlias = StockReceived | StockAdjusted
SetAside: TypeAlias = StockReserved | StockReleased | StockDispatched
Sold: TypeAlias = MedicineRegistered | MedicinePriceChanged | MedicineDiscontinued
Source: TypeAlias = SetAside | Counted | Sold | StockReservationDeclined | StockRanLow


class MedicineRow(Row):
    id: str
    name: Annotated[str, SEARCH, FIXED]
    generic_name: Annotated[str, SEARCH, FIXED]
    manufacturer: Annotated[str, SEARCH, FIXED]
    strength: Annotated[str, FIXED]
    price: Money
    stock_quantity: int
    is_available: bool
    reserved_quantity: int = 0
    is_discontinued: bool = False


def keys(event: Source) -> tuple[str, ...]:
    return (event.medicine_id,)


def apply(row: MedicineRow | None, event: Source) -> MedicineRow | None:
    match event:
        case StockReserved() | StockReleased() | StockDispatched():
            return row and _stocked(row, event.stock_quantity, event.reserved_quantity)
        case StockReceived() | StockAdjusted():
            return row and _stocked(row, event.stock_quantity, row.reserved_quantity)
        case StockReservationDeclined() | StockRanLow():
            return row
        case MedicinePriceChanged():
            return row and replace(row, price=event.price)
        case MedicineRegistered():
            return MedicineRow(
                id=event.medicine_id,
                name=event.name,
                generic_name=event.generic_name,
                manufacturer=event.manufacturer,
                strength=event.strength,
                price=event.price,
                stock_quantity=event.stock_quantity,
                is_available=event.stock_quantity > 0,
            )
        case MedicineDiscontinued():
            return row and replace(row, is_discontinued=True, is_available=False)
        case _:
            assert_never(event)


def _stocked(row: MedicineRow, stock_quantity: int, reserved_quantity: int) -> MedicineRow:
    return replace(
        row,
        stock_quantity=stock_quantity,
        reserved_quantity=reserved_quantity,
        is_available=stock_quantity > reserved_quantity and not row.is_discontinued,
    )


def where(
    *,
    ids: Sequence[str] | None = None,
    manufacturer: str | None = None,
    is_available: bool | None = None,
    max_price: Money | None = None,
) -> Conditions:
    """The medicines that a filter means: every condition given must hold."""
    return those_given(
        one_of("id", ids),
        equals("manufacturer", manufacturer),
        equals("is_available", is_available),
        at_most("price.units", max_price and max_price.units),
    )


MEDICINES = ReadModel(
    "medicines", row=MedicineRow, keys=keys, apply=apply, version=2, of="medicine", order=("name", "strength")
)
