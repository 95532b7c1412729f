"""Migrations, done by Alembic. Imported only where some may be missing."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext

from engine.faults import Unavailable
from engine.store.revisions import FOLDER, Kind, known
from engine.store.session import Place


def upgrade(place: Place, kind: Kind) -> tuple[str | None, str]:
    """Do the migrations that are missing, in one transaction; others who want the same wait for it meanwhile."""
    engine = place.engine()
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(place.dialect.alone)
            before = revision(connection, kind)
            if before is None or known(before, place, kind) != kind.newest:
                command.upgrade(configured(kind, connection), "head")
            return before, kind.newest
    except sa.exc.DBAPIError as error:
        raise Unavailable(f"{place.name} cannot be migrated: {reason(error)}.") from None
    finally:
        engine.dispose()


def revision(connection: sa.Connection, kind: Kind) -> str | None:
    found = MigrationContext.configure(connection, opts={"version_table": kind.mark.name})
    return found.get_current_revision()


def configured(kind: Kind, connection: sa.Connection | None = None) -> Config:
    """What Alembic has to know of a kind of store."""
    made = Config(attributes={"connection": connection, "version_table": kind.mark.name})
    made.set_main_option("path_separator", "newline")
    for name, folder in (("script_location", FOLDER), ("version_locations", FOLDER / kind.name)):
        made.set_main_option(name, str(folder).replace("%", "%%"))
    return made


def reason(error: Exception) -> str:
    """What a driver says, in one line and without its detail, which may hold values of a row."""
    said = getattr(error, "orig", None) or error
    said = getattr(getattr(said, "diag", None), "message_primary", None) or str(said)
    return " ".join(said.split()).rstrip(".")
