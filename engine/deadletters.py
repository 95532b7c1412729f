"""What operators decide about dead letters: facts in the log like any others, which the process concerned acts upon."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from engine.refusals import InvalidInput, check
from engine.shapes import Aggregate, Command, Event, Personal, State
from engine.store.reactions import Reactions
from engine.store.session import Session


class RetryDeadLetter(Command):
    """Try the event again, and then those that wait behind it."""

    process: str
    position: int


class DiscardDeadLetter(Command):
    """Leave undone what should have followed from the event, and go on with those that wait behind it.

    The event itself is a fact that the process takes note of."""

    process: str
    position: int
    reason: str

    def __post_init__(self) -> None:
        is_blank = not self.reason.strip()
        check(InvalidInput("Must not be blank.", ["reason"]) if is_blank else None)


DeadLetterCommand: TypeAlias = RetryDeadLetter | DiscardDeadLetter


class DeadLetterRetried(Event):
    process: str
    position: int


class DeadLetterDiscarded(Event):
    process: str
    position: int
    reason: Personal[str]


DeadLetterEvent: TypeAlias = DeadLetterRetried | DeadLetterDiscarded


class Desk(State):
    """Nothing: which events are set aside is known where they are."""


def decide(desk: Desk, command: DeadLetterCommand, now: datetime) -> Sequence[DeadLetterEvent]:
    match command:
        case RetryDeadLetter():
            return [DeadLetterRetried(process=command.process, position=command.position)]
        case DiscardDeadLetter():
            return [DeadLetterDiscarded(process=command.process, position=command.position, reason=command.reason)]
        case _:
            assert_never(command)


def evolve(desk: Desk, event: DeadLetterEvent) -> Desk:
    return desk


DEAD_LETTERS = Aggregate("deadletters", identity="process", initial=Desk(), decide=decide, evolve=evolve)


def obey(connection: Session, rows: Reactions, decision: DeadLetterEvent, now: datetime) -> None:
    """Do what an operator decided, if it is about this process; what is no longer set aside has gone its way."""
    if decision.process != rows.process:
        return
    match decision:
        case DeadLetterRetried():
            rows.again(connection, decision.position, now)
        case DeadLetterDiscarded():
            rows.discard(connection, decision.position, now)
        case _:
            assert_never(decision)
