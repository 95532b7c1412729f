"""One read table: load keys, write a batch, page, search, what changed since a position."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from engine.shapes import Conditions, ReadModel, Row
from engine.store import checkpoints
from engine.store import conditions as predicates
from engine.store.checkpoints import Checkpoint
from engine.store.columns import Layout
from engine.store.dialect import SQLITE, Dialect
from engine.store.found import LAST_ID, Answer, Changed, Changes, Page, Tombstone
from engine.store.instants import instant, microseconds
from engine.store.search import search_terms, search_vector, vector
from engine.store.session import Session, asked, together
from engine.store.statements import LOAD_AT_ONCE, Statements, sort_key

R = TypeVar("R", bound=Row)
Cursor = tuple[Any, ...]
PASSAGES_KEPT = 10_000


class Table(Generic[R]):
    """The table of one read model. Its functions run on the connection's thread, inside the caller's transaction."""

    def __init__(self, model: ReadModel[R], dialect: Dialect = SQLITE) -> None:
        self.model = model
        self._dialect = dialect
        self.name = model.name
        self.layout = Layout(model.row)
        for path, _ in map(sort_key, model.order):
            column = self.layout.column(path)
            if column.is_optional:
                raise ValueError(f"{model.name} cannot be sorted by {path!r}, which may be None.")
        self._in = {slot: Statements(model, self.layout, slot, dialect) for slot in ("a", "b")}
        made = "\n".join(self._in["a"].create())
        self.fingerprint = hashlib.blake2b(made.encode(), digest_size=8).hexdigest()
        "Changes whenever the columns, their types or the indexes do."
        self._decode = self.layout.decode
        self._keeps_words = self._in["a"].keeps_words
        self._words = self.layout.picking(each.path for each in self.layout.searched)
        places = [place for place, each in enumerate(self.layout.columns) if each.is_searched]
        self._searched: Callable[[tuple[Any, ...]], list[Any]] = lambda columns: [columns[place] for place in places]
        self._places: dict[tuple[str, ...], Callable[[R], Cursor]] = {}
        "What gives a row's cursor, by the order it is for."

    # ------------------------------------------------------------ bookkeeping

    def checkpoint(self, connection: Session, *, held: bool = False) -> Checkpoint | None:
        """`held`: nobody else moves it until this transaction ends."""
        return self.ask_checkpoint(connection, held=held)()

    def ask_checkpoint(self, connection: Session, *, held: bool = False) -> Answer[Checkpoint | None]:
        text = checkpoints.HOLD if held and self._dialect.is_shared else checkpoints.FIND
        rows = asked(connection, text, (self.name,))

        def found() -> Checkpoint | None:
            row = next(iter(rows), None)
            return Checkpoint(*row) if row else None

        return found

    def _now(self, connection: Session) -> Checkpoint:
        found = self.checkpoint(connection)
        return found or Checkpoint(self.model.version, self.fingerprint, "", 0, 0, "a", 0)

    def slot(self, connection: Session) -> str:
        """Where the table is that is served."""
        return self._now(connection).slot

    def create(self, connection: Session, slot: str) -> None:
        """An empty table in `slot`, whatever was there."""
        with together(connection) as all:
            for statement in self._in[slot].drop() + self._in[slot].create():
                all.execute(statement)

    def drop(self, connection: Session, slot: str) -> None:
        for statement in self._in[slot].drop():
            connection.execute(statement)

    def begin(self, connection: Session, checkpoint: Checkpoint) -> None:
        """Set the checkpoint whatever it was; `move` is for going on from it."""
        connection.execute(checkpoints.REPLACE, (self.name, *msgspec.structs.astuple(checkpoint)))

    def move(self, connection: Session, position: int, passed_at: datetime) -> None:
        passed = microseconds(passed_at)
        move, passing = (position, passed, self.name), (self.name, position, passed)
        if self._dialect.is_shared:
            connection.execute(checkpoints.MOVE_AND_PASS, (*move, *passing))
        else:
            connection.execute(checkpoints.MOVE, move)
            connection.execute(checkpoints.PASS, passing)

    def forget_passages(self, connection: Session, kept: int = PASSAGES_KEPT) -> None:
        connection.execute(checkpoints.FORGET, (self.name, kept))
        connection.execute(checkpoints.BLUR, (self.name, kept))

    def passed(self, connection: Session, position: int) -> datetime | None:
        """When the model passed a position; None when it has not, or when that was forgotten."""
        found = connection.execute(checkpoints.PASSED, (self.name, position)).fetchone()
        return instant(found[0]) if found and found[0] else None

    def prune(self, connection: Session, before: datetime) -> int:
        """Forget removals older than `before`, and remember up to which position some may be forgotten."""
        checkpoint, values = self._now(connection), {"before": microseconds(before)}
        statements = self._in[checkpoint.slot]
        (position,) = connection.execute(statements.pruned, values).fetchone()
        if position is None:
            return 0
        count = connection.execute(statements.prune, values).rowcount
        connection.execute(checkpoints.RAISE, (position, self.name))
        return count

    # ------------------------------------------------------------ writing

    def load(self, connection: Session, keys: Iterable[str], slot: str | None = None) -> dict[str, R]:
        """The rows under these keys; keys without a row are left out."""
        return self.ask(connection, keys, slot or self._now(connection).slot)()

    def ask(self, connection: Session, keys: Iterable[str], slot: str) -> Answer[dict[str, R]]:
        """Asks for the rows under these keys: `load` in two steps."""
        statements, chunks, rest = self._in[slot], list[Iterable[tuple[Any, ...]]](), iter(keys)
        while chunk := list(islice(rest, LOAD_AT_ONCE)):
            statement, size = statements.load(len(chunk))
            chunks.append(asked(connection, statement, chunk + [None] * (size - len(chunk))))

        def found() -> dict[str, R]:
            rows = (self._decode(columns) for each in chunks for columns in each)
            return {row.id: row for row in rows}  # type: ignore[attr-defined]  # Layout makes sure of the id

        return found

    def write(
        self,
        connection: Session,
        slot: str,
        rows: Iterable[R],
        gone: Iterable[str],
        buried: Iterable[Tombstone],
        before: Mapping[str, R] | None = None,
    ) -> None:
        """Put in `rows`, delete the keys `gone`, keep a tombstone of each removal. `before`: stored rows."""
        statements, layout, fixed = self._in[slot], self.layout, self.layout.encode_fixed
        if self._keeps_words:
            rows, before = self._with_words(rows, before or {})
        new, changed = layout.split(rows, before or {})
        if self._keeps_words:
            new = [(*each, vector(self._searched(each))) for each in new]
        removed = [(each.position, each.key, microseconds(each.deleted_at), *fixed(each.row)) for each in buried]  # type: ignore[arg-type]
        for writing, many in (
            (statements.upsert, new),
            (statements.update, changed),
            (statements.delete, [(key,) for key in gone]),
            (statements.bury, removed),
        ):
            if many:
                writing.run(connection, many)

    def _with_words(self, rows: Iterable[R], before: Mapping[str, R]) -> tuple[Iterable[R], Mapping[str, R]]:
        """The rows, and those before them whose words are still the same: the others are put in whole."""
        rows, words = list(rows), self._words
        same = {row.id for row in rows if row.id in before and words(before[row.id]) == words(row)}  # type: ignore[attr-defined]
        return rows, {key: row for key, row in before.items() if key in same}

    # ------------------------------------------------------------ reading

    def get(self, connection: Session, key: str) -> tuple[R | None, int]:
        """The row, and the position it shows."""
        checkpoint = self._now(connection)
        rows = self.load(connection, (key,) if predicates.is_text(key) else (), checkpoint.slot)
        return rows.get(key), checkpoint.position

    def stored(self, connection: Session, slot: str) -> Iterator[tuple[Any, ...]]:
        """Every row as it is stored, by id, for as long as the caller's transaction is open."""
        return iter(connection.execute(self._in[slot].all))

    def fill(self, connection: Session, slot: str, stored: Iterable[tuple[Any, ...]]) -> None:
        """Rows as `stored` gave them."""
        rows = ((*each, vector(self._searched(each))) for each in stored) if self._keeps_words else stored
        self._in[slot].upsert.run(connection, rows)

    def cursor(self, row: R, order: tuple[str, ...] | None = None) -> Cursor:
        """Where a row stands in the order: what `page` goes on from."""
        order = self._order(order)
        place = self._places.get(order)
        if place is None:
            place = self._places[order] = self.layout.picking([*(sort_key(each)[0] for each in order), "id"])
        return place(row)

    def precedes(self, one: Cursor, other: Cursor) -> bool:
        """Whether a place in the model's order comes before another."""
        for name, mine, theirs in zip((*self.model.order, "id"), one, other, strict=True):
            if mine != theirs:
                return bool(mine < theirs) is not name.startswith("-")
        return False

    def is_cursor(self, given: Cursor, order: tuple[str, ...] | None = None) -> bool:
        """Whether these could be the values of a cursor: as many as there are, each of the type of its column."""
        return predicates.fit(self.layout, [*(sort_key(each)[0] for each in self._order(order)), "id"], given)

    def _order(self, order: tuple[str, ...] | None) -> tuple[str, ...]:
        return self.model.order if order is None else order

    def page(
        self,
        connection: Session,
        conditions: Conditions = (),
        *,
        order: tuple[str, ...] | None = None,
        after: Cursor | None = None,
        limit: int,
        descending: bool = False,
        search: str | None = None,
    ) -> Page[R]:
        """The first rows after a cursor; `descending`: the last before it. The rows come in the order either way."""
        checkpoint = self._now(connection)
        shape, found = predicates.shape(self.layout, conditions)
        values: dict[str, Any] = {**found, "limit": limit + 1}
        sorting = self._order(order)
        if search is not None:
            values["search"] = (search_vector if self._keeps_words else search_terms)(search)
            if values["search"] is None or not self.layout.searched:
                return Page([], False, checkpoint.position)
        if after is not None:
            if not self.is_cursor(after, order):
                raise ValueError("The cursor is not one of this order.")
            values.update({f"k{place}": value for place, value in enumerate(after)})
        text = self._in[checkpoint.slot].page(shape, sorting, descending, after is not None, search is not None)
        rows = list(map(self._decode, connection.execute(text, values)))
        page = rows[:limit]
        return Page(page[::-1] if descending else page, len(rows) > limit, checkpoint.position)

    def changes(
        self,
        connection: Session,
        conditions: Conditions = (),
        *,
        after: tuple[int, str | bytes],
        limit: int,
        seen: int | None = 0,
    ) -> Changes:
        """What changed after a place in (position, id), at most `limit` of it.

        Conditions on the id or on FIXED columns restrict what is found; the others decide whether `row` is given. Up to
        the position `seen` (None: the one that the table shows) only rows that match are found, for a reader who has
        nothing yet that could go away.
        """
        checkpoint = self._now(connection)
        seen = checkpoint.position if seen is None else seen
        return self.ask_changes(connection, checkpoint.slot, conditions, after, limit, seen)(checkpoint)

    def ask_changes(
        self,
        connection: Session,
        slot: str,
        conditions: Conditions,
        after: tuple[int, str | bytes],
        limit: int,
        seen: int,
    ) -> Callable[[Checkpoint], Changes]:
        """The same in two steps. What it gives is to be told the checkpoint of the same state."""
        statements, layout = self._in[slot], self.layout
        within = tuple(each for each in conditions if predicates.restricts(layout, each))
        also = tuple(each for each in conditions if not predicates.restricts(layout, each))
        shape, given = predicates.shape(layout, within + (also if seen else ()))
        last = None if after[1] == LAST_ID else after[1]  # with NULL nothing compares: what is after is later
        values = {**given, "position": after[0], "id": last, "limit": limit, "seen": seen}
        always, until = shape[: len(within)], shape[len(within) :]
        matches, decode = predicates.predicate(layout, also), self._decode
        changed = asked(connection, statements.changed(always, until), values)
        removed = asked(connection, statements.removed(always), values)

        def found(checkpoint: Checkpoint) -> Changes:
            rows = map(decode, changed)
            kept = [Changed(row.position, row.id, row if matches(row) else None) for row in rows]  # type: ignore[attr-defined]
            gone = [Changed(position, key, None, tuple(fixed)) for key, position, *fixed in removed]
            entries = sorted(kept + gone, key=lambda each: (each.position, each.id))[:limit] if gone else kept
            return Changes(entries, checkpoint.position, checkpoint.floor)

        return found
