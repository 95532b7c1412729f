"""A command on its way: accepted, stored as events, passed by each projection."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry

from engine.graphql.cost import sized
from engine.graphql.mutation import ReceiptType
from engine.history import PAGE, Progress, Step
from schema.context import Info
from schema.events import Event


@strawberry.type(description="What one projection has done of a command.")
class ProjectionStep:
    projection: str = strawberry.field(description="The projection's name.")
    projected_at: datetime | None = strawberry.field(
        description="When it passed the last of the events; null when it has not, or when that is no longer known."
    )
    lag_milliseconds: float | None = strawberry.field(description="How long that was after the command was stored.")

    @classmethod
    def of(cls, step: Step) -> Self:
        return cls(projection=step.projection, projected_at=step.projected_at, lag_milliseconds=step.lag_milliseconds)


@strawberry.type(description="How far a command has come.")
class CommandProgress:
    command_id: strawberry.ID = strawberry.field(description="Which command.")
    receipt: ReceiptType | None = strawberry.field(description="Its receipt; null until it is accepted.")
    events: list[Event] = strawberry.field(description="What it stored.")
    projections: list[ProjectionStep] = strawberry.field(
        description="Each projection that handles one of the events, and when it passed the last of them.",
        metadata=sized(10),
    )
    is_complete: bool = strawberry.field(description="Whether every one of them has.")
    progress: strawberry.Private[Progress]

    @classmethod
    def of(cls, progress: Progress, *, is_told: bool) -> Self:
        return cls(
            command_id=strawberry.ID(progress.command_id),
            receipt=ReceiptType.of(progress.receipt) if progress.receipt else None,
            events=[Event.of(event, is_told=is_told) for event in progress.events],
            projections=[ProjectionStep.of(step) for step in progress.steps],
            is_complete=progress.is_complete,
            progress=progress,
        )

    @strawberry.field(
        description="What followed so far: the first hundred events of the same story after its own, those of "
        "processes too; none for one who is not signed in. Only staff find anything in `data`. A subscription does not "
        "wait for them.",
        metadata=sized(PAGE),
    )
    async def follow_ups(self, info: Info) -> list[Event]:
        viewer = info.context.viewer
        if not viewer.is_signed_in:
            return []
        # A story touches what is not the sender's, as the stock: that something happened is told, and no facts.
        found = await info.context.app.history.follow_ups(self.progress)
        return [Event.of(event, is_told=viewer.is_staff) for event in found]


NOBODYS = "\n"
"No command has this id: it cannot be printed."


@strawberry.type
class Query:
    @strawberry.field(
        description="How far a command has come; null when no such command was accepted. Its sender, staff."
    )
    async def command(self, info: Info, id: strawberry.ID) -> CommandProgress | None:
        progress = await info.context.app.history.progress(id)
        return _shown(info, progress) if progress.receipt and _may_see(info, progress) else None


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="From acceptance to the last projection; completes when every projection has passed it. "
        "Its sender, staff."
    )
    async def command(self, info: Info, id: strawberry.ID) -> AsyncIterator[CommandProgress]:
        history = info.context.app.history
        async for progress in history.follow_command(id):
            if not _may_see(info, progress):
                break
            yield _shown(info, progress)
        else:
            return
        async for _ in history.follow_command(NOBODYS):
            pass  # as silent as one that was never sent


def _may_see(info: Info, progress: Progress) -> bool:
    """Whether a viewer is who sent the command, or staff. For anybody else it looks like one that was never sent."""
    viewer = info.context.viewer
    return viewer.is_staff or progress.receipt is None or progress.receipt.actor_id == viewer.user_id


def _shown(info: Info, progress: Progress) -> CommandProgress:
    # Of those who are not signed in each could be any other: a command id, which a client may make up, proves nothing.
    return CommandProgress.of(progress, is_told=info.context.viewer.is_signed_in)
