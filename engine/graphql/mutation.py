"""What every mutation shares: the idempotency key and expected version going in, the receipt coming out."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import strawberry
from strawberry import UNSET

from engine import ids
from engine.graphql.context import Context, refused
from engine.graphql.scalars import Position, given
from engine.refusals import Refusal
from engine.shapes import Command, Receipt

X = TypeVar("X", bound=Context)
A = TypeVar("A", bound="CommandInput")
C = TypeVar("C", bound=Command)


@strawberry.input
class CommandInput:
    """The part of an input that every command takes."""

    command_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Idempotency key: the same id again gives the same answer and no second effect."
    )
    expected_version: int | None = strawberry.field(
        default=UNSET, description="Refuse with CONFLICT unless the stream is at this version."
    )

    def command(self) -> Command:
        """The command that is meant. Raises InvalidInput for values that cannot be."""
        raise NotImplementedError

    def said(self) -> Any:
        """What the client gave, where the command holds more than that; None where it is all there is.

        Raises InvalidInput for values that cannot be.
        """
        return None

    def identity(self, id: str | None) -> str:
        """The id for something new: the client's, or one that a repeat under the same command id makes again."""
        if (chosen := given(id)) is not None:
            return chosen
        return ids.derived(self.command_id) if self.command_id else ids.new()


@strawberry.type(name="Receipt", description="What the log answers to a command it accepted.")
class ReceiptType:
    command_id: strawberry.ID = strawberry.field(
        description="The id that the client gave, or one the server made. "
        "The same id again gives the same answer and no second effect."
    )
    position: Position = strawberry.field(
        description="The last event stored by this command; "
        "for a command that had nothing to do, the position it was decided at."
    )
    stream: str = strawberry.field(description="The stream that was written.")
    version: int = strawberry.field(description="The version of the stream after it.")
    accepted_at: datetime = strawberry.field(description="When the command was stored.")
    replayed: bool = strawberry.field(description="True when this is the stored answer to a command id seen before.")

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptType":
        return cls(
            command_id=strawberry.ID(receipt.command_id),
            position=Position(receipt.position),
            stream=receipt.stream,
            version=receipt.version,
            accepted_at=receipt.accepted_at,
            replayed=receipt.replayed,
        )


def dispatch(context: Context, input: CommandInput) -> Awaitable[Receipt | Refusal]:
    """Send the command that an input means; a value that cannot be is a refusal like any other."""
    try:
        command = input.command()
    except Refusal as refusal:
        return refused(refusal)
    return context.send(command, given(input.command_id), given(input.expected_version), input.said())


async def dispatch_made(context: X, input: A, kind: type[C], make: Callable[[X, A], Awaitable[C]]) -> Receipt | Refusal:
    """Send a command that more goes into than its input says.

    When it cannot be made, an earlier one under the same command id may still have its answer: what was looked up
    then can have changed since, and a repeat must not notice.
    """
    command_id, expected_version = given(input.command_id), given(input.expected_version)
    said: Any = None
    try:
        if (told := input.said()) is not None:
            # Who asks is part of what was said: `make` may fill in what belongs to the sender.
            said = [context.actor_id, told]
        command = await make(context, input)
    except Refusal as refusal:
        if said is None or command_id is None:
            return refusal
        return await context.app.dispatcher.recall(kind, command_id, expected_version, said) or refusal
    return await context.send(command, command_id, expected_version, said)
