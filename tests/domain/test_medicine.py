"""A medicine is registered once, priced, stocked, and at last discontinued."""

from decimal import Decimal

import pytest

from domain.medicine import (
    MEDICINE,
    ChangeMedicinePrice,
    DiscontinueMedicine,
    MedicineCommand,
    MedicineDiscontinued,
    MedicinePriceChanged,
    MedicineRegistered,
    RegisterMedicine,
)
from domain.money import Money
from domain.stock import MOST_STOCK, AdjustStock, ReceiveStock, StockAdjusted, StockReceived
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound
from engine.shapes import replace
from engine.testing import given

REGISTER_ASPIRIN = RegisterMedicine(
    medicine_id="m1",
    name="Aspirin Protect",
    generic_name="acetylsalicylic acid",
    manufacturer="Bayer",
    strength="100 mg tablet",
    price=Money(420),
    stock_quantity=20,
    low_stock_threshold=5,
)
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
DISCONTINUED = MedicineDiscontinued(medicine_id="m1", reason="no longer made")


def test_a_medicine_is_registered_with_all_that_readers_need() -> None:
    given(MEDICINE).when(REGISTER_ASPIRIN).then(ASPIRIN)


def test_an_id_can_be_registered_once_only() -> None:
    given(MEDICINE, ASPIRIN).when(REGISTER_ASPIRIN).then_refused(AlreadyTaken, path=("id",))


def test_the_id_of_a_discontinued_medicine_stays_taken() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(REGISTER_ASPIRIN).then_refused(AlreadyTaken, path=("id",))


@pytest.mark.parametrize(
    "command",
    [
        ReceiveStock(medicine_id="m1", quantity=1),
        AdjustStock(medicine_id="m1", quantity=1, reason="counted"),
        ChangeMedicinePrice(medicine_id="m1", price=Decimal(1)),
        DiscontinueMedicine(medicine_id="m1", reason="no longer made"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_can_be_done_with_a_medicine_that_is_not_registered(command: MedicineCommand) -> None:
    given(MEDICINE).when(command).then_refused(NotFound, path=("medicine_id",), message="There is no medicine 'm1'.")


def test_a_new_price_tells_the_old_one() -> None:
    given(MEDICINE, ASPIRIN).when(ChangeMedicinePrice(medicine_id="m1", price=Decimal("4.50"))).then(
        MedicinePriceChanged(medicine_id="m1", price=Money(450), previous_price=Money(420))
    )


def test_a_new_price_keeps_the_currency_of_the_medicine() -> None:
    in_euro = replace(ASPIRIN, price=Money(420, "EUR"))
    given(MEDICINE, in_euro).when(ChangeMedicinePrice(medicine_id="m1", price=Decimal("4.50"))).then(
        MedicinePriceChanged(medicine_id="m1", price=Money(450, "EUR"), previous_price=Money(420, "EUR"))
    )


def test_the_same_price_again_changes_nothing() -> None:
    given(MEDICINE, ASPIRIN).when(ChangeMedicinePrice(medicine_id="m1", price=Decimal("4.200"))).then()


def test_a_price_has_two_digits_after_the_point() -> None:
    given(MEDICINE, ASPIRIN).when(ChangeMedicinePrice(medicine_id="m1", price=Decimal("4.205"))).then_refused(
        InvalidInput, path=("price",)
    )


def test_a_discontinued_medicine_keeps_its_last_price() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(ChangeMedicinePrice(medicine_id="m1", price=Decimal(5))).then_refused(
        NotAllowedNow, state="DISCONTINUED"
    )


def test_stock_that_comes_in_is_added() -> None:
    given(MEDICINE, ASPIRIN).when(ReceiveStock(medicine_id="m1", quantity=30)).then(
        StockReceived(medicine_id="m1", quantity=30, stock_quantity=50)
    )


def test_stock_counts_on_from_what_was_received_and_adjusted() -> None:
    given(
        MEDICINE,
        ASPIRIN,
        StockReceived(medicine_id="m1", quantity=30, stock_quantity=50),
        StockAdjusted(medicine_id="m1", stock_quantity=48, previous_quantity=50, reason="two broken"),
        MedicinePriceChanged(medicine_id="m1", price=Money(450), previous_price=Money(420)),
    ).when(ReceiveStock(medicine_id="m1", quantity=2)).then(
        StockReceived(medicine_id="m1", quantity=2, stock_quantity=50)
    )


def test_there_is_a_limit_to_stock() -> None:
    given(MEDICINE, ASPIRIN).when(ReceiveStock(medicine_id="m1", quantity=MOST_STOCK - 20)).then(
        StockReceived(medicine_id="m1", quantity=MOST_STOCK - 20, stock_quantity=MOST_STOCK)
    )
    given(MEDICINE, ASPIRIN).when(ReceiveStock(medicine_id="m1", quantity=MOST_STOCK - 19)).then_refused(
        InvalidInput, path=("quantity",)
    )


def test_a_discontinued_medicine_takes_no_more_stock() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(ReceiveStock(medicine_id="m1", quantity=1)).then_refused(
        NotAllowedNow, state="DISCONTINUED"
    )


def test_a_count_of_the_shelf_corrects_the_stock() -> None:
    given(MEDICINE, ASPIRIN).when(AdjustStock(medicine_id="m1", quantity=18, reason="counted")).then(
        StockAdjusted(medicine_id="m1", stock_quantity=18, previous_quantity=20, reason="counted")
    )


def test_a_count_that_is_right_changes_nothing() -> None:
    given(MEDICINE, ASPIRIN).when(AdjustStock(medicine_id="m1", quantity=20, reason="counted")).then()


def test_what_is_left_of_a_discontinued_medicine_can_be_counted() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(AdjustStock(medicine_id="m1", quantity=0, reason="returned")).then(
        StockAdjusted(medicine_id="m1", stock_quantity=0, previous_quantity=20, reason="returned")
    )


def test_a_medicine_is_discontinued_for_a_reason() -> None:
    given(MEDICINE, ASPIRIN).when(DiscontinueMedicine(medicine_id="m1", reason="no longer made")).then(DISCONTINUED)


def test_a_medicine_is_discontinued_once() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(DiscontinueMedicine(medicine_id="m1", reason="again")).then()


def test_everything_wrong_with_a_new_medicine_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        RegisterMedicine(
            medicine_id="m 1",
            name="",
            generic_name=" ",
            manufacturer="x" * 201,
            strength="\x00",
            price=Money(420),
            stock_quantity=-1,
            low_stock_threshold=MOST_STOCK + 1,
        )
    assert [problem.path for problem in (refused.value, *refused.value.also)] == [
        ("id",),
        ("name",),
        ("generic_name",),
        ("manufacturer",),
        ("strength",),
        ("stock_quantity",),
        ("low_stock_threshold",),
    ]


@pytest.mark.parametrize("quantity", [0, -1, MOST_STOCK + 1])
def test_a_delivery_holds_something(quantity: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        ReceiveStock(medicine_id="m1", quantity=quantity)
    assert refused.value.path == ("quantity",)


def test_a_count_is_never_negative_and_has_a_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        AdjustStock(medicine_id="m1", quantity=-1, reason="")
    assert [problem.path for problem in (refused.value, *refused.value.also)] == [("quantity",), ("reason",)]


def test_nothing_is_discontinued_without_a_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        DiscontinueMedicine(medicine_id="m1", reason=" ")
    assert refused.value.path == ("reason",)
