"""A catalogue as a file: one medicine a line, as comma-separated values under a line of names."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from domain.medicine import RegisterMedicine
from domain.money import Money
from engine.refusals import InvalidInput

COLUMNS = ("id", "name", "generic_name", "manufacturer", "form", "strength", "price")
OPTIONAL = ("stock_quantity", "low_stock_threshold")


def read(lines: Iterable[str]) -> Iterator[RegisterMedicine]:
    """The command for each line. Raises InvalidInput that names the line and the column."""
    reader = csv.DictReader(lines)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput(f"The first line must name the columns; {', '.join(missing)} is missing.")
    for line in _lines(reader):
        try:
            yield _command(line)
        except InvalidInput as refusal:
            place = ".".join(refusal.path)
            raise InvalidInput(f"Line {reader.line_num}, {place}: {refusal.message}", refusal.path) from None


def _lines(reader: "csv.DictReader[str]") -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise InvalidInput(f"Line {reader.line_num + 1}: {error}.") from None


def _command(line: dict[str, str]) -> RegisterMedicine:
    if any(line[column] is None for column in COLUMNS):
        raise InvalidInput("The line is too short.", ["line"])
    if None in line:
        raise InvalidInput("The line has more fields than there are columns.", ["line"])
    try:
        price = Decimal(line["price"])
    except InvalidOperation:
        raise InvalidInput(f"{line['price']!r} is no number.", ["price"]) from None
    return RegisterMedicine(
        medicine_id=line["id"],
        name=line["name"],
        generic_name=line["generic_name"],
        manufacturer=line["manufacturer"],
        strength=f"{line['strength']} {line['form']}".strip(),
        price=Money.of(price),
        stock_quantity=_whole(line, "stock_quantity", 0),
        low_stock_threshold=_whole(line, "low_stock_threshold", 10),
    )


def _whole(line: dict[str, str], column: str, otherwise: int) -> int:
    value = line.get(column) or ""
    if not value:
        return otherwise
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise InvalidInput(f"{value!r} is no whole number.", [column])
    return int(value)
