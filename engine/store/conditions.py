"""Conditions, as SQL over a table's columns as well as a predicate over a row in memory; both mean the same."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.shapes import Condition, Conditions, Row
from engine.store.columns import Column, Layout, Scalar

_LEAST, _MOST = -(2**63), 2**63 - 1
Shape = tuple[tuple[str, str, int], ...]
"What the text of a statement depends on: column, test and number of values of each condition."


def _stored(column: Column, value: Any) -> Scalar:
    encoded = column.encode(value)
    if isinstance(encoded, int):  # beyond 64 bits there is nothing to find, but nothing to fail on either
        return min(max(encoded, _LEAST), _MOST)
    return encoded


def is_text(value: Scalar) -> bool:
    """Whether SQLite can hold it. Half a surrogate pair has no UTF-8 form, so no row has one."""
    return not isinstance(value, str) or not any("\ud800" <= each <= "\udfff" for each in value)


def _after_prefix(prefix: str) -> str | None:
    """The least text greater than every text that starts with `prefix`; None when there is none.

    SQLite compares UTF-8 bytes, which is the order of code points. Half surrogates are no text: they are stepped over.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None


def _padded(values: list[Scalar]) -> list[Scalar]:
    """The values with the last repeated up to a power of two, so that few texts of statements serve any number."""
    size = 1 << max(len(values) - 1, 0).bit_length()
    return values + values[-1:] * (size - len(values))


def _check(layout: Layout[Any], condition: Condition) -> Column:
    column = layout.column(condition.column)
    if condition.test in ("at_most", "at_least") and not column.kind.is_ordered:
        raise ValueError(f"{condition.column!r} has no order that a condition could use.")
    return column


def parameters(layout: Layout[Any], condition: Condition) -> list[Scalar] | None:
    """The values that SQL compares with; None when nothing can match."""
    column = _check(layout, condition)
    match condition.test:
        case "one_of":
            values = [each for each in map(column.encode, condition.value) if each is not None and is_text(each)]
            return _padded([each for each in values if not isinstance(each, int) or _LEAST <= each <= _MOST]) or None
        case "starts_with":
            if not is_text(condition.value):
                return None
            limit = _after_prefix(condition.value)
            return [condition.value] if limit is None else [condition.value, limit]
        case "equals":
            value = column.encode(condition.value)
            if not is_text(value) or (isinstance(value, int) and not _LEAST <= value <= _MOST):
                return None
            return [] if value is None else [value]
        case _:
            value = _stored(column, condition.value)
            if value is None:
                return None
            return [value if is_text(value) else _cut(str(value))]


def _cut(value: str) -> str:
    """Where a text with half a surrogate pair stands among those without: before the first that is greater."""
    place = next(index for index, each in enumerate(value) if "\ud800" <= each <= "\udfff")
    return value[:place] + "\ue000"


def restricts(layout: Layout[Any], condition: Condition) -> bool:
    """Whether a row that once met the condition always does: its column never changes."""
    return layout.column(condition.column).is_fixed


def shape(layout: Layout[Any], conditions: Conditions) -> tuple[Shape, dict[str, Scalar]]:
    """What decides the text of the statement, and its parameters by name."""
    parts: list[tuple[str, str, int]] = []
    values: dict[str, Scalar] = {}
    for place, condition in enumerate(conditions):
        found, test = parameters(layout, condition), str(condition.test)
        if found is None:
            parts.append(("id", "never", 0))
            continue
        if test == "at_most" and not is_text(condition.value):
            test = "below"
        parts.append((condition.column, test, len(found)))
        values.update({f"c{place}_{index}": value for index, value in enumerate(found)})
    return tuple(parts), values


def clauses(layout: Layout[Any], table: sa.Table, wanted: Shape) -> list[sa.ColumnElement[bool]]:
    """The SQL of each condition, with the parameters that `shape` names."""
    return [
        _clause(table.c[layout.column(path).name], test, [_bind(f"c{place}_{index}") for index in range(count)])
        for place, (path, test, count) in enumerate(wanted)
    ]


def _bind(name: str) -> sa.BindParameter[Any]:
    # Without a type SQLAlchemy would convert nothing, which is right: the values are in their stored form already.
    return sa.bindparam(name, type_=sa.types.NullType())


