"""What differs between the databases in the text of statements; all else is written once, as SQLite takes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"Text in the order of its bytes, which is that of code points, in every database."
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"A number of 64 bits. SQLite's INTEGER is one, and as a key the row's own number."


@dataclass(frozen=True)
class Dialect:
    """One database's way of saying it."""

    name: str
    positional: sa.Dialect
    "Compiles statements whose parameters are given in order: the fastest form for many rows."
    named: sa.Dialect
    insert: Callable[[sa.Table], Any]
    "An INSERT that can say what to do about a row that is there already."
    alone: str
    "Has whoever else would change tables wait until the transaction is over, if that is not too long."
    still: str
    "Begins a transaction that reads one state, on a connection of SQLAlchemy's."
    finds: str
    "Whether there is a table."
    load: Callable[[sa.Connection, sa.Table, Sequence[sa.Row[Any]]], None]
    "Puts many rows into a table, as fast as may be."
    is_shared: bool
    "Whether other processes may append at the same time: then nothing about the log is known before it is asked."

    def text(self, statement: Any) -> str:
        """The text of a statement whose parameters are given in order."""
        return str(statement.compile(dialect=self.positional))

    def text_named(self, statement: Any) -> str:
        """The text of a statement whose parameters are given by name."""
        return str(statement.compile(dialect=self.named))

    def create(self, *tables: sa.Table, if_not_exists: bool = False) -> list[str]:
        """The statements that make tables and their indexes."""
        indexes = [index for table in tables for index in sorted(table.indexes, key=str)]
        made = [self.text(CreateTable(table, if_not_exists=if_not_exists)) for table in tables]
        return made + [self.text(CreateIndex(index, if_not_exists=if_not_exists)) for index in indexes]

    def replacing(self, table: sa.Table) -> str:
        """An INSERT of a whole row that takes the place of the one under its key."""
        key = [column.name for column in table.primary_key]
        insert = self.insert(table).values({column: sa.bindparam(column.name) for column in table.columns})
        return self.text(
            insert.on_conflict_do_update(
                index_elements=key,
                set_={column: insert.excluded[column.name] for column in table.columns if column.name not in key},
            )
        )


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[sa.Row[Any]]) -> None:
    connection.execute(table.insert(), [row._asdict() for row in rows])


def _copy(connection: sa.Connection, table: sa.Table, rows: Sequence[sa.Row[Any]]) -> None:
    """Measured: four to five times as many rows a second as by INSERT."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


SQLITE = Dialect(
    "sqlite",
    sqlite.dialect(paramstyle="qmark"),
    sqlite.dialect(paramstyle="named"),
    sqlite.insert,
    alone="BEGIN IMMEDIATE",
    still="BEGIN",
    finds="SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
    load=_insert,
    is_shared=False,
)
POSTGRES = Dialect(
    "postgresql",
    postgresql.dialect(paramstyle="qmark"),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    postgresql.insert,
    alone="SET LOCAL lock_timeout = '60s';"
    " SELECT pg_advisory_xact_lock(hashtext(current_schema()), hashtext('migration'))",
    still="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    finds="SELECT to_regclass(quote_ident(?)) IS NOT NULL",
    load=_copy,
    is_shared=True,
)
