"""Frames: what a plural subscription delivers, so that a client can prove it has missed nothing."""

import enum
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, Self, TypeVar

import strawberry

from engine import tracing
from engine.graphql.connection import USUAL
from engine.graphql.cost import sized
from engine.graphql.scalars import Position
from engine.liveview import Change, ChangeKind
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


class Span:
    """What a source gives that takes a client from one position to another: nothing is left out in between."""

    since: Position
    position: Position

    @property
    def is_exact(self) -> bool:
        """Whether a client that has applied it knows all there is up to `position`."""
        return True

    @property
    def is_reset(self) -> bool:
        """Whether it takes everybody back, wherever they are."""
        return False

    def at(self, since: int) -> Self:
        """The same for a client that is already at a position between the two."""
        raise NotImplementedError


@strawberry.type(
    description="Apply this, and your view, exact as of `since`, is exact as of `position`. "
    "`since` of each frame equals `position` of the frame before it."
)
class Frame(Span, Generic[N]):
    kind: FrameKind = strawberry.field(description="What to do with the frame.")
    since: Position = strawberry.field(description="The position the view must be at.")
    position: Position = strawberry.field(
        description="The position the view is at once this is applied; equal to `since` while `more` is true."
    )
    more: bool = strawberry.field(description="Whether further chunks of the same step follow at once.")
    upserted: list[N] = strawberry.field(description="Rows to put in, whole, by id.", metadata=sized(USUAL))
    removed: list[strawberry.ID] = strawberry.field(
        description="Ids to take out; unknown ones are to be ignored.", metadata=sized(USUAL)
    )
    told_of: strawberry.Private[tuple[int, ...]] = ()
    "Positions of events that it tells of, where traces are made."

    @property
    def is_exact(self) -> bool:
        return not self.more and not self.is_reset

    @property
    def is_reset(self) -> bool:
        return self.kind is FrameKind.RESET

    def at(self, since: int) -> Self:
        # Rows come whole and removals may be repeated, so what such a client knows already does no harm.
        return replace(self, since=Position(since))

    @classmethod
    def of(cls, change: Change[R], node: Callable[[R], N], prefix: str = "") -> "Frame[N]":
        """Made once for all whom the change is told to. `prefix` is what the nodes' ids have before the rows' keys."""
        made: Frame[N] | None = change.made.get((node, prefix))
        if made is None:
            made = change.made[node, prefix] = cls._made(change, node, prefix)
        return made

    @classmethod
    def _made(cls, change: Change[R], node: Callable[[R], N], prefix: str) -> "Frame[N]":
        return cls(
            kind=FrameKind[change.kind],
            since=Position(change.since),
            position=Position(change.position),
            more=change.more,
            upserted=[node(row) for row in change.upserted],
            removed=[strawberry.ID(prefix + each) for each in change.removed],
            told_of=_events(change) if tracing.is_on() else (),
        )


def _events(change: Change[R]) -> tuple[int, ...]:
    """The last events that changed the rows of a change, as far as is known: of what is gone, the newest of all."""
    if change.kind is not ChangeKind.CHANGES:
        return ()
    gone = (change.position,) if change.removed and not change.more else ()
    return (*(row.position for row in change.upserted), *gone)[: tracing.MOST_AT_ONCE]
