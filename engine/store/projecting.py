"""Parts of a transaction, each of one read table: all of them in two journeys, or one after the other in a file."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from engine.faults import Unavailable
from engine.store.session import FAULTS, Gathering, Session, gathering, transaction

Fault = Exception | None
"What a part failed of, if it did."


class Part(Protocol):
    """What one read table takes of a transaction. Where it fails before it writes, nothing of it is written."""

    def ask(self, session: Session) -> None:
        """Ask for all that it needs. It may be asked again, on another connection."""

    def fold(self) -> None:
        """Look at the answers, and find what to write."""

    def write(self, session: Session) -> None: ...


def projected(session: Session, parts: Sequence[Part]) -> Sequence[Fault]:
    """Do them in one transaction; what each failed of, with nothing of it done. What it raises has undone all."""
    wire = gathering(session)
    return _one_by_one(session, parts) if wire is None else _together(wire, parts)


def _one_by_one(session: Session, parts: Sequence[Part]) -> Sequence[Fault]:
    with transaction(session):
        # One savepoint for all, as long as nothing fails: with one for each these would be a third of all statements.
        fault = _alone(session, parts)
        if fault is None or len(parts) == 1:
            return [fault] * len(parts)
        return [_alone(session, [each]) for each in parts]


def _alone(session: Session, parts: Sequence[Part]) -> Fault:
    session.execute("SAVEPOINT part")
    try:
        for each in parts:
            each.ask(session)
            each.fold()
            each.write(session)
    except Exception as error:
        session.execute("ROLLBACK TO part")
        session.execute("RELEASE part")
        return error
    session.execute("RELEASE part")
    return None


def _together(wire: Gathering, parts: Sequence[Part]) -> Sequence[Fault]:
    """A statement that the server refuses spoils those of the others: then each has to be done by itself."""
    try:
        asked = wire.begin(lambda all: [_asked(all, each) for each in parts])
        faults = [fault or _folded(part) for fault, part in zip(asked, parts, strict=True)]
        with wire.together() as all:
            for fault, part in zip(faults, parts, strict=True):
                if fault is None:
                    part.write(all)
            all.execute("COMMIT")
    except BaseException:
        with suppress(*FAULTS):
            if wire.in_transaction:
                wire.execute("ROLLBACK")
        raise
    return faults


def _asked(session: Session, part: Part) -> Fault:
    try:
        part.ask(session)
    except Unavailable:  # of whatever was asked before
        raise
    except Exception as error:
        return error
    return None


def _folded(part: Part) -> Fault:
    try:
        part.fold()
    except Exception as error:
        return error
    return None
