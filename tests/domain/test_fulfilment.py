"""An order's stock is set aside line by line, and goes back or out when the order ends."""

from datetime import timedelta

import pytest

from domain.fulfilment import FULFILMENT, Fulfilment, Source
from domain.order import ExpireOrder, RejectOrder, ValidateOrder
from domain.stock import (
    DispatchStock,
    ReleaseStock,
    ReserveStock,
    StockDispatched,
    StockReleased,
    StockReservationDeclined,
    StockReserved,
)
from engine.shapes import replace
from engine.testing import NOW, followed, reactions
from tests.domain.test_order import FROM_INITIATED, FROM_PAID, FROM_SHIPPED, FROM_VALIDATED, INITIATED

FIRST = StockReserved(medicine_id="m1", order_id="o1", quantity=3, stock_quantity=9, reserved_quantity=3)
SECOND = StockReserved(medicine_id="m2", order_id="o1", quantity=1, stock_quantity=9, reserved_quantity=1)
NO_FIRST = StockReservationDeclined(medicine_id="m1", order_id="o1", quantity=3, available_quantity=2)
NO_SECOND = StockReservationDeclined(medicine_id="m2", order_id="o1", quantity=1, available_quantity=0)
FIRST_BACK = StockReleased(medicine_id="m1", order_id="o1", quantity=3, stock_quantity=9, reserved_quantity=0)
SECOND_BACK = StockReleased(medicine_id="m2", order_id="o1", quantity=1, stock_quantity=9, reserved_quantity=0)
FIRST_OUT = StockDispatched(medicine_id="m1", order_id="o1", quantity=3, stock_quantity=6, reserved_quantity=0)
SECOND_OUT = StockDispatched(medicine_id="m2", order_id="o1", quantity=1, stock_quantity=8, reserved_quantity=0)

RESERVE_BOTH = [
    ReserveStock(medicine_id="m1", order_id="o1", quantity=3),
    ReserveStock(medicine_id="m2", order_id="o1", quantity=1),
]
RELEASE_FIRST = ReleaseStock(medicine_id="m1", order_id="o1")
RELEASE_SECOND = ReleaseStock(medicine_id="m2", order_id="o1")
VALIDATE, EXPIRE = ValidateOrder(order_id="o1"), ExpireOrder(order_id="o1")

RESERVED = (INITIATED, FIRST, SECOND)
PAID = (*RESERVED, FROM_INITIATED.validated(), FROM_VALIDATED.paid())
CANCELLED = FROM_INITIATED.cancelled()


def reject(*names: str) -> RejectOrder:
    return RejectOrder(order_id="o1", reason=f"Too few are left of {', '.join(names)}.")


def test_an_order_has_each_of_its_lines_set_aside() -> None:
    assert reactions(FULFILMENT, INITIATED) == RESERVE_BOTH


def test_an_order_is_validated_once_everything_is_set_aside() -> None:
    assert reactions(FULFILMENT, INITIATED, FIRST) == []
    assert reactions(FULFILMENT, INITIATED, FIRST, SECOND) == [VALIDATE]
    assert reactions(FULFILMENT, INITIATED, SECOND, FIRST) == [VALIDATE]
    assert reactions(FULFILMENT, *RESERVED, FROM_INITIATED.validated()) == []


def test_an_order_is_rejected_once_all_answers_are_there_and_one_is_no() -> None:
    assert reactions(FULFILMENT, INITIATED, NO_FIRST) == []
    assert reactions(FULFILMENT, INITIATED, NO_FIRST, SECOND) == [reject("Aspirin")]
    assert reactions(FULFILMENT, INITIATED, SECOND, NO_FIRST) == [reject("Aspirin")]
    assert reactions(FULFILMENT, INITIATED, NO_FIRST, NO_SECOND) == [reject("Aspirin", "Ibuprofen")]


def test_what_was_set_aside_for_a_rejected_order_goes_back() -> None:
    rejected = (INITIATED, NO_FIRST, SECOND, FROM_INITIATED.rejected())
    assert reactions(FULFILMENT, *rejected) == [RELEASE_SECOND]
    assert reactions(FULFILMENT, *rejected, SECOND_BACK) == []
    assert reactions(FULFILMENT, INITIATED, NO_FIRST, NO_SECOND, FROM_INITIATED.rejected()) == []


def test_what_was_set_aside_for_a_cancelled_order_goes_back() -> None:
    assert reactions(FULFILMENT, *RESERVED, CANCELLED) == [RELEASE_FIRST, RELEASE_SECOND]
    assert reactions(FULFILMENT, *PAID, FROM_PAID.cancelled(payment_id="p1")) == [RELEASE_FIRST, RELEASE_SECOND]


