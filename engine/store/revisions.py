"""Which migrations the tables of a store have been through, and whether this code can work with what they left."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from engine.faults import Unavailable, UnknownEvent
from engine.store import checkpoints, leases, reactions, tables
from engine.store.dialect import Dialect
from engine.store.session import Connection, Place, Session, transaction

FOLDER = Path(__file__).with_name("migrations")
COMMAND = "python server.py migrate"


@dataclass(frozen=True)
class Kind:
    """The tables that every store of a kind has, whatever is kept in it, with the migrations that lead to them."""

    name: str
    "Also the folder of its migrations. The table that says which of them were done is called after it."
    first: tuple[str, ...]
    "Tables that were there from the first migration on: without any of them, nothing of this kind is there."
    of: Callable[[Dialect], Sequence[sa.Table]]
    "The tables as the newest migration leaves them."

    @cached_property
    def revisions(self) -> tuple[str, ...]:
        """Every state of the tables that this code knows, oldest first: the names of the migrations that lead there."""
        return tuple(sorted(path.stem for path in (FOLDER / self.name).glob("r[0-9]*.py")))

    @property
    def newest(self) -> str:
        return self.revisions[-1]

    @property
    def mark(self) -> sa.Table:
        """Where the revision is kept: Alembic's table, made here too so that a new file needs no Alembic."""
        name = f"{self.name}_revision"
        column = sa.Column("version_num", sa.String(32), nullable=False)
        key = sa.PrimaryKeyConstraint("version_num", name=f"{name}_pkc")
        return sa.Table(name, sa.MetaData(), column, key)


def _of_log(dialect: Dialect) -> list[sa.Table]:
    shared = tables.heads.sorted_tables if dialect.is_shared else []
    return [*reactions.consumers.metadata.sorted_tables, *shared, leases.leases]


LOG = Kind("log", ("meta", "events"), _of_log)
READS = Kind("reads", ("checkpoints",), lambda dialect: [*checkpoints.metadata.sorted_tables, leases.leases])


def made_by(dialect: Dialect, kind: Kind) -> list[str]:
    """What makes the tables where nothing is, as the migrations would: a test holds the two against each other."""
    texts = dialect.create(*kind.of(dialect), kind.mark, if_not_exists=True)
    return [*texts, f"INSERT INTO {kind.mark.name} VALUES ('{kind.newest}')"]


def is_newest(session: Session, place: Place, kind: Kind) -> bool:
    """Whether the tables are those that this code knows; False for those of older code. Raises UnknownEvent for others.

    Alembic, which takes as long to import as all else that a start does, is not asked.
    """
    if not session.execute(place.dialect.finds, (kind.mark.name,)).fetchone()[0]:
        return False
    row = session.execute(f"SELECT version_num FROM {kind.mark.name}").fetchone()
    return row is not None and known(row[0], place, kind) == kind.newest


def known(revision: str, place: Place, kind: Kind) -> str:
    """A revision. Raises UnknownEvent for one that this code has never heard of."""
    if revision in kind.revisions:
        return revision
    raise UnknownEvent(
        f"The tables of {place.name} are at revision {revision} of the {kind.name}, and this code knows up to "
        f"{kind.newest}. Run the code that migrated them, or newer."
    )


def need(session: Session, place: Place, kind: Kind) -> None:
    """Refuse tables that this code cannot work with."""
    if is_newest(session, place, kind):
        return
    if place.is_new(session, kind.first):
        raise Unavailable(f"{place.name} has no tables of the {kind.name} yet. Run `{COMMAND}` first.")
    raise Unavailable(f"{place.name} has tables that older code made of the {kind.name}. Run `{COMMAND}` first.")


async def ready(
    place: Place, writer: Connection, kind: Kind, begin: Callable[[Session], object], check: Callable[[Session], object]
) -> None:
    """Have the tables that this code knows: on a server they must be there, in a file they are made or migrated.

    `begin` puts into new tables what they are never without; `check` refuses those of something else.
    """

    def work(session: Session) -> bool:
        with transaction(session):
            if not place.dialect.is_shared and place.is_new(session, kind.first):
                for text in made_by(place.dialect, kind):
                    session.execute(text)
                begin(session)
                return True
        check(session)
        if place.dialect.is_shared:
            need(session, place, kind)
        return is_newest(session, place, kind)

    if not await writer.run(work):
        await upgrade(place, kind)


async def upgrade(place: Place, kind: Kind) -> tuple[str | None, str]:
    """Do the migrations that are missing, all or none: the revision before, None without one, and after."""
    from engine.store import migrating  # and with it Alembic

    return await asyncio.to_thread(migrating.upgrade, place, kind)