def _clause(column: sa.Column[Any], test: str, values: list[sa.BindParameter[Any]]) -> sa.ColumnElement[bool]:
    match test:
        case "never":
            return sa.false()
        case "equals":
            return column == values[0] if values else column.is_(None)
        case "one_of":
            return column.in_(values)
        case "at_most":
            return column <= values[0]
        case "below":
            return column < values[0]
        case "at_least":
            return column >= values[0]
        case _:
            return sa.and_(column >= values[0], *(column < limit for limit in values[1:]))


def predicate(layout: Layout[Any], conditions: Conditions) -> Callable[[Row], bool]:
    """The same conditions as a function of a row. They are checked here, once, not at every row."""
    tests = [(_getter(_check(layout, condition)), _test(layout, condition)) for condition in conditions]
    if len(tests) > 1:
        return lambda row: all(test(value(row)) for value, test in tests)
    for value, test in tests:  # measured: a third of the time, and most filters have one condition
        return lambda row: test(value(row))
    return lambda row: True


def scope(layout: Layout[Any], conditions: Conditions) -> Callable[[Sequence[Scalar]], bool] | None:
    """The conditions that restrict, as a function of a row's lasting columns; None when there are none."""
    places = {column.path: place for place, column in enumerate(lasting(layout))}
    tests = [(places[each.column], _test(layout, each)) for each in conditions if restricts(layout, each)]
    return (lambda values: all(test(values[place]) for place, test in tests)) if tests else None


def lasting(layout: Layout[Any]) -> tuple[Column, ...]:
    """The columns that tell of a row also when it is gone: the id, then the FIXED ones."""
    return layout.column("id"), *layout.fixed


class Finder(NamedTuple):
    """What a row is found by: a lasting column, by its place, or as many characters of it."""

    place: int
    length: int | None

    def key(self, lasting: Sequence[Scalar]) -> Scalar:
        value = lasting[self.place]
        return value if self.length is None or not isinstance(value, str) else value[: self.length]


def found_by(layout: Layout[Any], conditions: Conditions) -> tuple[Finder, frozenset[Scalar]] | None:
    """What the rows that conditions allow are found by, and the keys of those; None when it may be any row."""
    places = {column.path: place for place, column in enumerate(lasting(layout))}
    for condition in conditions:
        place, column = places.get(condition.column), layout.column(condition.column)
        if place is None:
            continue
        if condition.test == "starts_with":
            return Finder(place, len(condition.value)), frozenset((condition.value,))
        if condition.test in ("equals", "one_of"):
            given = condition.value if condition.test == "one_of" else (condition.value,)
            return Finder(place, None), frozenset(map(column.encode, given))
    return None


def matches(layout: Layout[Any], row: Row, conditions: Conditions) -> bool:
    """Whether a row meets every condition."""
    return predicate(layout, conditions)(row)


def fit(layout: Layout[Any], paths: Sequence[str], values: Sequence[object]) -> bool:
    """Whether values from elsewhere could be what these columns hold: the number, the types, and no more than fits."""
    return len(paths) == len(values) and all(map(_fits, map(layout.column, paths), values))


def _fits(column: Column, value: object) -> bool:
    if issubclass(column.kind.sql, sa.Text):
        return isinstance(value, str) and is_text(value)
    if issubclass(column.kind.sql, sa.Float):
        return isinstance(value, int | float)
    return isinstance(value, int) and _LEAST <= value <= _MOST


def _getter(column: Column) -> Callable[[Row], Scalar]:
    field, _, part = column.path.partition(".")
    outer = attrgetter(field)
    if not part:
        return lambda row: column.encode(outer(row))
    inner = attrgetter(part)

    def reach(row: Row) -> Scalar:
        value = outer(row)
        return None if value is None else column.encode(inner(value))

    return reach


def _test(layout: Layout[Any], condition: Condition) -> Callable[[Any], bool]:
    column = layout.column(condition.column)
    if condition.test == "one_of":
        values = frozenset(map(column.encode, condition.value)) - {None}
        return lambda value: value in values
    if condition.test == "starts_with":
        prefix = condition.value
        return lambda value: value is not None and value.startswith(prefix)
    wanted = column.encode(condition.value)
    if condition.test == "equals":
        return lambda value: bool(value == wanted)
    if wanted is None:
        return lambda value: False
    if condition.test == "at_most":
        return lambda value: value is not None and value <= wanted
    return lambda value: value is not None and value >= wanted