def test_what_is_set_aside_after_the_end_of_its_order_goes_back_at_once() -> None:
    assert reactions(FULFILMENT, INITIATED, FIRST, CANCELLED) == [RELEASE_FIRST]
    assert reactions(FULFILMENT, INITIATED, FIRST, CANCELLED, SECOND) == [RELEASE_SECOND]
    assert reactions(FULFILMENT, INITIATED, FIRST, CANCELLED, FIRST_BACK, SECOND) == [RELEASE_SECOND]
    assert reactions(FULFILMENT, INITIATED, FIRST, CANCELLED, NO_SECOND) == []
    assert reactions(FULFILMENT, INITIATED, CANCELLED, NO_FIRST, SECOND) == [RELEASE_SECOND]


def test_what_was_set_aside_for_a_shipped_order_leaves_the_shop() -> None:
    assert reactions(FULFILMENT, *PAID) == []
    assert reactions(FULFILMENT, *PAID, FROM_PAID.shipped()) == [
        DispatchStock(medicine_id="m1", order_id="o1"),
        DispatchStock(medicine_id="m2", order_id="o1"),
    ]
    assert reactions(FULFILMENT, *PAID, FROM_PAID.shipped(), FIRST_OUT) == []


def test_the_stock_of_an_order_that_is_refunded_before_it_left_goes_back() -> None:
    assert reactions(FULFILMENT, *PAID, FROM_PAID.refunded()) == [RELEASE_FIRST, RELEASE_SECOND]


def test_the_stock_of_an_order_that_is_refunded_afterwards_does_not() -> None:
    shipped = (*PAID, FROM_PAID.shipped(), FIRST_OUT, SECOND_OUT)
    assert reactions(FULFILMENT, *shipped, FROM_SHIPPED.refunded()) == []


@pytest.mark.parametrize(
    "story",
    [
        (INITIATED, NO_FIRST, NO_SECOND, FROM_INITIATED.rejected()),
        (INITIATED, NO_FIRST, SECOND, FROM_INITIATED.rejected(), SECOND_BACK),
        (*RESERVED, CANCELLED, FIRST_BACK, SECOND_BACK),
        (INITIATED, CANCELLED, FIRST, FIRST_BACK, SECOND, SECOND_BACK),
        (INITIATED, CANCELLED, FIRST, SECOND, SECOND_BACK, FIRST_BACK),
        (INITIATED, CANCELLED, NO_FIRST, NO_SECOND),
        (INITIATED, FIRST, CANCELLED, FIRST_BACK, NO_SECOND),
        (*PAID, FROM_PAID.shipped(), SECOND_OUT, FIRST_OUT),
        (*PAID, FROM_PAID.cancelled(payment_id="p1"), FIRST_BACK, SECOND_BACK),
        (*PAID, FROM_PAID.refunded(), FIRST_BACK, SECOND_BACK),
    ],
)
def test_an_order_is_forgotten_with_the_last_answer_and_not_before(story: tuple[Source, ...]) -> None:
    assert followed(FULFILMENT, *story) == Fulfilment()
    assert [place for place in range(1, len(story)) if followed(FULFILMENT, *story[:place]) == Fulfilment()] == []


@pytest.mark.parametrize("late", [FIRST, NO_FIRST, FIRST_BACK, FIRST_OUT, FROM_SHIPPED.refunded(), CANCELLED])
def test_what_comes_after_all_is_done_leads_to_nothing(late: Source) -> None:
    done = (*PAID, FROM_PAID.shipped(), FIRST_OUT, SECOND_OUT)
    assert (followed(FULFILMENT, *done, late), reactions(FULFILMENT, *done, late)) == (Fulfilment(), [])


def test_orders_do_not_mix() -> None:
    other = replace(INITIATED, order_id="o2")
    assert reactions(FULFILMENT, INITIATED, other, FIRST, replace(SECOND, order_id="o2")) == []


def test_an_order_has_to_be_paid_in_time() -> None:
    assert FULFILMENT.due is not None
    assert FULFILMENT.wake is not None
    deadline = NOW + timedelta(minutes=30)
    for story in [(INITIATED,), RESERVED, (*RESERVED, FROM_INITIATED.validated())]:
        state = followed(FULFILMENT, *story)
        assert (FULFILMENT.due(state), FULFILMENT.wake(state)) == (deadline, [EXPIRE])


@pytest.mark.parametrize(
    "story",
    [PAID, (INITIATED, CANCELLED), (INITIATED, NO_FIRST, SECOND, FROM_INITIATED.rejected()), (*RESERVED, CANCELLED)],
)
def test_an_order_that_is_paid_or_has_ended_is_not_woken(story: tuple[Source, ...]) -> None:
    assert FULFILMENT.due is not None
    assert FULFILMENT.due(followed(FULFILMENT, *story)) is None
