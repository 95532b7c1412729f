"""The SQL of one read table: built by SQLAlchemy, compiled to text once, run as text ever after."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.shapes import ReadModel
from engine.store import conditions, writing
from engine.store.columns import Column, Layout
from engine.store.dialect import SQLITE, WORDS, Dialect
from engine.store.search import TOKENIZER

LOAD_AT_ONCE = 512
NUMBER = "_number"
"The key of a table; no field of a row is called so."
VECTOR = "_search"
"Where PostgreSQL keeps the words of a row; no field of a row is called so."
_ANY = sa.types.NullType()
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_NONE: sa.ColumnElement[int] = sa.literal_column("0")  # left out, SQLAlchemy would add a parameter of its own


def _stored(column: Column) -> sa.types.TypeEngine[Any]:
    return WORDS if column.kind.sql is sa.Text else column.kind.sql()


def sort_key(order: str) -> tuple[str, bool]:
    """A column to sort by, and whether downwards."""
    return order.removeprefix("-"), order.startswith("-")


class Statements:
    """The tables of one read model in one of their two places, `a` or `b`, and every statement on them.

    Two places, so that a rebuild can fold into one while the other goes on serving.
    """

    def __init__(self, model: ReadModel[Any], layout: Layout[Any], slot: str, dialect: Dialect = SQLITE) -> None:
        self._layout = layout
        self._dialect = dialect
        self.keeps_words = dialect.is_shared and bool(layout.searched)
        "Whether a row to be put in brings its words for searching with it."
        self.name = f"{model.name}_{slot}"
        self._metadata = sa.MetaData()
        # In the order in which they are read: who locks one on a server may wait for those who go on to the next.
        self._suffixes = ("", "_tombstones") if dialect.is_shared else ("_search", "_tombstones", "")
        columns = [sa.Column(each.name, _stored(each), nullable=each.is_optional) for each in layout.columns]
        # An explicit key: VACUUM renumbers implicit rowids, and full-text search refers to rows by it.
        self.table = sa.Table(
            self.name,
            self._metadata,
            *(() if dialect.is_shared else (sa.Column(NUMBER, sa.Integer, primary_key=True),)),
            *columns,
            *((sa.Column(VECTOR, postgresql.TSVECTOR),) if self.keeps_words else ()),
            sa.UniqueConstraint("id"),
        )
        self.tombstones = sa.Table(
            f"{self.name}_tombstones",
            self._metadata,
            sa.Column("position", sa.BigInteger, primary_key=True),
            sa.Column("id", WORDS, primary_key=True),
            sa.Column("deleted_at", sa.BigInteger, nullable=False),
            # What the row was fixed to, so that a view that is restricted by it learns of its own rows only.
            *(sa.Column(each.name, _stored(each)) for each in layout.fixed),
            sqlite_with_rowid=False,
        )
        self._index(model)
        self._compile()
        self.page = lru_cache(maxsize=256)(self._page)
        self.changed = lru_cache(maxsize=256)(self._changed)
        self.removed = lru_cache(maxsize=256)(self._removed)

    def _index(self, model: ReadModel[Any]) -> None:
        sa.Index(f"{self.name}_by_position", self.table.c.position, self.table.c.id)
        sorting = [
            self._column(path).desc() if down else self._column(path) for path, down in map(sort_key, model.order)
        ]
        if sorting:
            sa.Index(f"{self.name}_by_order", *sorting, self.table.c.id)
        for path in model.indexes:
            column = self._column(path)
            sa.Index(f"{self.name}_by_{column.name}", column, *sorting, self.table.c.id)
        if self.keeps_words:
            sa.Index(f"{self.name}_search", self.table.c[VECTOR], postgresql_using="gin")

    def _column(self, path: str) -> sa.Column[Any]:
        found: sa.Column[Any] = self.table.c[self._layout.column(path).name]
        return found

    def _compile(self) -> None:
        positional, named = self._dialect.text, self._dialect.text_named
        columns = [self.table.c[each.name] for each in self._layout.columns]
        changing = [self.table.c[each.name] for each in self._layout.changing]
        words = [self.table.c[VECTOR]] if self.keeps_words else []
        self.upsert = writing.upsert(self._dialect, self.table, [*columns, *words])
        self.update = writing.update(self._dialect, self.table, changing)
        self.delete = writing.OneByOne(positional(sa.delete(self.table).where(self.table.c.id == sa.bindparam("key"))))
        self.bury = writing.OneByOne(self._dialect.replacing(self.tombstones))
        self.prune = named(sa.delete(self.tombstones).where(self.tombstones.c.deleted_at < sa.bindparam("before")))
        self.pruned = named(
            sa.select(sa.func.max(self.tombstones.c.position)).where(
                self.tombstones.c.deleted_at < sa.bindparam("before")
            )
        )
        self.selected = sa.select(*columns)
        self.get = positional(self.selected.where(self.table.c.id == sa.bindparam("key")))
        self.all = positional(self.selected.order_by(self.table.c.id))
        self._load = lru_cache(maxsize=16)(
            lambda count: positional(
                self.selected.where(self.table.c.id.in_([sa.bindparam(f"k{each}") for each in range(count)]))
            )
        )

    def load(self, count: int) -> tuple[str, int]:
        """The statement that loads `count` keys, and how many parameters it takes: a power of two."""
        size = 1 << max(count - 1, 0).bit_length()
        return self._load(size), size

    def _keyset(self, order: Sequence[str], reverse: bool) -> list[sa.ColumnElement[bool]]:
        """Rows after the cursor `k0, k1, …` in the sort order. The first clause lets the index find the start."""
        keys = [*((self._column(path), down) for path, down in map(sort_key, order)), (self.table.c.id, False)]
        binds = [sa.bindparam(f"k{place}", type_=_ANY) for place in range(len(keys))]
        either = []
        for place, (column, down) in enumerate(keys):
            same = [keys[index][0] == binds[index] for index in range(place)]
            either.append(sa.and_(*same, column < binds[place] if down != reverse else column > binds[place]))
        first, down = keys[0]
        return [first <= binds[0] if down != reverse else first >= binds[0], sa.or_(*either)]

    def _page(
        self, wanted: conditions.Shape, order: tuple[str, ...], reverse: bool, continued: bool, searched: bool
    ) -> str:
        """Rows that meet the conditions, sorted, from the start or after a cursor."""
        clauses = conditions.clauses(self._layout, self.table, wanted)
        if continued:
            clauses += self._keyset(order, reverse)
        if searched:
            clauses.append(sa.text(self._found()))  # type: ignore[arg-type]  # SQLAlchemy takes text as a clause
        sorting = [
            self._column(path).desc() if down != reverse else self._column(path) for path, down in map(sort_key, order)
        ]
        by_id = self.table.c.id.desc() if reverse else self.table.c.id
        return self._dialect.text_named(
            self.selected.where(*clauses).order_by(*sorting, by_id).limit(_LIMIT).offset(_NONE)
        )

    def _found(self) -> str:
        if self.keeps_words:
            return f"{VECTOR} @@ CAST(:search AS tsquery)"
        return f"{NUMBER} IN (SELECT rowid FROM {self.name}_search WHERE {self.name}_search MATCH :search)"

    def _changed(self, within: conditions.Shape, also: conditions.Shape) -> str:
        """Rows after (position, id). `within` always restricts, `also` only up to the position `seen`."""
        where = conditions.clauses(self._layout, self.table, within + also)
        always, until = where[: len(within)], where[len(within) :]
        if until:
            always.append(sa.or_(self.table.c.position > sa.bindparam("seen"), sa.and_(*until)))
        return self._dialect.text_named(self._since(self.selected, self.table, always))

    def _removed(self, within: conditions.Shape) -> str:
        """Tombstones after (position, id), beyond the position `seen`."""
        where = conditions.clauses(self._layout, self.tombstones, within)
        where.append(self.tombstones.c.position > sa.bindparam("seen"))
        fixed = [self.tombstones.c[each.name] for each in self._layout.fixed]
        selected = sa.select(self.tombstones.c.id, self.tombstones.c.position, *fixed)
        return self._dialect.text_named(self._since(selected, self.tombstones, where))

    def _since(self, select: sa.Select[Any], table: sa.Table, where: list[sa.ColumnElement[bool]]) -> sa.Select[Any]:
        place = sa.tuple_(table.c.position, table.c.id)
        cursor = sa.tuple_(sa.bindparam("position"), sa.bindparam("id", type_=_ANY))
        return select.where(place > cursor, *where).order_by(table.c.position, table.c.id).limit(_LIMIT).offset(_NONE)

    def create(self) -> list[str]:
        """The statements that make the tables."""
        made = self._dialect.create(*self._metadata.sorted_tables)
        return [*made, *self._search()] if self._layout.searched and not self.keeps_words else made

    def drop(self) -> list[str]:
        return [f"DROP TABLE IF EXISTS {self.name}{suffix}" for suffix in self._suffixes]

    def _search(self) -> list[str]:
        """The full-text table, which holds no text of its own, and the triggers that keep it."""
        names = [each.name for each in self._layout.searched]
        search, columns = f"{self.name}_search", ", ".join(names)
        old = ", ".join(f"old.{each}" for each in names)
        new = ", ".join(f"new.{each}" for each in names)
        differs = " OR ".join(f"old.{each} IS NOT new.{each}" for each in names)
        remove = f"INSERT INTO {search}({search}, rowid, {columns}) VALUES ('delete', old.{NUMBER}, {old});"
        add = f"INSERT INTO {search}(rowid, {columns}) VALUES (new.{NUMBER}, {new});"
        return [
            f"CREATE VIRTUAL TABLE {search} USING fts5({columns}, content='{self.name}', content_rowid='{NUMBER}', "
            f"tokenize='{TOKENIZER}', prefix='2 3')",
            f"CREATE TRIGGER {search}_insert AFTER INSERT ON {self.name} BEGIN {add} END",
            f"CREATE TRIGGER {search}_delete AFTER DELETE ON {self.name} BEGIN {remove} END",
            # An update that changes no searched column costs one comparison instead of two writes, and not even that
            # where it names none of them.
            f"CREATE TRIGGER {search}_update AFTER UPDATE OF {columns} ON {self.name} WHEN {differs} "
            f"BEGIN {remove} {add} END",
        ]
