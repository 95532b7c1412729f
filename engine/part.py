"""What one projection takes of a transaction: who may write it, where its table is, its rows, and its checkpoint."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from engine.faults import SetBack, Unavailable
from engine.fold import Fold, Folded, Step
from engine.shapes import Recorded, Row
from engine.store.rowcache import RowCache
from engine.store.rows import Table
from engine.store.session import Guard, Session

R = TypeVar("R", bound=Row)
P = TypeVar("P", contravariant=True)


class Company(Protocol[P]):
    """Those who take a projection along once it has read to the head of the log."""

    async def travel(self, projection: P) -> None:
        """Take its batches for it, until it is to go on by itself."""

    def release(self, projection: P) -> None:
        """Let it go on by itself, after the batch under way."""


class Part(Generic[R]):
    """Folds events and moves the checkpoint. Up to its new position, nothing but these events concerns the table."""

    def __init__(
        self,
        fold: Fold[R],
        table: Table[R],
        cache: RowCache[R],
        guard: Guard,
        place: tuple[int, str],
        events: Sequence[Recorded],
        position: int,
        at: datetime,
        *,
        forgets: bool,
    ) -> None:
        self._table, self._guard, self._place = table, guard, place
        self._step = Step(fold, table, place[1], events, cache)
        self._position, self._at, self._forgets = position, at, forgets

    @property
    def folded(self) -> Folded[R]:
        return self._step.folded

    def ask(self, session: Session) -> None:
        self._verdict = self._guard.ask(session)
        self._checkpoint = self._table.ask_checkpoint(session, held=True)
        self._step.ask(session)

    def fold(self) -> None:
        """Raises SetBack when the table is at an older position than it is believed to be at."""
        self._verdict()
        found, (position, slot), name = self._checkpoint(), self._place, self._table.name
        if found is not None and found.slot == slot and found.position < position:
            raise SetBack(f"{name} is at position {found.position} again, and was at {position}.")
        if found is None or (found.position, found.slot) != (position, slot):
            raise Unavailable(f"Somebody else moved the checkpoint of {name}.")
        self._step.fold()

    def write(self, session: Session) -> None:
        self._step.write(session)
        self._table.move(session, self._position, self._at)
        if self._forgets:
            self._table.forget_passages(session)
