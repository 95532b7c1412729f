"""Hypothesis strategies for every message, state and row, built from the types of their fields."""

import string
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, TypeVar

import msgspec
from hypothesis import reject
from hypothesis import strategies as st

from domain.money import MOST_UNITS, Money
from engine.discovery import modules
from engine.refusals import Refusal
from engine.shapes import Value

V = TypeVar("V", bound=Value)

IDS = st.sampled_from(["a", "b"])
"Few, so that messages meet."
LINES = st.text(string.ascii_letters + string.digits + " .-é漢", min_size=1, max_size=40)
ANYTHING = st.text(max_size=40)
MOST_WHOLE = 2**53
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def declare(*packages: ModuleType) -> None:
    """Tell `st.from_type` how to make each value that the packages define, in a way that its checks let through."""
    st.register_type_strategy(str, IDS | LINES | ANYTHING)
    st.register_type_strategy(int, st.integers(0, 9) | st.integers(-MOST_WHOLE, MOST_WHOLE))
    st.register_type_strategy(datetime, MOMENTS)
    st.register_type_strategy(Decimal, st.decimals(0, 1000, places=2) | st.decimals(allow_nan=False))
    for package in packages:
        for module in modules(package):
            for value in vars(module).values():
                if isinstance(value, type) and issubclass(value, Value):
                    st.register_type_strategy(value, any_of_its_fields(value))
    # A value object whose check random fields seldom pass has its own strategy here.
    currencies = st.just("USD") | st.text(string.ascii_uppercase, min_size=3, max_size=3)
    st.register_type_strategy(Money, st.builds(Money, st.integers(0, MOST_UNITS), currencies))


def any_of_its_fields(struct: type[V]) -> st.SearchStrategy[V]:
    """Values of a struct; those that it refuses to be are left out."""

    @st.composite
    def value(draw: st.DrawFn) -> V:
        given = {field.name: draw(st.from_type(_bare(field.type))) for field in msgspec.structs.fields(struct)}
        try:
            return struct(**given)
        except Refusal:
            reject()

    return value()


def _bare(hint: Any) -> Any:
    """A type without its annotations: they say how it is stored, not what it holds."""
    return getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
