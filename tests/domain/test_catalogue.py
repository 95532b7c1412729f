"""The reading of a catalogue file."""

import pytest

from domain import catalogue
from domain.medicine import RegisterMedicine
from domain.money import Money
from engine.refusals import InvalidInput

NAMES = "id,name,generic_name,manufacturer,form,strength,price,stock_quantity,low_stock_threshold"
ASPIRIN = "med-aspirin,Aspirin,acetylsalicylic acid,Bayer,tablet,500 mg,4.20,7,3"


def test_a_line_becomes_the_command_that_registers_it() -> None:
    assert list(catalogue.read([NAMES, ASPIRIN])) == [
        RegisterMedicine(
            medicine_id="med-aspirin",
            name="Aspirin",
            generic_name="acetylsalicylic acid",
            manufacturer="Bayer",
            strength="500 mg tablet",
            price=Money(420),
            stock_quantity=7,
            low_stock_threshold=3,
        )
    ]


def test_quantities_may_be_left_out() -> None:
    lines = [NAMES.rsplit(",", 2)[0], ASPIRIN.rsplit(",", 2)[0]]
    (command,) = catalogue.read(lines)
    assert (command.stock_quantity, command.low_stock_threshold) == (0, 10)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        list(catalogue.read(["id,name", "a,b"]))
    assert caught.value.message == (
        "The first line must name the columns; generic_name, manufacturer, form, strength, price is missing."
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (ASPIRIN.replace("4.20", "cheap"), "Line 3, price: 'cheap' is no number."),
        (ASPIRIN.replace("4.20", "4.205"), "Line 3, price: An amount has at most two digits after the point."),
        (ASPIRIN.replace(",7,", ",-7,"), "Line 3, stock_quantity: '-7' is no whole number."),
        (ASPIRIN.replace("Bayer", " "), "Line 3, manufacturer: Must not be blank."),
        (ASPIRIN + ",9", "Line 3, line: The line has more fields than there are columns."),
        ("med-short,Short", "Line 3, line: The line is too short."),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_column(line: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(catalogue.read([NAMES, ASPIRIN, line]))
    assert caught.value.message == message


def test_a_field_that_is_too_large_is_said_with_its_line() -> None:
    with pytest.raises(InvalidInput, match=r"^Line 2: field larger than field limit"):
        list(catalogue.read([NAMES, ASPIRIN.replace("Bayer", "x" * 200_000)]))
