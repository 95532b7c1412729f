"""The scalars of the API: places in the log, exact numbers, instants, JSON."""

import decimal
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NewType, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry import UNSET

T = TypeVar("T")

Position = NewType("Position", int)
Json = NewType("Json", object)

MOST_POSITION = 2**63 - 1


def given(value: T | None) -> T | None:
    """An argument as it was given; None when it was left out."""
    return None if value is UNSET else value


def _position(value: object) -> int:
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) < 20
        and int(value) <= MOST_POSITION
    ):
        return int(value)
    raise GraphQLError(f'A Position is a decimal number in a string, for example "42"; this is {_shown(value)}.')


def _decimal(value: object) -> decimal.Decimal:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and len(str(value)) <= 64:
        try:
            number = decimal.Decimal(str(value).strip())
        except decimal.InvalidOperation:
            number = decimal.Decimal("NaN")
        if number.is_finite():
            return number
    raise GraphQLError(f'A Decimal is a number in a string, for example "9.99"; this is {_shown(value)}.')


def _instant(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise GraphQLError(f"A DateTime is RFC 3339 with an offset; this is {_shown(value)}.")
    return at.astimezone(UTC)


# Events that were committed together share their instant, and so do the receipts and rows that tell it.
@lru_cache(maxsize=4096)
def instant_text(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that texts sort as their instants do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


SCALARS: dict[Any, Any] = {
    Position: strawberry.scalar(
        name="Position",
        description='A place in the global event log, as a decimal string. "0" is before the first event. '
        "Gapless, in commit order.",
        serialize=str,
        parse_value=_position,
    ),
    decimal.Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as a string, for example "9.99".',
        serialize=lambda value: format(value, "f"),
        parse_value=_decimal,
    ),
    datetime: strawberry.scalar(
        name="DateTime", description="An instant in UTC, RFC 3339.", serialize=instant_text, parse_value=_instant
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=lambda value: value),
}
"""For `StrawberryConfig(scalar_map=...)`."""
