"""Passwords, hashed and checked with argon2id away from the event loop."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from engine.faults import Busy

T = TypeVar("T")

BUSY = "Too many passwords are being checked. Try again in a moment."


class Passwords:
    """Hashes and checks passwords, few at a time: each takes 64 MiB and a tenth of a second.

    Beyond `waiting` more, Busy is raised at once. What has begun ends, even when nobody waits for it any more.
    """

    def __init__(self, *, at_once: int = 2, waiting: int = 64, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + waiting
        self._held = 0
        # Nobody's hash: an unknown name must take as long as a known one.
        self._nobody = self._hasher.hash("")

    @classmethod
    def cheap(cls, *, at_once: int = 2, waiting: int = 64) -> Self:
        """With the least work that argon2 can do: for tests, never for a shop."""
        return cls(at_once=at_once, waiting=waiting, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    async def hash(self, password: str) -> str:
        """The hash to keep in place of a password. Raises Busy."""
        return await self._away(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, hash: str | None, password: str) -> bool:
        """Whether a password is the one that was hashed; never for None, which takes as long. Raises Busy."""
        is_right = await self._away(lambda: self._is_right(hash or self._nobody, password))
        return is_right and hash is not None

    async def close(self) -> None:
        """Drop what has not begun, and wait for what has."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _is_right(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, _bytes(password))
        except VerifyMismatchError:
            return False

    async def _away(self, work: Callable[[], T]) -> T:
        if self._held >= self._most:
            raise Busy(BUSY)
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self._held += 1
        running.add_done_callback(self._let_go)
        # Shielded: a thread cannot be stopped, so its place is not free before it is done.
        return await asyncio.shield(running)

    def _let_go(self, running: asyncio.Future[T]) -> None:
        self._held -= 1


def _bytes(password: str) -> bytes:
    """A password in the one form of all that look the same: systems differ in how they type é (NIST SP 800-63B)."""
    # Half of a surrogate pair is a character that can be typed into JSON, and no fault.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
