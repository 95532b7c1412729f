"""A read model's fold over a batch of events: pure, the same whatever the batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Generic, TypeVar

from engine.codec import members
from engine.shapes import ReadModel, Recorded, Row, replace
from engine.store.found import Tombstone
from engine.store.rowcache import RowCache
from engine.store.rows import Table
from engine.store.session import Session

R = TypeVar("R", bound=Row)
Work = list[tuple[Recorded, tuple[str, ...]]]


@dataclass
class Folded(Generic[R]):
    """What a batch comes to: rows to write, keys to delete, removals to remember."""

    rows: dict[str, R] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    buried: list[Tombstone] = field(default_factory=list)


class Fold(Generic[R]):
    """The fold of one read model, with the columns the engine fills in."""

    def __init__(self, model: ReadModel[R]) -> None:
        self.model = model
        self.types: frozenset[type[Any]] = frozenset(members(model.apply, 1))
        "The events it subscribes to: the union in the signature of `apply`."
        self._with_record = len(signature(model.apply).parameters) > 2
        self._keyed_by_record = len(signature(model.keys).parameters) > 1
        self._category = f"{model.of}-" if model.of else None

    def work(self, events: Sequence[Recorded]) -> Work:
        """The events that concern this model, each with the keys it touches."""
        types, keys = self.types, self.model.keys
        if self._keyed_by_record:
            return [(each, keys(each.event, each)) for each in events if type(each.event) in types]
        return [(each, keys(each.event)) for each in events if type(each.event) in types]

    def concerns(self, events: Sequence[Recorded]) -> bool:
        """Whether any of the events is one that this model subscribes to."""
        return any(type(each.event) in self.types for each in events)

    def run(self, rows: dict[str, R], work: Work) -> Folded[R]:
        """Fold events into `rows`, which holds every row they touch; the last write of a key wins."""
        folded, changed = Folded[R](), dict[str, None]()
        apply, with_record, category = self.model.apply, self._with_record, self._category
        for recorded, keys in work:
            event = recorded.event
            for key in keys:
                row = rows.get(key)
                new = apply(row, event, recorded) if with_record else apply(row, event)
                if new is None:
                    if row is not None:
                        folded.buried.append(Tombstone(row, key, recorded.position, recorded.recorded_at))
                        changed[key] = None
                        del rows[key]
                    continue
                version = row.version if row is not None else 0
                if category is not None and recorded.stream == category + key:
                    version = recorded.version
                if row is None or version != row.version or not _same(new, row):
                    rows[key] = self._filled(key, new, row, version, recorded)
                    changed[key] = None
        folded.rows = {key: rows[key] for key in changed if key in rows}
        folded.gone = [key for key in changed if key not in rows]
        return folded

    def write(
        self,
        connection: Session,
        table: Table[R],
        slot: str,
        events: Sequence[Recorded],
        cache: RowCache[R] | None = None,
    ) -> Folded[R]:
        """Load, fold and write in the caller's transaction, on its thread: the fold is pure, so it may run there.

        What is in `cache` is not loaded. Only the caller knows when the transaction is committed, and keeps it then.
        """
        step = Step(self, table, slot, events, cache)
        step.ask(connection)
        step.fold()
        step.write(connection)
        return step.folded

    def _filled(self, key: str, new: R, row: R | None, version: int, recorded: Recorded) -> R:
        if new.id != key:  # type: ignore[attr-defined]  # every table makes sure that its rows have an id
            raise ValueError(f"{self.model.name} gave the row {new.id!r} for the key {key!r}.")  # type: ignore[attr-defined]
        return replace(
            new,
            position=recorded.position,
            version=version,
            created_at=recorded.recorded_at if row is None else row.created_at,
            updated_at=recorded.recorded_at,
        )


class Step(Generic[R]):
    """A batch on its way into a table, in the caller's transaction: ask, then fold, then write.

    Whatever it asks is answered when it folds, so all that several of them ask can go in one journey.
    """

    def __init__(
        self, fold: Fold[R], table: Table[R], slot: str, events: Sequence[Recorded], cache: RowCache[R] | None
    ) -> None:
        self._fold, self._table, self._slot = fold, table, slot
        self._events, self._cache = events, cache
        self.folded = Folded[R]()

    def ask(self, connection: Session) -> None:
        """Ask for the rows that the events touch. It may be done again, on another connection."""
        self._work = self._fold.work(self._events)
        keys = {key for _, touched in self._work for key in touched}
        self._known = self._cache.known(keys) if self._cache else {}
        self._asked = self._table.ask(connection, keys - self._known.keys(), self._slot)

    def fold(self) -> None:
        self._before = self._known | self._asked()
        self.folded = self._fold.run(dict(self._before), self._work)

    def write(self, connection: Session) -> None:
        folded = self.folded
        self._table.write(connection, self._slot, folded.rows.values(), folded.gone, folded.buried, self._before)


def _same(new: Row, row: Row) -> bool:
    """Whether nothing changed but what the engine fills in, which a row made from scratch does not carry over."""
    if new == row:
        return True
    if new.position == row.position:
        return False
    mine = {
        "position": row.position,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    return replace(new, **mine) == row
