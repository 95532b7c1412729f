"""Frames: what a plural subscription delivers, so that a client can prove it has missed nothing."""

import enum
from collections.abc import Callable
from typing import Generic, TypeVar

import strawberry

from engine.graphql.scalars import Position
from engine.liveview import Change
from engine.shapes import Row

N = TypeVar("N")
R = TypeVar("R", bound=Row)


@strawberry.enum(description="What a frame does to the view it is applied to.")
class FrameKind(enum.Enum):
    SNAPSHOT = strawberry.enum_value(
        "SNAPSHOT", description="The whole view, in chunks while `more` is true; sent first when `after` is not given."
    )
    CHANGES = strawberry.enum_value(
        "CHANGES",
        description="Rows that changed, and ids that left the view: deleted, or no longer matching the filter.",
    )
    RESET = strawberry.enum_value(
        "RESET", description="The view must be dropped; a SNAPSHOT follows. Sent when `after` cannot be honoured."
    )


@strawberry.type(
    description="Apply this, and your view, exact as of `since`, is exact as of `position`. "
    "`since` of each frame equals `position` of the frame before it."
)
class Frame(Generic[N]):
    kind: FrameKind = strawberry.field(description="What to do with the frame.")
    since: Position = strawberry.field(description="The position the view must be at.")
    position: Position = strawberry.field(
        description="The position the view is at once this is applied; equal to `since` while `more` is true."
    )
    more: bool = strawberry.field(description="Whether further chunks of the same step follow at once.")
    upserted: list[N] = strawberry.field(description="Rows to put in, whole, by id.")
    removed: list[strawberry.ID] = strawberry.field(description="Ids to take out; unknown ones are to be ignored.")

    @classmethod
    def of(cls, change: Change[R], node: Callable[[R], N], prefix: str = "") -> "Frame[N]":
        """`prefix` is what the nodes' ids have before the rows' keys."""
        return cls(
            kind=FrameKind[change.kind],
            since=Position(change.since),
            position=Position(change.position),
            more=change.more,
            upserted=[node(row) for row in change.upserted],
            removed=[strawberry.ID(prefix + each) for each in change.removed],
        )
