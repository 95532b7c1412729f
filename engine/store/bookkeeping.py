"""The SQL of what is kept beside the read tables: how far each is folded, and when it passed which position."""

CHECKPOINT = "SELECT version, layout, log_id, position, floor, slot, passed_at FROM checkpoints WHERE model = ?"
MOVE = "UPDATE checkpoints SET position = ?, passed_at = ? WHERE model = ?"
PASS = "INSERT OR REPLACE INTO passages VALUES (?, ?, ?)"
PASSED = "SELECT passed_at FROM passages WHERE model = ? AND position >= ? ORDER BY position LIMIT 1"
FORGET = """DELETE FROM passages WHERE model = ?1 AND position <
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
# The newest of those forgotten stays, without its time: what lies at or before it is known to be passed, not when.
BLUR = """UPDATE passages SET passed_at = 0 WHERE model = ?1 AND position =
    (SELECT position FROM passages WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)"""
REPLACE = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
