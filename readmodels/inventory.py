"""The inventory: one row per medicine, as the staff see its stock."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, assert_never

from domain.medicine import MedicineRegistered
from domain.stock import StockAdjusted, StockDispatched, StockReceived, StockReleased, StockReserved
from engine.shapes import FIXED, Conditions, ReadModel, Row, equals, one_of, replace, those_given

Source: TypeAlias = StockReserved | StockReleased | StockDispatched | StockReceived | StockAdjusted | MedicineRegistered


class InventoryRow(Row):
    id: str
    medicine_name: Annotated[str, FIXED]
    available_quantity: int
    reserved_quantity: int
    total_quantity: int
    low_stock_threshold: Annotated[int, FIXED]
    low_stock_alert: bool
    pending_orders: tuple[str, ...] = ()
    "Those for which some are set aside, the oldest reservation first."


def keys(event: Source) -> tuple[str, ...]:
    return (event.medicine_id,)


def apply(row: InventoryRow | None, event: Source) -> InventoryRow | None:
    if isinstance(event, MedicineRegistered):
        return InventoryRow(
            id=event.medicine_id,
            medicine_name=event.name,
            available_quantity=event.stock_quantity,
            reserved_quantity=0,
            total_quantity=event.stock_quantity,
            low_stock_threshold=event.low_stock_threshold,
            low_stock_alert=event.stock_quantity <= event.low_stock_threshold,
        )
    if row is None:
        return None
    match event:
        case StockReserved():
            pending = (*_without(row.pending_orders, event.order_id), event.order_id)
            return _counted(row, event.stock_quantity, event.reserved_quantity, pending)
        case StockReleased() | StockDispatched():
            pending = _without(row.pending_orders, event.order_id)
            return _counted(row, event.stock_quantity, event.reserved_quantity, pending)
        case StockReceived() | StockAdjusted():
            return _counted(row, event.stock_quantity, row.reserved_quantity, row.pending_orders)
        case _:
            assert_never(event)


def _without(order_ids: tuple[str, ...], order_id: str) -> tuple[str, ...]:
    if order_id not in order_ids:
        return order_ids
    place = order_ids.index(order_id)
    return order_ids[:place] + order_ids[place + 1 :]


def _counted(row: InventoryRow, total: int, reserved: int, pending_orders: tuple[str, ...]) -> InventoryRow:
    available = total - reserved
    return replace(
        row,
        available_quantity=available,
        reserved_quantity=reserved,
        total_quantity=total,
        low_stock_alert=available <= row.low_stock_threshold,
        pending_orders=pending_orders,
    )


def where(*, medicine_ids: Sequence[str] | None = None, low_stock_alert: bool | None = None) -> Conditions:
    """The medicines that a filter means: every condition given must hold."""
    return those_given(
        one_of("id", medicine_ids),
        equals("low_stock_alert", low_stock_alert),
    )


INVENTORY = ReadModel(
    "inventory",
    row=InventoryRow,
    keys=keys,
    apply=apply,
    version=1,
    order=("medicine_name",),
    indexes=("low_stock_alert",),
)
