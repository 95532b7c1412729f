"""How far each read model is folded, and when it passed which position: the bookkeeping beside the read tables."""

import msgspec
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table

from engine.store.dialect import SQLITE, WHOLE, WORDS

metadata = MetaData()
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("model", WORDS, primary_key=True),
    Column("version", WHOLE, nullable=False),
    Column("layout", WORDS, nullable=False),
    Column("log_id", WORDS, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("floor", WHOLE, nullable=False),
    Column("slot", WORDS, nullable=False),
    Column("passed_at", WHOLE, nullable=False),
    sqlite_with_rowid=False,
)
"`floor`: removals at or below it may be forgotten."
passages = Table(
    "passages",
    metadata,
    Column("model", WORDS, nullable=False),
    Column("position", WHOLE, nullable=False),
    Column("passed_at", WHOLE, nullable=False),
    PrimaryKeyConstraint("model", "position"),
    sqlite_with_rowid=False,
)
FIND = "SELECT version, layout, log_id, position, floor, slot, passed_at FROM checkpoints WHERE model = ?"
HOLD = f"{FIND} FOR UPDATE"
MOVE = "UPDATE checkpoints SET position = ?, passed_at = ? WHERE model = ?"
PASS = SQLITE.replacing(passages)
MOVE_AND_PASS = f"WITH moved AS ({MOVE}) {PASS}"
"Both in one statement, with the parameters of both, where a statement may change two tables."
PASSED = "SELECT passed_at FROM passages WHERE model = ? AND position >= ? ORDER BY position LIMIT 1"
FORGET = """DELETE FROM passages WHERE model = ?1 AND position <
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
# The newest of those forgotten stays, without its time: what lies at or before it is known to be passed, not when.
BLUR = """UPDATE passages SET passed_at = 0 WHERE model = ?1 AND position =
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
REPLACE = SQLITE.replacing(checkpoints)
RAISE = "UPDATE checkpoints SET floor = CASE WHEN floor < ?1 THEN ?1 ELSE floor END WHERE model = ?2"


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """How far a read model is folded, and into which of its two places."""

    version: int
    layout: str
    log_id: str
    position: int
    floor: int
    slot: str
    passed_at: int
