"""How far each read model is folded, and when it passed which position: the bookkeeping beside the read tables."""

import msgspec

SHARED = (
    """CREATE TABLE IF NOT EXISTS checkpoints (
        model TEXT PRIMARY KEY, version INTEGER NOT NULL, layout TEXT NOT NULL, log_id TEXT NOT NULL,
        position INTEGER NOT NULL, floor INTEGER NOT NULL, slot TEXT NOT NULL, passed_at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS passages (
        model TEXT, position INTEGER, passed_at INTEGER NOT NULL, PRIMARY KEY (model, position)
    ) WITHOUT ROWID""",
)
"Bookkeeping beside the read tables. `floor`: removals at or below it may be forgotten."
FIND = "SELECT version, layout, log_id, position, floor, slot, passed_at FROM checkpoints WHERE model = ?"
MOVE = "UPDATE checkpoints SET position = ?, passed_at = ? WHERE model = ?"
PASS = "INSERT OR REPLACE INTO passages VALUES (?, ?, ?)"
PASSED = "SELECT passed_at FROM passages WHERE model = ? AND position >= ? ORDER BY position LIMIT 1"
FORGET = """DELETE FROM passages WHERE model = ?1 AND position <
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
# The newest of those forgotten stays, without its time: what lies at or before it is known to be passed, not when.
BLUR = """UPDATE passages SET passed_at = 0 WHERE model = ?1 AND position =
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
REPLACE = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """How far a read model is folded, and into which of its two places."""

    version: int
    layout: str
    log_id: str
    position: int
    floor: int
    slot: str
    passed_at: int
