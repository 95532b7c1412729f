"""The projections in the API: where each stands, and how it is."""

import enum
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry

from engine.graphql.cost import sized
from engine.graphql.scalars import Position
from engine.status import Status
from schema.context import Info


@strawberry.enum(description="How a projection is.")
class ProjectionState(enum.Enum):
    LIVE = strawberry.enum_value("LIVE", description="It shows the newest event, or is about to.")
    CATCHING_UP = strawberry.enum_value("CATCHING_UP", description="It is behind and moving.")
    STALLED = strawberry.enum_value("STALLED", description="It failed and is being retried; see lastError.")
    REBUILDING = strawberry.enum_value("REBUILDING", description="It is being folded anew from the first event.")
    PAUSED = strawberry.enum_value("PAUSED", description="Somebody stopped it.")


@strawberry.type(description="One read model as it runs.")
class ProjectionStatus:
    name: str = strawberry.field(description="The read model's name.")
    position: Position = strawberry.field(description="The last event it shows.")
    head: Position = strawberry.field(description="The last event of the log.")
    lag_events: int = strawberry.field(description="Events not yet projected.")
    lag_seconds: float = strawberry.field(description="The age of the oldest of them.")
    state: ProjectionState = strawberry.field(description="How it is.")
    events_per_second: float = strawberry.field(description="How fast it went lately.")
    dead_letters: int = strawberry.field(
        description="Events a process set aside, and those behind them; a read model stalls."
    )
    last_error: str | None = strawberry.field(description="Why it stalled, and at which event.")
    rebuild_position: Position | None = strawberry.field(
        description="How far it is folded anew, of the way to the head; null when it is not. Meanwhile the old table "
        "shows `position`, if there is one."
    )
    as_of: datetime = strawberry.field(description="When all this was so.")

    @classmethod
    def of(cls, status: Status) -> Self:
        return cls(
            name=status.name,
            position=Position(status.position),
            head=Position(status.head),
            lag_events=status.lag_events,
            lag_seconds=status.lag_seconds,
            state=ProjectionState[status.state.name],
            events_per_second=status.events_per_second,
            dead_letters=status.dead_letters,
            last_error=status.last_error,
            rebuild_position=None if status.rebuild_position is None else Position(status.rebuild_position),
            as_of=status.as_of,
        )


@strawberry.type
class Query:
    @strawberry.field(description="All projections. Staff.", metadata=sized(10))
    async def projections(self, info: Info) -> list[ProjectionStatus]:
        return [ProjectionStatus.of(status) for status in await info.context.app.statuses()]


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="All projections, at most once a second; as long as nothing changes, every five seconds, so that "
        "`asOf` tells that they are still looked at. Staff.",
        metadata=sized(10),
    )
    async def projections(self, info: Info) -> AsyncIterator[list[ProjectionStatus]]:
        async for statuses in info.context.app.follow_statuses():
            yield [ProjectionStatus.of(status) for status in statuses]
