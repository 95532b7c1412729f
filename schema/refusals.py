"""Refusals as clients see them: one type for each, one table."""

import enum
from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from domain import stock
from engine import refusals
from engine.refusals import Refusal


@strawberry.enum(description="Why a command was refused.")
class CommandErrorCode(enum.Enum):
    INVALID = strawberry.enum_value("INVALID", description="A value cannot be right.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="What the command names does not exist.")
    ALREADY_TAKEN = strawberry.enum_value("ALREADY_TAKEN", description="A value that must be unique is in use.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="expectedVersion is not the stream's version.")
    NOT_ALLOWED_NOW = strawberry.enum_value("NOT_ALLOWED_NOW", description="The entity's state does not allow it.")
    INSUFFICIENT_STOCK = strawberry.enum_value("INSUFFICIENT_STOCK", description="More was asked for than is left.")
    COMMAND_ID_REUSED = strawberry.enum_value(
        "COMMAND_ID_REUSED", description="The command id was used before with another input."
    )


@strawberry.interface(
    description="A business refusal. Protocol errors, missing permission, limits and faults are top-level errors "
    "instead, each with extensions.code."
)
class CommandError:
    code: CommandErrorCode = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people.")
    path: list[str] = strawberry.field(description='Where in the input, for example ["lines", "0", "quantity"].')


@strawberry.type(description="A value that cannot be right, whatever the state.")
class InvalidInput(CommandError):
    pass


@strawberry.type(description="What the command names does not exist.")
class NotFound(CommandError):
    pass


@strawberry.type(description="A value that must be unique is in use.")
class AlreadyTaken(CommandError):
    pass


@strawberry.type(description="expectedVersion was given and is not the stream's version.")
class VersionConflict(CommandError):
    expected: int = strawberry.field(description="The version that was given.")
    actual: int = strawberry.field(description="The version the stream is at.")


@strawberry.type(description="The entity's state does not allow this command, for example shipping an unpaid order.")
class NotAllowedNow(CommandError):
    state: str = strawberry.field(description="The state it is in.")


@strawberry.type(description="More of a medicine was asked for than is left.")
class InsufficientStock(CommandError):
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    requested: int = strawberry.field(description="How many were asked for.")
    available: int = strawberry.field(description="How many there are.")


@strawberry.type(description="The command id was used before with another input.")
class CommandIdReused(CommandError):
    pass


TABLE: dict[type[Refusal], tuple[type[CommandError], CommandErrorCode, Sequence[str]]] = {
    refusals.InvalidInput: (InvalidInput, CommandErrorCode.INVALID, ()),
    refusals.NotFound: (NotFound, CommandErrorCode.NOT_FOUND, ()),
    refusals.AlreadyTaken: (AlreadyTaken, CommandErrorCode.ALREADY_TAKEN, ()),
    refusals.VersionConflict: (VersionConflict, CommandErrorCode.CONFLICT, ("expected", "actual")),
    refusals.NotAllowedNow: (NotAllowedNow, CommandErrorCode.NOT_ALLOWED_NOW, ("state",)),
    stock.InsufficientStock: (
        InsufficientStock,
        CommandErrorCode.INSUFFICIENT_STOCK,
        ("medicine_id", "requested", "available"),
    ),
    refusals.CommandIdReused: (CommandIdReused, CommandErrorCode.COMMAND_ID_REUSED, ()),
}
"What each refusal becomes: type, code, and the fields it carries over."

TYPES = [entry[0] for entry in TABLE.values()]


def errors(refusal: Refusal) -> list[CommandError]:
    """A refusal, and what was found with it, as the client sees it."""
    return [_error(each) for each in (refusal, *refusal.also)]


def _error(refusal: Refusal) -> CommandError:
    kind, code, carried = TABLE[type(refusal)]
    facts: dict[str, Any] = {name: getattr(refusal, name) for name in carried}
    return kind(code=code, message=refusal.message, path=[to_camel_case(part) for part in refusal.path], **facts)
