"""The foreseen ways of saying no.

Refusal
├── InvalidInput       the command itself cannot be right
├── NotFound           the stream it names holds nothing
├── AlreadyTaken       a value that must be unique is in use
├── VersionConflict    expected_version was given and is not the stream's version
├── NotAllowedNow      the state does not allow it
└── CommandIdReused    the command id came before with another input

A domain adds its own by subclassing Refusal with typed fields.
"""

from collections.abc import Sequence


class Refusal(Exception):
    """A business refusal: raised by `decide`, caught by the dispatcher, returned to the caller as a value."""

    def __init__(self, message: str, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)
        "Which field of the command is meant, from the outside in."
        self.also: tuple[Refusal, ...] = ()
        "Further refusals found at the same time."


class InvalidInput(Refusal):
    """A value that cannot be right, whatever the state."""


class NotFound(Refusal):
    """What the command names does not exist."""


class AlreadyTaken(Refusal):
    """A value that must be unique is in use."""


class VersionConflict(Refusal):
    """The stream is not at the version the sender had seen."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"Expected version {expected}, but it is at {actual}.", ["expectedVersion"])
        self.expected = expected
        self.actual = actual


class NotAllowedNow(Refusal):
    """The state does not allow the command."""

    def __init__(self, message: str, state: str, path: Sequence[str] = ()) -> None:
        super().__init__(message, path)
        self.state = state


class CommandIdReused(Refusal):
    """The command id was used before with another input."""

    def __init__(self, command_id: str) -> None:
        super().__init__(f"Command id {command_id!r} was used before with another input.", ["commandId"])


def check(*problems: InvalidInput | None) -> None:
    """Raise the problems found, all of them at once; do nothing when there are none."""
    found = [problem for problem in problems if problem is not None]
    if found:
        found[0].also = tuple(found[1:])
        raise found[0]
