"""One writer per file: a lock that the operating system drops when its process dies."""

import fcntl
import os
from pathlib import Path

from engine.faults import Taken, Unavailable


class Lock:
    """An exclusive lock on `<path>.lock`. Raises Unavailable, naming the process that holds it, when it is taken."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Unavailable(f"{self._file} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise Taken(
                f"Another process (pid {holder}) writes to {path}. Stop it first, or point this one at other files."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())

    async def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of the same name."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
