"""Leases as they are stored: a row for each consumer, beside its checkpoint."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from engine.store.dialect import SQLITE, Dialect
from engine.store.session import Session, asked
from engine.tenure import NOBODYS, Lease

LIVING = "living "
"How the lease of a process itself is called, before its role and its name: it says that it is there."
leases = sa.Table(
    "leases",
    sa.MetaData(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("told", sa.Text, nullable=False),
    sa.UniqueConstraint("name", "token", name="leases_token"),
    sqlite_with_rowid=False,
)
"""`told`: what the owner says of the consumer, for those who look on.

A token is part of a key, and by that PostgreSQL tells a change of owner, which has to wait for each transaction of the
last one, from a renewal, which need not.
"""


_STATE = {"owner", "token", "expires_at"}
HUNG = 5.0
"Seconds after which a transaction that waits for its client is ended, if it stands in somebody's way."
_EVICT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = current_setting('application_name')
AND pid <> pg_backend_pid() AND wait_event = 'ClientRead'
AND greatest(xact_start, state_change) < clock_timestamp() - make_interval(secs => :seconds)"""


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
    """The statements on leases, for one kind of database. They are for inside a transaction that writes."""

    def __init__(self, dialect: Dialect = SQLITE) -> None:
        text = dialect.text_named
        mine = leases.c.name == sa.bindparam("consumer")
        state = sa.select(leases.c.owner, leases.c.token, leases.c.expires_at, _Now()).where(mine)
        values: dict[Any, Any] = {column: sa.bindparam(column.name) for column in leases.columns}
        self._insert = text(dialect.insert(leases).values(values).on_conflict_do_nothing())
        self._look = text(state)
        self._hold = text(state.with_for_update(key_share=True))
        self._seize = text(state.with_for_update(skip_locked=True))
        # It keeps everybody else from taking it until this transaction is over, and the owner not from renewing it.
        self._token = text(sa.select(leases.c.token).where(mine).with_for_update(read=True, key_share=True))
        self._change = text(
            sa.update(leases).where(mine).values({each: values[each] for each in leases.columns if each.name in _STATE})
        )
        self._all = text(sa.select(leases.c.name, leases.c.owner, leases.c.token, leases.c.expires_at, leases.c.told))
        self._time = text(sa.select(_Now()))
        told: dict[Any, Any] = {leases.c.told: sa.bindparam("told")}
        is_same = leases.c.token == sa.bindparam("token")
        self._tell = text(sa.update(leases).where(mine, is_same).values(told))
        is_over = leases.c.expires_at < sa.bindparam("before")
        self._evict = _EVICT if dialect.is_shared else None
        self._bury = text(sa.delete(leases).where(leases.c.name.like(sa.bindparam("living")), is_over))

    def look(self, session: Session, name: str) -> tuple[Lease, int]:
        """The lease, and what time it is; nobody else is kept from changing it."""
        return self._state(session, self._look, name)

    def hold(self, session: Session, name: str) -> tuple[Lease, int]:
        """The lease, and what time it is; nobody else changes it before this transaction is over. For its owner."""
        self._have(session, name)
        return self._state(session, self._hold, name)

    def seize(self, session: Session, name: str) -> tuple[Lease, int] | None:
        """The same for who wants to own it; None while somebody stores something as its owner, or changes it."""
        self._have(session, name)
        row = session.execute(self._seize, {"consumer": name}).fetchone()
        return row and (Lease(*row[:3]), row[3])

    def _have(self, session: Session, name: str) -> None:
        nobodys = {"owner": NOBODYS.owner, "token": NOBODYS.token, "expires_at": NOBODYS.expires_at, "told": ""}
        session.execute(self._insert, {"name": name, **nobodys})

    def _state(self, session: Session, statement: str, name: str) -> tuple[Lease, int]:
        row = session.execute(statement, {"consumer": name}).fetchone()
        return (NOBODYS, 0) if row is None else (Lease(*row[:3]), row[3])

    def token(self, session: Session, name: str) -> int:
        """The token of the newest owner, which stays the newest until this transaction is over."""
        return self.ask_token(session, name)()

    def ask_token(self, session: Session, name: str) -> Callable[[], int]:
        """The same in two steps: what it gives looks at the answer."""
        found = asked(session, self._token, {"consumer": name})

        def answer() -> int:
            row = next(iter(found), None)
            return 0 if row is None else int(row[0])

        return answer

    def change(self, session: Session, name: str, lease: Lease) -> None:
        state = {"owner": lease.owner, "token": lease.token, "expires_at": lease.expires_at}
        session.execute(self._change, {"consumer": name, **state})

    def all(self, session: Session) -> tuple[dict[str, tuple[Lease, str]], int]:
        """Every lease by its consumer, with what its owner told, and what time it is. Anybody may change them."""
        rows = session.execute(self._all).fetchall()
        now = session.execute(self._time).fetchone()[0]
        return {name: (Lease(owner, token, expires_at), told) for name, owner, token, expires_at, told in rows}, now

    def tell(self, session: Session, name: str, token: int, told: str) -> None:
        """What the owner says of its consumer; nothing, when it is not the newest."""
        session.execute(self._tell, {"consumer": name, "token": token, "told": told})

    def evict(self, session: Session, seconds: float = HUNG) -> None:
        """End the transactions of processes that stopped in the middle of one.

        What they hold locked nobody else can take. PostgreSQL ends by itself what is idle within a transaction, but not
        what has got a part of a pipeline and waits for the rest.
        """
        if self._evict is not None:
            session.execute(self._evict, {"seconds": seconds})

    def bury(self, session: Session, before: int) -> None:
        """Forget processes that have not been there since."""
        session.execute(self._bury, {"living": f"{LIVING}%", "before": before})
