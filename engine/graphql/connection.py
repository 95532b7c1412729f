"""Relay connections with keyset cursors: a cursor names a row's place in the order, so new rows move no page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
import strawberry

from engine.graphql.errors import ProtocolError
from engine.graphql.scalars import Position, given

MOST = 100
USUAL = 50

N = TypeVar("N")
T = TypeVar("T")


@strawberry.type(description="Where a page lies among all pages.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether something follows the page.")
    has_previous_page: bool = strawberry.field(description="Whether something precedes the page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first node; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last node; null on an empty page.")


@strawberry.type(description="A node with its place in the connection.")
class Edge(Generic[N]):
    node: N = strawberry.field(description="The node itself.")
    cursor: str = strawberry.field(description="Its place; pass it as `after` or `before`.")


@strawberry.type(description="A page of a list whose cursors stay right while rows are inserted.")
class Connection(Generic[N]):
    page: strawberry.Private["Page[Any, Any]"]

    @strawberry.field(description="The nodes with their cursors.")
    def edges(self) -> list[Edge[N]]:
        return [
            Edge(node=node, cursor=cursor) for node, cursor in zip(self.page.nodes, self.page.cursors(), strict=True)
        ]

    @strawberry.field(description="The nodes alone.")
    def nodes(self) -> list[N]:
        return self.page.nodes

    @strawberry.field(description="Where this page lies.")
    def page_info(self) -> PageInfo:
        return self.page.info()

    position: Position = strawberry.field(
        description="The place in the log that the page shows; "
        "a subscription with `after: position` goes on from there."
    )


@dataclass(frozen=True)
class Page(Generic[T, N]):
    """Rows in display order, of which a connection makes what is asked for and no more."""

    rows: Sequence[T]
    node: Callable[[T], N]
    key: Callable[[T], Sequence[Any]]
    has_next: bool
    has_previous: bool

    @cached_property
    def nodes(self) -> list[N]:
        return list(map(self.node, self.rows))

    def cursors(self) -> list[str]:
        return [encode(self.key(row)) for row in self.rows]

    def info(self) -> PageInfo:
        start, end = (encode(self.key(self.rows[place])) if self.rows else None for place in (0, -1))
        return PageInfo(
            has_next_page=self.has_next, has_previous_page=self.has_previous, start_cursor=start, end_cursor=end
        )


class Slice(msgspec.Struct, frozen=True):
    """What part of a list is asked for: `limit` rows behind `after`, or the last `limit` before `before`."""

    limit: int
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None
    backwards: bool

    @classmethod
    def of(cls, first: int | None, after: str | None, last: int | None = None, before: str | None = None) -> "Slice":
        """From a connection's arguments. Raises ProtocolError (BAD_USER_INPUT) for what cannot be meant."""
        first, after, last, before = given(first), given(after), given(last), given(before)
        if first is not None and last is not None:
            raise ProtocolError("BAD_USER_INPUT", "Give `first` or `last`, not both.")
        for name, count in (("first", first), ("last", last)):
            if count is not None and not 0 <= count <= MOST:
                raise ProtocolError("BAD_USER_INPUT", f"`{name}` must lie between 0 and {MOST}; this is {count}.")
        backwards = last is not None or (before is not None and first is None)
        limit = next((count for count in (first, last) if count is not None), USUAL)
        return cls(limit, _decode("after", after), _decode("before", before), backwards)


def encode(key: Sequence[Any]) -> str:
    """The cursor of a row, from the values it is sorted by."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _decode(name: str, cursor: str | None) -> tuple[Any, ...] | None:
    if cursor is None:
        return None
    try:
        key = msgspec.json.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or not all(isinstance(part, str | int | float | bool) for part in key):
        raise ProtocolError("BAD_USER_INPUT", f"`{name}` is not a cursor of this list.")
    return tuple(key)


def connect(
    rows: Sequence[T],
    node: Callable[[T], N],
    key: Callable[[T], Sequence[Any]],
    *,
    has_next: bool,
    has_previous: bool,
    position: int,
) -> Connection[N]:
    """A connection over rows in display order."""
    return Connection(page=Page(rows, node, key, has_next, has_previous), position=Position(position))
