"""What every mutation answers with, and the one way of sending what it was asked."""

from typing import TypeVar

import strawberry

from engine.graphql.mutation import CommandInput, ReceiptType, dispatch
from engine.refusals import Refusal
from engine.shapes import Receipt
from schema.context import Info
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


async def send(info: Info, input: CommandInput, payload: type[P]) -> P:
    """Send the command that an input means, and answer with its receipt or with why it was refused."""
    outcome = await dispatch(info.context, input)
    if isinstance(outcome, Refusal):
        return payload(receipt=None, errors=errors(outcome))
    return payload(receipt=ReceiptType.of(outcome), errors=[], accepted=outcome)
