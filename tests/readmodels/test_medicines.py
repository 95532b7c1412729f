"""The catalogue as customers see it: one row per medicine."""

from domain.medicine import MedicineDiscontinued, MedicineEvent, MedicinePriceChanged, MedicineRegistered
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
from engine.shapes import at_most, equals, one_of, replace
from engine.testing import NOW, rows
from readmodels.medicines import MEDICINES, MedicineRow, where

ASPIRIN = MedicineRegistered(
    medicine_id="m1",
    name="Aspirin Protect",
    generic_name="acetylsalicylic acid",
    manufacturer="Bayer",
    strength="100 mg tablet",
    price=Money(420),
    stock_quantity=20,
    low_stock_threshold=5,
)
ROW = MedicineRow(
    id="m1",
    name="Aspirin Protect",
    generic_name="acetylsalicylic acid",
    manufacturer="Bayer",
    strength="100 mg tablet",
    price=Money(420),
    stock_quantity=20,
    is_available=True,
    position=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
SOLD_OUT = StockAdjusted(medicine_id="m1", stock_quantity=0, previous_quantity=20, reason="flood")
DELIVERY = StockReceived(medicine_id="m1", quantity=30, stock_quantity=50)
ALL_SET_ASIDE = StockReserved(medicine_id="m1", order_id="o1", quantity=20, stock_quantity=20, reserved_quantity=20)
PUT_BACK = StockReleased(medicine_id="m1", order_id="o1", quantity=20, stock_quantity=20, reserved_quantity=0)
GONE_OUT = StockDispatched(medicine_id="m1", order_id="o1", quantity=20, stock_quantity=0, reserved_quantity=0)
RAN_LOW = StockRanLow(medicine_id="m1", name="Aspirin Protect", available_quantity=0, low_stock_threshold=5)
TOO_MANY = StockReservationDeclined(medicine_id="m1", order_id="o1", quantity=21, available_quantity=20)
DEARER = MedicinePriceChanged(medicine_id="m1", price=Money(450), previous_price=Money(420))
DISCONTINUED = MedicineDiscontinued(medicine_id="m1", reason="no longer made")


def row_after(*events: MedicineEvent) -> MedicineRow:
    return rows(MEDICINES, *events)["m1"]


def test_a_registered_medicine_is_in_the_catalogue() -> None:
    assert rows(MEDICINES, ASPIRIN) == {"m1": ROW}


def test_a_medicine_registered_without_stock_is_not_available() -> None:
    empty = replace(ASPIRIN, stock_quantity=0)
    assert row_after(empty) == replace(ROW, stock_quantity=0, is_available=False)


def test_a_new_price_is_shown() -> None:
    assert row_after(ASPIRIN, DEARER) == replace(ROW, price=Money(450), position=2, version=2)


def test_a_medicine_without_stock_is_not_available_until_some_comes_in() -> None:
    assert row_after(ASPIRIN, SOLD_OUT) == replace(ROW, stock_quantity=0, is_available=False, position=2, version=2)
    assert row_after(ASPIRIN, SOLD_OUT, DELIVERY) == replace(ROW, stock_quantity=50, position=3, version=3)


def test_what_is_set_aside_for_orders_is_shown_and_a_medicine_all_of_it_is_not_available() -> None:
    some = replace(ALL_SET_ASIDE, quantity=19, reserved_quantity=19)
    assert row_after(ASPIRIN, some) == replace(ROW, reserved_quantity=19, position=2, version=2)
    all_of_it = replace(ROW, reserved_quantity=20, is_available=False)
    assert row_after(ASPIRIN, ALL_SET_ASIDE) == replace(all_of_it, position=2, version=2)


def test_a_medicine_is_available_again_when_an_order_gives_it_back() -> None:
    assert row_after(ASPIRIN, ALL_SET_ASIDE, PUT_BACK) == replace(ROW, position=3, version=3)


def test_what_left_the_shop_is_gone() -> None:
    none = replace(ROW, stock_quantity=0, is_available=False)
    assert row_after(ASPIRIN, ALL_SET_ASIDE, GONE_OUT) == replace(none, position=3, version=3)


def test_a_delivery_leaves_what_is_set_aside() -> None:
    assert row_after(ASPIRIN, ALL_SET_ASIDE, DELIVERY) == replace(
        ROW, stock_quantity=50, reserved_quantity=20, position=3, version=3
    )


def test_what_an_order_did_not_get_and_that_stock_ran_low_show_in_nothing_but_the_version() -> None:
    assert row_after(ASPIRIN, TOO_MANY, RAN_LOW) == replace(ROW, position=3, version=3)


def test_a_discontinued_medicine_stays_unavailable_when_an_order_gives_it_back() -> None:
    gone = replace(ROW, is_discontinued=True, is_available=False)
    assert row_after(ASPIRIN, ALL_SET_ASIDE, DISCONTINUED, PUT_BACK) == replace(gone, position=4, version=4)


def test_a_discontinued_medicine_stays_listed_but_is_never_available() -> None:
    gone = replace(ROW, is_discontinued=True, is_available=False)
    assert row_after(ASPIRIN, DISCONTINUED) == replace(gone, position=2, version=2)
    counted = StockAdjusted(medicine_id="m1", stock_quantity=19, previous_quantity=20, reason="counted")
    assert row_after(ASPIRIN, DISCONTINUED, counted) == replace(gone, stock_quantity=19, position=3, version=3)


def test_what_is_known_of_no_registered_medicine_makes_no_row() -> None:
    stocked = (DELIVERY, SOLD_OUT, ALL_SET_ASIDE, PUT_BACK, GONE_OUT, TOO_MANY, RAN_LOW)
    assert rows(MEDICINES, *stocked, DEARER, DISCONTINUED) == {}


def test_a_filter_without_conditions_means_every_medicine() -> None:
    assert where() == ()


def test_every_condition_of_a_filter_must_hold() -> None:
    assert where(ids=["m1", "m2"], manufacturer="Bayer", is_available=False, max_price=Money(500)) == (
        one_of("id", ("m1", "m2")),
        equals("manufacturer", "Bayer"),
        equals("is_available", False),
        at_most("price.units", 500),
    )


def test_an_empty_list_of_ids_means_no_medicine() -> None:
    assert where(ids=[]) == (one_of("id", ()),)


def test_a_price_of_nothing_is_a_price() -> None:
    assert where(max_price=Money(0)) == (at_most("price.units", 0),)
