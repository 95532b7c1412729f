"""The scalars of the API."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError

from engine.graphql.scalars import SCALARS, Position, instant_text


def parse(scalar: Any, value: object) -> object:
    return SCALARS[scalar].parse_value(value)


def test_an_instant_is_read_whatever_its_offset_and_written_in_utc() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert parse(datetime, "2026-01-02T03:04:05.000006Z") == at
    assert parse(datetime, "2026-01-02T05:04:05.000006+02:00") == at
    assert instant_text(at.astimezone(timezone(timedelta(hours=-5)))) == "2026-01-02T03:04:05.000006Z"


@pytest.mark.parametrize("value", ["2026-01-02T03:04:05", "soon", 5, None])
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="A DateTime is RFC 3339 with an offset"):
        parse(datetime, value)


@pytest.mark.parametrize("value", [1, "-1", "1.0", "x" * 100, "9" * 30, "\uff11", None, True])
def test_what_is_no_position_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="A Position is a decimal number in a string"):
        parse(Position, value)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e", "", True, None, "1" * 65])
def test_what_is_no_decimal_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="A Decimal is a number in a string"):
        parse(Decimal, value)


def test_a_decimal_is_exact_also_from_a_number() -> None:
    assert [parse(Decimal, value) for value in ("9.99", 9.99, 10)] == [Decimal("9.99"), Decimal("9.99"), Decimal(10)]
