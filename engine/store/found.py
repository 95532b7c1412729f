"""What is found in a read table: rows, pages of them, and what changed or went away."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from engine.shapes import Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")
LAST_ID = b""
"As an id: after every id."
Answer = Callable[[], T]
"What was asked, once it has come."


class Tombstone(msgspec.Struct, frozen=True, gc=False):
    """A row that was removed, as it was before."""

    row: Row
    key: str
    position: int
    deleted_at: datetime


class Changed(msgspec.Struct, frozen=True, gc=False):
    """A row that changed or went away at a position; `row` is None for one that went away or no longer matches."""

    position: int
    id: str
    row: Any
    fixed: tuple[Any, ...] = ()
    "What is left of a row that went away: its FIXED columns, as they were stored."


class Changes(msgspec.Struct, frozen=True):
    """A stretch of what changed, in the order of (position, id)."""

    entries: list[Changed]
    position: int
    "The position the table shows."
    floor: int


class Page(msgspec.Struct, Generic[R], frozen=True):
    """Rows in their order, whether there are more that way, and the position they show."""

    rows: list[R]
    more: bool
    position: int
