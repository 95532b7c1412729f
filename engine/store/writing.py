"""Many rows to a read table: a statement for each on a file, one for a thousand of them at the other end of a wire."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.store.arrays import Columns
from engine.store.dialect import Dialect
from engine.store.session import Session

AT_ONCE = 1000
"Rows to a statement."


class Writing(Protocol):
    """A statement that is run for many rows. No two of them have the same key."""

    def run(self, session: Session, rows: Iterable[Sequence[Any]]) -> None: ...


class OneByOne:
    def __init__(self, text: str) -> None:
        self._text = text

    def run(self, session: Session, rows: Iterable[Sequence[Any]]) -> None:
        session.executemany(self._text, rows)


class Together:
    """Rows as an array for each column. Measured: a hundred rows take a fifth of what they take one by one."""

    def __init__(self, columns: Columns, text: str) -> None:
        self._columns = columns
        self._text = text

    def run(self, session: Session, rows: Iterable[Sequence[Any]]) -> None:
        rest = iter(rows)
        while some := list(islice(rest, AT_ONCE)):
            session.execute(self._text, self._columns.pack(some))


def upsert(dialect: Dialect, table: sa.Table, columns: Sequence[sa.Column[Any]]) -> Writing:
    """Put in whole rows, in the place of those under their ids."""
    changing = [each for each in columns if each.name != "id"]
    if not dialect.is_shared:
        insert = dialect.insert(table).values({each: sa.bindparam(each.name) for each in columns})
        changes = {each: insert.excluded[each.name] for each in changing}
        return OneByOne(dialect.text(insert.on_conflict_do_update(index_elements=["id"], set_=changes)))
    given, names = Columns(columns), [_quoted(dialect, each) for each in columns]
    return Together(
        given,
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(_of_new(dialect, each) for each in columns)}"
        f" FROM {given.text} AS new ({', '.join(names)}) ON CONFLICT (id) DO UPDATE"
        f" SET {', '.join(f'{each} = excluded.{each}' for each in (_quoted(dialect, one) for one in changing))}",
    )


def update(dialect: Dialect, table: sa.Table, columns: Sequence[sa.Column[Any]]) -> Writing:
    """Change some columns of rows that are there; the id comes last."""
    if not dialect.is_shared:
        changes: dict[Any, Any] = {each: sa.bindparam(f"new_{each.name}") for each in columns}
        return OneByOne(dialect.text(sa.update(table).where(table.c.id == sa.bindparam("key")).values(changes)))
    given, names = Columns([*columns, table.c.id]), [_quoted(dialect, each) for each in columns]
    return Together(
        given,
        f"UPDATE {table.name} SET {', '.join(f'{each} = new.{each}' for each in names)}"
        f" FROM {given.text} AS new ({', '.join(names)}, id) WHERE {table.name}.id = new.id",
    )


def _of_new(dialect: Dialect, column: sa.Column[Any]) -> str:
    name = f"new.{_quoted(dialect, column)}"
    return f"CAST({name} AS tsvector)" if isinstance(column.type, postgresql.TSVECTOR) else name


def _quoted(dialect: Dialect, column: sa.Column[Any]) -> str:
    return dialect.positional.identifier_preparer.quote(column.name)
