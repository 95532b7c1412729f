"""The programs of this folder, run by Node with the packages that package-lock.json pins."""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import services

HERE = Path(__file__).parent
WHY = "to run the clients of the JavaScript world"
PATIENCE = 30.0
"Seconds after which a program counts as stuck."
INSTALLING = 120.0


@dataclass(frozen=True)
class Node:
    """Node, and a folder with the programs beside the packages that they import."""

    program: str
    folder: Path

    async def run(self, name: str, *arguments: str, patience: float = PATIENCE) -> Any:
        """What a program reports on its standard output, as one JSON document."""
        async with self.running(name, *arguments) as running:
            return await running.report(patience)

    @asynccontextmanager
    async def running(self, name: str, *arguments: str) -> AsyncIterator["Running"]:
        """A program; killed at the end if it still runs."""
        pipe = asyncio.subprocess.PIPE
        command = [self.program, str(self.folder / name), *arguments]
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            yield Running(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@dataclass(frozen=True)
class Running:
    """A program that was started."""

    process: asyncio.subprocess.Process

    def say(self, line: str) -> None:
        """Write a line to the program's input."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())

    async def report(self, patience: float = PATIENCE) -> Any:
        """What the program reports when it ends by itself. The end of its input may tell it to."""
        async with asyncio.timeout(patience):
            out, err = await self.process.communicate()
        assert self.process.returncode == 0, f"Exit code {self.process.returncode}: {err.decode()}"
        assert not err, err.decode()
        return json.loads(out)


def installed(folder: Path) -> Path:
    """A folder that holds the pinned packages as node_modules; installed there by the first who asks."""
    npm = services.program("npm", WHY)
    lock = (HERE / "package-lock.json").read_bytes()
    ready = folder / hashlib.sha256(lock).hexdigest()[:16]
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not ready.exists():
            _install(npm, ready)
    return ready


def _install(npm: str, ready: Path) -> None:
    begun = ready.with_suffix(".begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, begun)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=begun, capture_output=True, text=True, timeout=INSTALLING, check=False)
    assert done.returncode == 0, done.stderr
    begun.rename(ready)


def prepared(packages: Path, folder: Path) -> Node:
    """Copies of the programs in a folder: Node looks for packages beside the file that imports them."""
    (folder / "node_modules").symlink_to(packages / "node_modules")
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, folder)
    return Node(services.program("node", WHY), folder)
