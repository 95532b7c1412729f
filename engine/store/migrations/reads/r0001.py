"""The bookkeeping beside the read tables as it was before there were migrations."""

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint

from engine.store.dialect import WHOLE, WORDS

revision = "r0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        Column("model", WORDS, primary_key=True),
        Column("version", WHOLE, nullable=False),
        Column("layout", WORDS, nullable=False),
        Column("log_id", WORDS, nullable=False),
        Column("position", WHOLE, nullable=False),
        Column("floor", WHOLE, nullable=False),
        Column("slot", WORDS, nullable=False),
        Column("passed_at", WHOLE, nullable=False),
        if_not_exists=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "passages",
        Column("model", WORDS, nullable=False),
        Column("position", WHOLE, nullable=False),
        Column("passed_at", WHOLE, nullable=False),
        PrimaryKeyConstraint("model", "position"),
        if_not_exists=True,
        sqlite_with_rowid=False,
    )
