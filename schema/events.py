"""The event log in the API."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

import msgspec
import strawberry
from strawberry import UNSET

from engine.graphql.connection import USUAL, Connection, Slice, connect
from engine.graphql.cost import sized
from engine.graphql.errors import ProtocolError
from engine.graphql.frame import Span
from engine.graphql.scalars import Json, Position, given
from engine.history import Matching
from engine.shapes import Recorded
from schema.context import Info, ShopContext
from schema.nodes import Node

MOST_TYPES = 100


@strawberry.type(
    description="One event of the log. Personal data and secrets never appear in `data` "
    "to a viewer who may not see them."
)
class Event(Node):
    prefix = "event_"

    position: Position = strawberry.field(description="Its place in the log.")
    stream: str = strawberry.field(description="The stream it belongs to.")
    version: int = strawberry.field(description="Its place in the stream, from 1.")
    type: str = strawberry.field(description="What happened, in the past tense.")
    data: Json = strawberry.field(description="The facts.")
    recorded_at: datetime = strawberry.field(description="When it was stored.")
    command_id: strawberry.ID | None = strawberry.field(description="The command that it followed from.")
    correlation_id: strawberry.ID = strawberry.field(description="The whole story it belongs to.")
    causation_id: strawberry.ID | None = strawberry.field(
        description="The event that its command followed from; null when the command came from a client."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        description="Who sent the command; null when nobody is signed in."
    )

    @classmethod
    def of(cls, recorded: Recorded, *, is_told: bool = True) -> Self:
        """`is_told`: whether whoever asks may know the facts, and not only what kind of thing happened."""
        return cls(
            id=strawberry.ID(f"{cls.prefix}{recorded.position}"),
            position=Position(recorded.position),
            stream=recorded.stream,
            version=recorded.version,
            type=type(recorded.event).__name__,
            data=Json(msgspec.to_builtins(recorded.event) if is_told else {}),
            recorded_at=recorded.recorded_at,
            command_id=strawberry.ID(recorded.command_id),
            correlation_id=strawberry.ID(recorded.correlation_id),
            causation_id=_id(recorded.causation_id and cls.prefix + recorded.causation_id),
            actor_id=_id(recorded.actor_id),
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        number = id.removeprefix(cls.prefix)
        if not id.startswith(cls.prefix) or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        if not context.viewer.is_staff:
            return None
        found = await context.app.history.at(int(number))
        return cls.of(found) if found else None


def _id(value: str | None) -> strawberry.ID | None:
    return None if value is None else strawberry.ID(value)


@strawberry.input(description="Which events: every condition given must hold.")
class EventFilter:
    stream: str | None = strawberry.field(default=UNSET, description="Of this stream.")
    types: list[str] | None = strawberry.field(default=UNSET, description="Of one of these types.")
    command_id: strawberry.ID | None = strawberry.field(default=UNSET, description="That followed from this command.")
    correlation_id: strawberry.ID | None = strawberry.field(default=UNSET, description="That belong to this story.")

    def matching(self) -> Matching:
        types = given(self.types)
        if types is not None and len(types) > MOST_TYPES:
            raise ProtocolError("BAD_USER_INPUT", f"`types` takes at most {MOST_TYPES} values at a time.")
        return Matching(
            stream=given(self.stream),
            types=None if types is None else tuple(types),
            command_id=given(self.command_id),
            correlation_id=given(self.correlation_id),
        )


@strawberry.type(description="Events in order: every one that matches between `since` and `position`, none merged.")
class EventFrame(Span):
    since: Position = strawberry.field(description="The `position` of the frame before this.")
    position: Position = strawberry.field(description="How far the log has been looked through.")
    events: list[Event] = strawberry.field(description="The events, oldest first.", metadata=sized(USUAL))

    def at(self, since: int) -> Self:
        events = [event for event in self.events if event.position > since]
        return replace(self, since=Position(since), events=events)


@strawberry.type
class Query:
    @strawberry.field(description="The events of the log, oldest first. Staff.")
    async def events(
        self,
        info: Info,
        filter: EventFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> Connection[Event]:
        part = Slice.of(first, after, last, before)
        page = await info.context.app.history.page(
            _matching(filter),
            after=_place(part.after, 0),
            before=_place(part.before, None),
            limit=part.limit,
            newest=part.backwards,
        )
        return connect(
            page.events,
            Event.of,
            lambda recorded: (recorded.position,),
            has_next=part.before is not None if part.backwards else page.more,
            has_previous=page.more if part.backwards else part.after is not None,
            position=page.head,
        )


def _place(cursor: tuple[Any, ...] | None, otherwise: int | None) -> Any:
    if cursor is None:
        return otherwise
    if len(cursor) != 1 or type(cursor[0]) is not int or not 0 <= cursor[0] < 2**63:
        raise ProtocolError("BAD_USER_INPUT", "The cursor is not one of this list.")
    return cursor[0]


def _matching(filter: EventFilter | None) -> Matching:
    return filter.matching() if filter else Matching()


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="Every event after `after`, in order; without it, every event from now on. Staff."
    )
    async def events(
        self, info: Info, filter: EventFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[EventFrame]:
        context = info.context
        async for since, position, events in context.app.history.follow(_matching(filter), context.since(after)):
            yield EventFrame(
                since=Position(since), position=Position(position), events=[Event.of(event) for event in events]
            )
