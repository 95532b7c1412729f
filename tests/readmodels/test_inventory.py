"""The inventory: one row per medicine, as the staff see its stock."""

import pytest

from domain.medicine import MedicineEvent, MedicineRegistered
from domain.money import Money
from domain.stock import StockAdjusted, StockDispatched, StockReceived, StockReleased, StockReserved
from engine.shapes import equals, one_of, replace
from engine.testing import NOW, rows
from readmodels.inventory import INVENTORY, InventoryRow, where

ASPIRIN = MedicineRegistered(
    medicine_id="m1",
    name="Aspirin",
    generic_name="acetylsalicylic acid",
    manufacturer="Bayer",
    strength="100 mg tablet",
    price=Money(450),
    stock_quantity=20,
    low_stock_threshold=5,
)
ROW = InventoryRow(
    id="m1",
    medicine_name="Aspirin",
    available_quantity=20,
    reserved_quantity=0,
    total_quantity=20,
    low_stock_threshold=5,
    low_stock_alert=False,
    pending_orders=(),
    position=1,
    version=0,
    created_at=NOW,
    updated_at=NOW,
)
FOR_O1 = StockReserved(medicine_id="m1", order_id="o1", quantity=4, stock_quantity=20, reserved_quantity=4)
FOR_O2 = StockReserved(medicine_id="m1", order_id="o2", quantity=1, stock_quantity=20, reserved_quantity=5)
DELIVERY = StockReceived(medicine_id="m1", quantity=30, stock_quantity=50)
COUNTED = StockAdjusted(medicine_id="m1", stock_quantity=10, previous_quantity=20, reason="counted")
O1_BACK = StockReleased(medicine_id="m1", order_id="o1", quantity=4, stock_quantity=20, reserved_quantity=1)
O1_OUT = StockDispatched(medicine_id="m1", order_id="o1", quantity=4, stock_quantity=16, reserved_quantity=1)


def row_after(*events: MedicineEvent) -> InventoryRow:
    return rows(INVENTORY, ASPIRIN, *events)["m1"]


def test_a_registered_medicine_is_in_the_inventory() -> None:
    assert rows(INVENTORY, ASPIRIN) == {"m1": ROW}


def test_what_is_set_aside_is_not_available_and_the_orders_it_waits_for_are_named() -> None:
    assert row_after(FOR_O1, FOR_O2) == replace(
        ROW, available_quantity=15, reserved_quantity=5, pending_orders=("o1", "o2"), position=3
    )


def test_what_is_put_back_is_available_again() -> None:
    assert row_after(FOR_O1, FOR_O2, O1_BACK) == replace(
        ROW, available_quantity=19, reserved_quantity=1, pending_orders=("o2",), position=4
    )


def test_what_left_the_shop_is_gone() -> None:
    assert row_after(FOR_O1, FOR_O2, O1_OUT) == replace(
        ROW, available_quantity=15, reserved_quantity=1, total_quantity=16, pending_orders=("o2",), position=4
    )


def test_deliveries_and_counts_change_the_total_and_leave_what_is_set_aside() -> None:
    pending = replace(ROW, reserved_quantity=4, pending_orders=("o1",), position=3)
    assert row_after(FOR_O1, DELIVERY) == replace(pending, available_quantity=46, total_quantity=50)
    assert row_after(FOR_O1, COUNTED) == replace(pending, available_quantity=6, total_quantity=10)


@pytest.mark.parametrize(("left", "is_low"), [(6, False), (5, True), (4, True), (0, True)])
def test_stock_is_low_at_the_threshold_and_below(left: int, is_low: bool) -> None:
    assert rows(INVENTORY, replace(ASPIRIN, stock_quantity=left))["m1"].low_stock_alert is is_low
    counted = replace(COUNTED, stock_quantity=left + 4)
    assert row_after(FOR_O1, counted) == replace(
        ROW,
        available_quantity=left,
        reserved_quantity=4,
        total_quantity=left + 4,
        low_stock_alert=is_low,
        pending_orders=("o1",),
        position=3,
    )


def test_the_alert_ends_when_enough_is_available_again() -> None:
    all_but_five = replace(FOR_O1, quantity=15, reserved_quantity=15)
    assert row_after(all_but_five).low_stock_alert is True
    assert row_after(all_but_five, replace(O1_BACK, quantity=15, reserved_quantity=0)) == replace(ROW, position=3)
    assert row_after(all_but_five, DELIVERY).low_stock_alert is False


def test_a_medicine_that_may_run_out_is_low_when_nothing_is_left() -> None:
    unwatched = replace(ASPIRIN, low_stock_threshold=0)
    assert rows(INVENTORY, replace(unwatched, stock_quantity=1))["m1"].low_stock_alert is False
    assert rows(INVENTORY, replace(unwatched, stock_quantity=0))["m1"].low_stock_alert is True


def test_what_is_known_of_no_registered_medicine_makes_no_row() -> None:
    assert rows(INVENTORY, FOR_O1, O1_BACK, O1_OUT, DELIVERY, COUNTED) == {}


def test_a_filter_without_conditions_means_the_whole_inventory() -> None:
    assert where() == ()


def test_every_condition_of_a_filter_must_hold() -> None:
    assert where(medicine_ids=["m1"], low_stock_alert=False) == (
        one_of("id", ("m1",)),
        equals("low_stock_alert", False),
    )


def test_an_empty_list_of_ids_means_no_medicine() -> None:
    assert where(medicine_ids=[]) == (one_of("id", ()),)
