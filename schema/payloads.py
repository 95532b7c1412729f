"""What every mutation answers with, and the one way of sending what it was asked."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import strawberry

from engine.graphql.mutation import CommandInput, ReceiptType, dispatch, dispatch_made
from engine.refusals import Refusal
from engine.shapes import Command, Receipt
from schema.context import Info, ShopContext
from schema.refusals import CommandError, errors


@strawberry.interface(
    description="Every mutation's payload. Either `receipt` is set and `errors` is empty, or the other way round."
)
class CommandPayload:
    receipt: ReceiptType | None = strawberry.field(description="Set when the command was accepted.")
    errors: list[CommandError] = strawberry.field(description="Why it was refused; empty when it was accepted.")
    accepted: strawberry.Private[Receipt | None] = None

    @property
    def key(self) -> str:
        """The id of the entity that was written."""
        return self.accepted.stream.partition("-")[2] if self.accepted else ""


P = TypeVar("P", bound=CommandPayload)
A = TypeVar("A", bound=CommandInput)
C = TypeVar("C", bound=Command)


async def send(info: Info, input: CommandInput, payload: type[P]) -> P:
    """Send the command that an input means, and answer with its receipt or with why it was refused."""
    return answer(await dispatch(info.context, input), payload)


async def send_made(
    info: Info, input: A, payload: type[P], kind: type[C], make: Callable[[ShopContext, A], Awaitable[C]]
) -> P:
    """Send the command that `make` makes of an input, looking up what else it needs; answer as `send` does."""
    return answer(await dispatch_made(info.context, input, kind, make), payload)


def answer(outcome: Receipt | Refusal, payload: type[P]) -> P:
    """What a command came to, as its payload."""
    if isinstance(outcome, Refusal):
        return payload(receipt=None, errors=errors(outcome))
    return payload(receipt=ReceiptType.of(outcome), errors=[], accepted=outcome)
