"""Hypothesis strategies for every message, state and row, built from the types of their fields."""

import string
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

from domain.money import MOST_UNITS, Money
from domain.order_line import OrderLine
from engine.discovery import modules
from engine.refusals import Refusal
from engine.shapes import Value, replace

V = TypeVar("V", bound=Value)


def _medicine(line: OrderLine) -> str:
    return line.medicine_id


IDS = st.sampled_from(["a", "b"])
"Few, so that messages meet."
WORDS = st.text(string.ascii_letters + string.digits + "._:~-", min_size=1, max_size=40)
MOST_WHOLE = 2**53
PRICES = st.decimals(0, 1000, places=2)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {str: WORDS, int: st.integers(1, 1000), Decimal: PRICES}
"What every check lets through, so that more than refusals gets tried."
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "email": st.sampled_from(["a@example.org", "A@example.org", "b@example.org"]),
    "lines": st.lists(st.deferred(lambda: st.from_type(OrderLine)), min_size=1, max_size=3, unique_by=_medicine).map(
        lambda lines: tuple(replace(line, unit_price=Money(line.unit_price.units % 10_000)) for line in lines)
    ),
}
"Fields whose check random values of their type seldom pass."
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def declare(*packages: ModuleType) -> None:
    """Tell `st.from_type` how to make each value that the packages define, in a way that its checks let through."""
    st.register_type_strategy(str, IDS | WORDS | st.text(max_size=40))
    st.register_type_strategy(int, st.integers(0, 9) | st.integers(-MOST_WHOLE, MOST_WHOLE))
    st.register_type_strategy(datetime, MOMENTS)
    st.register_type_strategy(Decimal, PRICES | st.decimals(allow_nan=False))
    for package in packages:
        for module in modules(package):
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, Value):
                    st.register_type_strategy(value, any_of_its_fields)
    # A value object whose check random fields seldom pass has its own strategy here.
    currencies = st.just("USD") | st.text(string.ascii_uppercase, min_size=3, max_size=3)
    st.register_type_strategy(Money, st.builds(Money, st.integers(0, MOST_UNITS), currencies))


def any_of_its_fields(struct: type[V]) -> st.SearchStrategy[V]:
    """Values of a struct, plain ones and wild ones; those that it refuses to be are left out."""
    types = {field.name: _bare(field.type) for field in msgspec.structs.fields(struct)}
    plain = {
        name: NAMED[name] if name in NAMED else PLAIN[hint] if hint in PLAIN else st.from_type(hint)
        for name, hint in types.items()
    }
    wild = {name: st.from_type(hint) for name, hint in types.items()}
    fields = st.fixed_dictionaries(plain) | st.fixed_dictionaries(wild)
    made: st.SearchStrategy[Any] = fields.map(lambda given: _unless_refused(struct, given))
    return made.filter(lambda value: value is not None)


def _unless_refused(struct: type[V], fields: dict[str, Any]) -> V | None:
    try:
        return struct(**fields)
    except Refusal:
        return None


def _bare(hint: Any) -> Any:
    """A type without its annotations: they say how it is stored, not what it holds."""
    return getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
