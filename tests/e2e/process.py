"""The server as a process of its own, in a directory of its own."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import staff
from cli.settings import ShopSettings
from tests import worlds

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@dataclass
class Ended:
    """What became of a command."""

    code: int
    out: str
    err: str


def environment(**changed: str) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if name.lower() not in ShopSettings.model_fields}
    return {**mine, "PYTHONPATH": str(ROOT), "PORT": "0", **changed}


def stores(folder: Path) -> dict[str, str]:
    """Where a process in a folder keeps its tables, if not in the files that it would take by itself."""
    if not worlds.is_postgres():
        return {}
    return {name.upper(): value for name, value in worlds.settings(folder / "data").items()}


async def clerk(folder: Path) -> str:
    """A token for somebody of staff, registered before the server starts."""
    return await staff.token(folder / "data", **worlds.settings(folder / "data"))


async def begun(folder: Path, *arguments: str, **changed: str) -> asyncio.subprocess.Process:
    kept = {} if "WRITE_DB_URL" in changed else stores(folder)
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, str(ROOT / "server.py"), *arguments]
    return await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment(**{**kept, **changed}), stdout=pipe, stderr=pipe
    )


async def ended(process: asyncio.subprocess.Process, before: str = "") -> Ended:
    """Wait until a process ends by itself."""
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, before + out.decode(), err.decode())


async def run(folder: Path, *arguments: str, **changed: str) -> Ended:
    """A command, from beginning to end."""
    return await ended(await begun(folder, *arguments, **changed))


@dataclass
class Serving:
    """A server that said it is ready."""

    process: asyncio.subprocess.Process
    url: str
    greeting: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def stop(self, how: signal.Signals) -> Ended:
        self.process.send_signal(how)
        return await ended(self.process, self.greeting)


@asynccontextmanager
async def serving(folder: Path, *arguments: str, **changed: str) -> AsyncIterator[Serving]:
    """A running server; killed at the end if it still runs."""
    process = await begun(folder, "serve", *arguments, **changed)
    try:
        yield await ready(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ready(process: asyncio.subprocess.Process, patience: float = PATIENCE) -> Serving:
    """Wait until a server says that it is."""
    assert process.stdout
    said = ""
    async with asyncio.timeout(patience):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            if not line:
                raise AssertionError(f"It ended: {said}{(await ended(process)).err}")
            said += line.decode()
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found
    return Serving(process, found.group(), said)
