"""Leases of the consumers whose checkpoints are in the log: processes and the relay."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.UniqueConstraint("name", "token", name="leases_token"),
        if_not_exists=True,  # on a server, one database may hold the log and the read tables
        sqlite_with_rowid=False,
    )
