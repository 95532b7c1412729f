"""Lines are few, of different medicines, in one currency, and come to an exact sum."""

import pytest

from domain.money import MOST_UNITS, Money
from domain.order_line import MOST_LINES, MOST_QUANTITY, OrderLine, amiss, total
from engine.refusals import InvalidInput
from engine.shapes import replace

ASPIRIN = OrderLine(medicine_id="m1", name="Aspirin", quantity=3, unit_price=Money(419))
IBUPROFEN = OrderLine(medicine_id="m2", name="Ibuprofen", quantity=1, unit_price=Money(1))


def said(lines: list[OrderLine]) -> tuple[str, tuple[str, ...]] | None:
    problem = amiss(lines)
    return (problem.message, problem.path) if problem else None


def different(number: int) -> list[OrderLine]:
    return [replace(ASPIRIN, medicine_id=f"m{place}") for place in range(number)]


def test_a_line_comes_to_its_price_times_its_quantity() -> None:
    assert ASPIRIN.total_units == 1257


def test_lines_come_to_the_exact_sum_in_their_currency() -> None:
    assert total([ASPIRIN, IBUPROFEN]) == Money(1258)
    assert total([replace(ASPIRIN, unit_price=Money(10, "EUR"))]) == Money(30, "EUR")


@pytest.mark.parametrize("quantity", [0, -1, MOST_QUANTITY + 1])
def test_a_line_has_a_quantity(quantity: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(ASPIRIN, quantity=quantity)
    assert refused.value.path == ("quantity",)


def test_lines_of_an_order_may_be_one_or_many() -> None:
    assert said([ASPIRIN]) is None
    assert said(different(MOST_LINES)) is None


@pytest.mark.parametrize("number", [0, MOST_LINES + 1])
def test_an_order_has_lines_but_not_endlessly_many(number: int) -> None:
    assert said(different(number)) == (f"An order has 1 to {MOST_LINES} lines; this has {number}.", ("lines",))


def test_a_medicine_is_in_one_line_of_an_order() -> None:
    assert said([ASPIRIN, IBUPROFEN, replace(ASPIRIN, quantity=1)]) == (
        "'m1' is in line 0 already.",
        ("lines", "2", "medicine_id"),
    )


def test_an_order_has_one_currency() -> None:
    assert said([ASPIRIN, replace(IBUPROFEN, unit_price=Money(1, "EUR"))]) == (
        "All lines of an order have one currency.",
        ("lines", "1", "medicine_id"),
    )


def test_an_order_comes_to_no_more_than_an_amount_of_money_can_be() -> None:
    dear = OrderLine(medicine_id="m1", name="Gold", quantity=10_000, unit_price=Money(MOST_UNITS // 10_000))
    assert said([dear]) is None
    assert total([dear]) == Money(MOST_UNITS)
    assert said([dear, IBUPROFEN]) == ("An order comes to at most 10000000000.", ("lines",))
    assert said([replace(dear, unit_price=Money(MOST_UNITS))]) == ("An order comes to at most 10000000000.", ("lines",))
