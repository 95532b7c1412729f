"""A lock that PostgreSQL drops with the session that holds it."""

import asyncio
from contextlib import suppress
from functools import partial

from engine.faults import Taken, Unavailable
from engine.store.session import Connection, Session

WATCH = 1.0
"Seconds between two looks at whether what one process owns is still its own."
ATTEMPTS, PAUSE = 10, 0.1
"How often it is tried to become the owner, and seconds between: a session outlives its process for a moment."
_KEY = "hashtext(current_schema())"
_HELD = f"""SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 2
    AND classid::bigint = {_KEY}::bigint & 4294967295 AND objid::bigint = hashtext(?)::bigint & 4294967295"""


class Advisory:
    """One process's hold on something; taken again when the session was lost, unless another was faster."""

    def __init__(self, connection: Connection, what: str, name: str) -> None:
        self._connection = connection
        self._task = asyncio.create_task(self._keep(partial(_lock, what=what, name=name)), name=f"keeps the {what}")

    @classmethod
    async def take(cls, connection: Connection, what: str, name: str) -> "Advisory":
        """On a connection of its own, which it closes. Raises Taken."""
        try:
            for _ in range(ATTEMPTS):
                with suppress(Taken):
                    await connection.run(partial(_lock, what=what, name=name))
                    return cls(connection, what, name)
                await asyncio.sleep(PAUSE)
            await connection.run(partial(_lock, what=what, name=name))
        except BaseException:
            await connection.close()
            raise
        return cls(connection, what, name)

    async def _keep(self, lock: "partial[None]") -> None:
        while True:
            await asyncio.sleep(WATCH)
            with suppress(Unavailable):  # it is tried again
                await self._connection.run(lock)

    async def release(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with suppress(Unavailable):  # at the latest, the server lets go a moment after the connection is closed
            await self._connection.run(lambda session: session.execute("SELECT pg_advisory_unlock_all()"))
        await self._connection.close()


def _lock(session: Session, what: str, name: str) -> None:
    """Take the lock, unless this very session has it. Equal tables are told apart by their schema."""
    if session.execute(_HELD, (what,)).fetchone():
        return
    if not session.execute(f"SELECT pg_try_advisory_lock({_KEY}, hashtext(?))", (what,)).fetchone()[0]:
        raise Taken(f"Another process has the {what} of {name}. Stop it first, or point this one elsewhere.")
