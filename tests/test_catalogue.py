"""The demo catalogue can be sold from: every row makes a valid medicine, and none is there twice."""

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from domain.medicine import MEDICINE, RegisterMedicine
from domain.money import Money
from engine.testing import given

CATALOGUE = Path(__file__).parent.parent / "demo" / "catalogue.csv"
COLUMNS = [
    "id",
    "name",
    "generic_name",
    "manufacturer",
    "form",
    "strength",
    "price",
    "stock_quantity",
    "low_stock_threshold",
]

with CATALOGUE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def repeated(*columns: str) -> list[tuple[str, ...]]:
    counted = Counter(tuple(row[column] for column in columns) for row in ROWS)
    return [values for values, count in counted.items() if count > 1]


def test_the_columns_are_those_that_the_import_reads() -> None:
    assert all(list(row) == COLUMNS for row in ROWS)


def test_there_is_enough_to_search_page_and_filter() -> None:
    assert len(ROWS) >= 240
    assert len({row["manufacturer"] for row in ROWS}) >= 40
    assert len({row["form"] for row in ROWS}) >= 10


def test_no_medicine_is_there_twice() -> None:
    assert repeated("id") == []
    assert repeated("name", "strength", "form") == []


def test_nothing_is_left_out_or_has_spaces_around_it() -> None:
    assert [row["id"] for row in ROWS if any(not value or value != value.strip() for value in row.values())] == []


def test_some_are_sold_out_and_some_are_low() -> None:
    sold_out = [row for row in ROWS if row["stock_quantity"] == "0"]
    low = [row for row in ROWS if 0 < int(row["stock_quantity"]) <= int(row["low_stock_threshold"])]
    assert 3 <= len(sold_out) <= len(ROWS) // 10
    assert 3 <= len(low) <= len(ROWS) // 5


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_makes_a_medicine(row: dict[str, str]) -> None:
    price = Decimal(row["price"])
    assert price.as_tuple().exponent == -2
    assert Decimal("0.50") <= price <= Decimal(1000)
    assert 0 <= int(row["stock_quantity"]) <= 900
    assert 1 <= int(row["low_stock_threshold"]) <= 100
    command = RegisterMedicine(
        medicine_id=row["id"],
        name=row["name"],
        generic_name=row["generic_name"],
        manufacturer=row["manufacturer"],
        strength=f"{row['strength']} {row['form']}",
        price=Money.of(price),
        stock_quantity=int(row["stock_quantity"]),
        low_stock_threshold=int(row["low_stock_threshold"]),
    )
    assert len(given(MEDICINE).when(command).events) == 1
