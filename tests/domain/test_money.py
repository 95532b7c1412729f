"""Money is exact, and cannot be what no price can be."""

from decimal import Decimal

import pytest

from domain.money import MOST_UNITS, Money
from engine.refusals import InvalidInput


def refusal_of(amount: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        Money.of(Decimal(amount), field="amount")
    return refused.value


@pytest.mark.parametrize(
    ("amount", "units"),
    [("0", 0), ("-0", 0), ("0.01", 1), ("4.2", 420), ("12.50", 1250), ("12.500", 1250), ("1E+3", 100_000)],
)
def test_a_decimal_becomes_a_whole_number_of_hundredths(amount: str, units: int) -> None:
    assert Money.of(Decimal(amount)) == Money(units, "USD")


def test_the_largest_amount_is_ten_thousand_million() -> None:
    assert Money.of(Decimal(10_000_000_000)) == Money(MOST_UNITS)
    assert refusal_of("10000000000.01").message == "An amount must lie between 0 and 10000000000."


def test_money_shows_its_amount_with_two_digits() -> None:
    assert str(Money(420).amount) == "4.20"


def test_money_is_ordered_by_its_amount() -> None:
    assert Money(5) < Money(6)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+1000000", "-0.01", "10000000000000"])
def test_an_amount_out_of_range_is_refused(amount: str) -> None:
    refusal = refusal_of(amount)
    assert refusal.message == "An amount must lie between 0 and 10000000000."
    assert refusal.path == ("amount",)


@pytest.mark.parametrize("amount", ["0.001", "1.999", "1E-1000000", "1.00000000000000000000000000000000000001"])
def test_a_fraction_of_a_hundredth_is_refused(amount: str) -> None:
    refusal = refusal_of(amount)
    assert refusal.message == "An amount has at most two digits after the point."
    assert refusal.path == ("amount",)


@pytest.mark.parametrize("units", [-1, MOST_UNITS + 1])
def test_units_out_of_range_are_refused(units: int) -> None:
    with pytest.raises(InvalidInput, match="must lie between"):
        Money(units)


@pytest.mark.parametrize("currency", ["", "US", "USDT", "usd", "ÄÖÜ", "A1B", "A-B"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(InvalidInput, match="three capital letters") as refused:
        Money(1, currency)
    assert refused.value.path == ("currency",)
