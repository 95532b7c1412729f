"""Stock is set aside for orders, goes back or out, is counted, and never promised twice."""

from collections.abc import Callable

import pytest

from domain.medicine import MEDICINE, MedicineDiscontinued, MedicineEvent
from domain.stock import (
    MOST_STOCK,
    AdjustStock,
    DispatchStock,
    InsufficientStock,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    StockAdjusted,
    StockCommand,
    StockDispatched,
    StockRanLow,
    StockReceived,
    StockReleased,
    StockReservationDeclined,
    StockReserved,
)
from engine.refusals import InvalidInput, NotFound
from engine.shapes import replace
from engine.testing import given
from tests.domain.test_medicine import ASPIRIN, DISCONTINUED

# Twenty of them, low at five.
LEFT = 20


def reserve(order_id: str, quantity: int) -> ReserveStock:
    return ReserveStock(medicine_id="m1", order_id=order_id, quantity=quantity)


def reserved(order_id: str, quantity: int, reserved_quantity: int) -> StockReserved:
    return StockReserved(
        medicine_id="m1",
        order_id=order_id,
        quantity=quantity,
        stock_quantity=LEFT,
        reserved_quantity=reserved_quantity,
    )


def ran_low(available: int) -> StockRanLow:
    return StockRanLow(medicine_id="m1", name="Aspirin Protect", available_quantity=available, low_stock_threshold=5)


RELEASE, DISPATCH = ReleaseStock(medicine_id="m1", order_id="o1"), DispatchStock(medicine_id="m1", order_id="o1")
SEVEN = reserved("o1", 7, 7)


def test_what_an_order_wants_is_set_aside_for_it() -> None:
    given(MEDICINE, ASPIRIN).when(reserve("o1", 7)).then(SEVEN)
    given(MEDICINE, ASPIRIN, SEVEN).when(reserve("o2", 3)).then(reserved("o2", 3, 10))


def test_stock_is_set_aside_once_for_an_order() -> None:
    given(MEDICINE, ASPIRIN, SEVEN).when(reserve("o1", 7)).then()
    given(MEDICINE, ASPIRIN, SEVEN).when(reserve("o1", 9)).then()


def test_everything_can_be_set_aside() -> None:
    given(MEDICINE, ASPIRIN, SEVEN).when(reserve("o2", 13)).then(reserved("o2", 13, 20), ran_low(0))


@pytest.mark.parametrize(
    ("before", "available"), [((), 20), ((SEVEN,), 13), ((SEVEN, reserved("o2", 13, 20)), 0), ((DISCONTINUED,), 0)]
)
def test_more_than_is_available_is_declined(before: tuple[MedicineEvent, ...], available: int) -> None:
    given(MEDICINE, ASPIRIN, *before).when(reserve("o3", available + 1)).then(
        StockReservationDeclined(medicine_id="m1", order_id="o3", quantity=available + 1, available_quantity=available)
    )


def test_a_reservation_that_was_declined_holds_nothing() -> None:
    declined = StockReservationDeclined(medicine_id="m1", order_id="o1", quantity=21, available_quantity=20)
    given(MEDICINE, ASPIRIN, declined).when(RELEASE).then()
    given(MEDICINE, ASPIRIN, declined).when(DISPATCH).then()
    given(MEDICINE, ASPIRIN, declined).when(reserve("o1", 7)).then(SEVEN)


def test_what_is_released_can_be_set_aside_again() -> None:
    released = StockReleased(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=20, reserved_quantity=0)
    given(MEDICINE, ASPIRIN, SEVEN).when(RELEASE).then(released)
    given(MEDICINE, ASPIRIN, SEVEN, released).when(RELEASE).then()
    given(MEDICINE, ASPIRIN, SEVEN, released).when(DISPATCH).then()
    given(MEDICINE, ASPIRIN, SEVEN, released).when(reserve("o2", 14)).then(reserved("o2", 14, 14))


def test_what_is_dispatched_is_gone() -> None:
    dispatched = StockDispatched(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=13, reserved_quantity=0)
    given(MEDICINE, ASPIRIN, SEVEN).when(DISPATCH).then(dispatched)
    given(MEDICINE, ASPIRIN, SEVEN, dispatched).when(DISPATCH).then()
    given(MEDICINE, ASPIRIN, SEVEN, dispatched).when(RELEASE).then()
    given(MEDICINE, ASPIRIN, SEVEN, dispatched).when(reserve("o2", 14)).then(
        StockReservationDeclined(medicine_id="m1", order_id="o2", quantity=14, available_quantity=13)
    )


