"""Leases as they are stored: a row for each consumer, beside its checkpoint."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.functions import FunctionElement

from engine.store.dialect import SQLITE, Dialect
from engine.store.session import Session
from engine.tenure import NOBODYS, Lease

leases = sa.Table(
    "leases",
    sa.MetaData(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class _Now(FunctionElement[int]):
    """The database's clock, in milliseconds since 1970; not that of the transaction's begin."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _now_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


@compiles(_Now, "postgresql")
def _now_of_postgres(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


class Rows:
    """The statements on leases, for one kind of database. All but `make` are for inside a transaction that writes."""

    def __init__(self, dialect: Dialect = SQLITE) -> None:
        text = dialect.text_named
        mine = leases.c.name == sa.bindparam("consumer")
        state = sa.select(leases.c.owner, leases.c.token, leases.c.expires_at, _Now()).where(mine)
        values: dict[Any, Any] = {column: sa.bindparam(column.name) for column in leases.columns}
        self._create = text(CreateTable(leases, if_not_exists=True))
        self._insert = text(dialect.insert(leases).values(values).on_conflict_do_nothing())
        self._look = text(state)
        self._hold = text(state.with_for_update())
        # Shared is enough to keep everybody else from taking it until this transaction is over.
        self._token = text(sa.select(leases.c.token).where(mine).with_for_update(read=True))
        self._change = text(
            sa.update(leases).where(mine).values({each: values[each] for each in leases.columns if each.name != "name"})
        )

    def make(self, session: Session) -> None:
        session.execute(self._create)

    def look(self, session: Session, name: str) -> tuple[Lease, int]:
        """The lease, and what time it is; nobody else is kept from changing it."""
        return self._state(session, self._look, name)

    def hold(self, session: Session, name: str) -> tuple[Lease, int]:
        """The lease, and what time it is; nobody else changes it before this transaction is over."""
        nobodys = {"owner": NOBODYS.owner, "token": NOBODYS.token, "expires_at": NOBODYS.expires_at}
        session.execute(self._insert, {"name": name, **nobodys})
        return self._state(session, self._hold, name)

    def _state(self, session: Session, statement: str, name: str) -> tuple[Lease, int]:
        row = session.execute(statement, {"consumer": name}).fetchone()
        return (NOBODYS, 0) if row is None else (Lease(*row[:3]), row[3])

    def token(self, session: Session, name: str) -> int:
        """The token of the newest owner, which stays the newest until this transaction is over."""
        row = session.execute(self._token, {"consumer": name}).fetchone()
        return 0 if row is None else int(row[0])

    def change(self, session: Session, name: str, lease: Lease) -> None:
        state = {"owner": lease.owner, "token": lease.token, "expires_at": lease.expires_at}
        session.execute(self._change, {"consumer": name, **state})
