"""Statements, which are written as SQLite takes them, as PostgreSQL takes them."""

import re
from functools import lru_cache

BEGIN = {
    "BEGIN": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # A lock that is not had in time is one that a process holds which hangs; its own time is limited likewise, to less
    # than a lease lasts: who was paused within a transaction must not keep another from taking over.
    # Full durability is for the transaction to ask for: behind a proxy a session is somebody else's in the next one.
    "BEGIN IMMEDIATE": "BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = 4000;"
    " SET LOCAL idle_in_transaction_session_timeout = 5000",
}
APPEND = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    # What is joined is there before the row is locked, so the limit holds for this very lock.
    "SELECT position, recorded_at FROM head, set_config('synchronous_commit', 'on', true) AS durable,"
    " set_config('lock_timeout', '4000', true) AS patient,"
    " set_config('idle_in_transaction_session_timeout', '5000', true) AS awake"
    " FOR UPDATE OF head",
)
"How an append begins. What is asked after it, even in the same round trip, sees what those before it committed."
PROJECT = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    # The disk is not waited for: rows and checkpoint are lost together, and whoever folds them finds out (0028).
    "SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '4000', true),"
    " set_config('idle_in_transaction_session_timeout', '5000', true)",
)
"How a transaction begins that folds events: what it writes can be written again."
_PLACES = re.compile(r"\?(\d*)|(?<!:):([a-z]\w*)| INDEXED BY \w+")


@lru_cache(maxsize=4096)
def translated(text: str) -> tuple[str, tuple[str, ...] | None]:
    """A statement as PostgreSQL takes it, with the names of its parameters in order if it names them.

    The hints by which SQLite is told what index to use fall away.
    """
    if text in BEGIN:
        return BEGIN[text], None
    names: dict[str, int] = {}
    count = 0

    def place(found: re.Match[str]) -> str:
        nonlocal count
        if found[0].startswith(" "):
            return ""
        if found[2]:
            return f"${names.setdefault(found[2], len(names) + 1)}"
        count += 1
        return f"${found[1] or count}"

    made = _PLACES.sub(place, text)
    return made, tuple(names) if names else None
