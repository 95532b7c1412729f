"""A column's values as one parameter: PostgreSQL's binary form of an array, which costs it nothing to read.

Measured for the rows of 64 commands: 0.15 ms. The driver, which looks at each element by itself, takes 1.4 ms.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_BOOL, _BYTEA, _INT8, _TEXT, _FLOAT8 = 16, 17, 20, 25, 701
_NULL = b"\xff\xff\xff\xff"


class Array(bytes):
    """An array as it goes over the wire. The statement says of which type it is, as in `?::text[]`."""


def numbers(values: Sequence[int | None]) -> Array:
    """A `bigint[]`. Raises OverflowError for what needs more than 64 bits."""
    if None in values:
        return _sized([None if each is None else each.to_bytes(8, "big", signed=True) for each in values], _INT8)
    count = len(values)
    sized: list[Any] = [8] * (2 * count)
    sized[1::2] = values
    try:
        return Array(_head(False, _INT8, count) + struct.pack(f">{'iq' * count}", *sized))
    except struct.error:
        raise OverflowError("A number is out of range: it needs more than 64 bits.") from None


def texts(values: Sequence[str | None]) -> Array:
    """A `text[]`."""
    return _sized([None if each is None else each.encode() for each in values], _TEXT)


def sought(values: Sequence[str]) -> Array:
    """A `text[]` of what is looked for. PostgreSQL's text has no place for NUL, so what has one must find nothing."""
    return texts([each.replace("\0", "\1") for each in values])


def blobs(values: Sequence[bytes | None]) -> Array:
    """A `bytea[]`."""
    return _sized(values, _BYTEA)


def booleans(values: Sequence[bool | None]) -> Array:
    """A `boolean[]`."""
    return _sized([None if each is None else bytes((bool(each),)) for each in values], _BOOL)


def floats(values: Sequence[float | None]) -> Array:
    """A `float8[]`."""
    return _sized([None if each is None else struct.pack(">d", each) for each in values], _FLOAT8)


def _sized(values: Sequence[bytes | None], type: int) -> Array:
    parts = [_head(None in values, type, len(values))]
    for each in values:
        if each is None:
            parts.append(_NULL)
        else:
            parts += len(each).to_bytes(4, "big"), each
    return Array(b"".join(parts))


def _head(has_null: bool, type: int, count: int) -> bytes:
    """Of one dimension that begins at 1."""
    return struct.pack(">5i", 1, has_null, type, count, 1)


_KINDS: dict[type[Any], tuple[str, Callable[[Sequence[Any]], Array]]] = {
    sa.BigInteger: ("bigint[]", numbers),
    sa.Text: ("text[]", texts),
    sa.LargeBinary: ("bytea[]", blobs),
    sa.Boolean: ("boolean[]", booleans),
    sa.Float: ("float8[]", floats),
    postgresql.TSVECTOR: ("text[]", texts),
}


class Columns:
    """Rows as an array for each of some columns."""

    def __init__(self, columns: Iterable[sa.Column[Any]]) -> None:
        kinds = [_KINDS[type(column.type)] for column in columns]
        self.text = f"unnest({', '.join(f'?::{kind}' for kind, _ in kinds)})"
        "What gives the rows in a statement."
        self._made = [made for _, made in kinds]

    def pack(self, rows: Iterable[Sequence[Any]]) -> list[Array]:
        return [made(column) for made, column in zip(self._made, zip(*rows, strict=True), strict=True)]