def test_the_end_of_one_reservation_leaves_the_others() -> None:
    both = (ASPIRIN, SEVEN, reserved("o2", 3, 10))
    given(MEDICINE, *both).when(RELEASE).then(
        StockReleased(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=20, reserved_quantity=3)
    )
    given(MEDICINE, *both).when(DISPATCH).then(
        StockDispatched(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=13, reserved_quantity=3)
    )


def test_what_was_set_aside_before_the_end_of_a_medicine_still_goes_back_or_out() -> None:
    ended = (ASPIRIN, SEVEN, DISCONTINUED)
    given(MEDICINE, *ended).when(RELEASE).then(
        StockReleased(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=20, reserved_quantity=0)
    )
    given(MEDICINE, *ended).when(DISPATCH).then(
        StockDispatched(medicine_id="m1", order_id="o1", quantity=7, stock_quantity=13, reserved_quantity=0)
    )
    given(MEDICINE, *ended).when(reserve("o1", 7)).then()


def test_a_count_may_take_all_that_is_not_set_aside() -> None:
    given(MEDICINE, ASPIRIN, SEVEN).when(AdjustStock(medicine_id="m1", quantity=7, reason="broken")).then(
        StockAdjusted(medicine_id="m1", stock_quantity=7, previous_quantity=20, reason="broken"), ran_low(0)
    )


@pytest.mark.parametrize("before", [(), (DISCONTINUED,)])
def test_a_count_takes_nothing_from_an_order(before: tuple[MedicineDiscontinued, ...]) -> None:
    given(MEDICINE, ASPIRIN, SEVEN, *before).when(
        AdjustStock(medicine_id="m1", quantity=6, reason="broken")
    ).then_refused(
        InsufficientStock,
        medicine_id="m1",
        requested=7,
        available=6,
        path=("quantity",),
        message="7 are set aside for orders; 6 cannot be all there are.",
    )


def test_stock_runs_low_when_the_threshold_is_reached() -> None:
    given(MEDICINE, ASPIRIN).when(reserve("o1", 14)).then(reserved("o1", 14, 14))
    given(MEDICINE, ASPIRIN).when(reserve("o1", 15)).then(reserved("o1", 15, 15), ran_low(5))


def test_stock_that_is_low_does_not_run_low_again() -> None:
    low = (ASPIRIN, reserved("o1", 15, 15), ran_low(5))
    given(MEDICINE, *low).when(reserve("o2", 1)).then(reserved("o2", 1, 16))
    given(MEDICINE, *low).when(DISPATCH).then(
        StockDispatched(medicine_id="m1", order_id="o1", quantity=15, stock_quantity=5, reserved_quantity=0)
    )


def test_stock_runs_low_again_after_it_was_not_low() -> None:
    received = StockReceived(medicine_id="m1", quantity=1, stock_quantity=21)
    given(MEDICINE, ASPIRIN, reserved("o1", 15, 15), ran_low(5), received).when(reserve("o2", 1)).then(
        replace(reserved("o2", 1, 16), stock_quantity=21), ran_low(5)
    )


def test_stock_that_is_low_from_the_start_has_not_run_low() -> None:
    few = replace(ASPIRIN, stock_quantity=5)
    given(MEDICINE, few).when(reserve("o1", 1)).then(replace(reserved("o1", 1, 1), stock_quantity=5))


def test_with_a_threshold_of_nothing_only_the_last_one_counts() -> None:
    none = replace(ASPIRIN, low_stock_threshold=0)
    given(MEDICINE, none).when(reserve("o1", 19)).then(reserved("o1", 19, 19))
    given(MEDICINE, none).when(reserve("o1", 20)).then(
        reserved("o1", 20, 20), replace(ran_low(0), low_stock_threshold=0)
    )


def test_a_discontinued_medicine_does_not_run_low_as_no_more_of_it_may_come() -> None:
    given(MEDICINE, ASPIRIN, DISCONTINUED).when(AdjustStock(medicine_id="m1", quantity=1, reason="broken")).then(
        StockAdjusted(medicine_id="m1", stock_quantity=1, previous_quantity=20, reason="broken")
    )


@pytest.mark.parametrize("command", [reserve("o1", 1), RELEASE, DISPATCH], ids=lambda command: type(command).__name__)
def test_there_is_no_stock_of_a_medicine_that_is_not_registered(command: StockCommand) -> None:
    given(MEDICINE).when(command).then_refused(NotFound, path=("medicine_id",), message="There is no medicine 'm1'.")


@pytest.mark.parametrize("make", [reserve, lambda _, quantity: ReceiveStock(medicine_id="m1", quantity=quantity)])
@pytest.mark.parametrize("quantity", [0, -1, MOST_STOCK + 1])
def test_a_quantity_is_at_least_one_and_not_endless(make: Callable[[str, int], StockCommand], quantity: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        make("o1", quantity)
    assert refused.value.path == ("quantity",)
