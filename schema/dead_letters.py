"""Dead letters in the API: what processes have set aside, to be looked at, tried again or let go."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from domain.text import named
from engine.deadletters import DiscardDeadLetter, RetryDeadLetter
from engine.graphql.cost import sized
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from engine.parked import Parked
from engine.refusals import NotAllowedNow, NotFound
from schema.context import Info, ShopContext
from schema.events import Event
from schema.payloads import CommandPayload, send_made


@strawberry.type(description="An event that a process could not act upon, or one that waits behind it.")
class DeadLetter:
    process: str = strawberry.field(description="Which process set it aside.")
    position: Position = strawberry.field(description="The place of the event in the log.")
    key: str = strawberry.field(description="What it is about: later events of the same key wait behind it.")
    parked_at: datetime = strawberry.field(description="When it was set aside.")
    attempts: int = strawberry.field(description="How often it was tried; 0 for one that waits behind another.")
    retry_at: datetime | None = strawberry.field(description="When it is tried again by itself; null when never.")
    is_dead: bool = strawberry.field(
        description="Whether it was given up, so that only retryDeadLetter brings it back."
    )
    error: str | None = strawberry.field(description="What kept it from being done, the last time.")

    @classmethod
    def of(cls, parked: Parked) -> Self:
        return cls(
            process=parked.process,
            position=Position(parked.position),
            key=parked.key,
            parked_at=parked.parked_at,
            attempts=parked.attempts,
            retry_at=parked.retry_at,
            is_dead=parked.is_dead,
            error=parked.error,
        )

    @strawberry.field(description="The event itself.")
    async def event(self, info: Info) -> Event | None:
        found = await info.context.app.history.at(self.position)
        return Event.of(found) if found else None


# ---------------------------------------------------------------- commands


@strawberry.input(description="An event to be tried again, with those that wait behind it.")
class RetryDeadLetterInput(CommandInput):
    process: str = strawberry.field(description="Which process set it aside.")
    position: Position = strawberry.field(description="The place of the event in the log.")

    def said(self) -> list[str | int]:
        return [self.process, self.position]


@strawberry.input(description="An event from which nothing shall follow; those that wait behind it go on.")
class DiscardDeadLetterInput(CommandInput):
    process: str = strawberry.field(description="Which process set it aside.")
    position: Position = strawberry.field(description="The place of the event in the log.")
    reason: str = strawberry.field(description="Why.")

    def said(self) -> list[str | int]:
        return [self.process, self.position, self.reason]


async def _retrying(context: ShopContext, input: RetryDeadLetterInput) -> RetryDeadLetter:
    found = await _find(context, input.process, input.position)
    if not found.attempts and found.retry_at is None:
        raise NotAllowedNow("It waits behind another of its key: deal with that one.", "WAITING", ["position"])
    return RetryDeadLetter(process=input.process, position=input.position)


async def _discarding(context: ShopContext, input: DiscardDeadLetterInput) -> DiscardDeadLetter:
    await _find(context, input.process, input.position)
    return DiscardDeadLetter(process=input.process, position=input.position, reason=input.reason)


async def _find(context: ShopContext, process: str, position: int) -> Parked:
    """What is set aside there. Raises NotFound."""
    found = await context.app.reactor.dead_letter(process, position)
    if found is None:
        raise NotFound(f"{named(process)} has not set the event at position {position} aside.", ["position"])
    return found


@strawberry.type(description="The answer to retryDeadLetter.")
class RetryDeadLetterPayload(CommandPayload):
    pass


@strawberry.type(description="The answer to discardDeadLetter.")
class DiscardDeadLetterPayload(CommandPayload):
    pass


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Try what a process set aside again. Staff.")
    async def retry_dead_letter(self, info: Info, input: RetryDeadLetterInput) -> RetryDeadLetterPayload:
        return await send_made(info, input, RetryDeadLetterPayload, RetryDeadLetter, _retrying)

    @strawberry.mutation(description="Let go of what a process set aside. Staff.")
    async def discard_dead_letter(self, info: Info, input: DiscardDeadLetterInput) -> DiscardDeadLetterPayload:
        return await send_made(info, input, DiscardDeadLetterPayload, DiscardDeadLetter, _discarding)


# ---------------------------------------------------------------- reads


@strawberry.type
class Query:
    @strawberry.field(
        description="What processes have set aside, oldest event first, a hundred of each process at most. Staff.",
        metadata=sized(100),
    )
    async def dead_letters(
        self, info: Info, process: str | None = UNSET, after: Position | None = UNSET
    ) -> list[DeadLetter]:
        found = await info.context.app.reactor.dead_letters(given(process), given(after) or 0)
        return [DeadLetter.of(each) for each in found]


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="What processes have set aside, whenever that changes, at most once a second: oldest event first, "
        "a hundred of each process at most. `deadLetters` of `projections` counts them all. Staff.",
        metadata=sized(100),
    )
    async def dead_letters(self, info: Info, process: str | None = UNSET) -> AsyncIterator[list[DeadLetter]]:
        async for found in info.context.app.follow_dead_letters(given(process)):
            yield [DeadLetter.of(each) for each in found]
