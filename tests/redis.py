"""A Redis of a test's own, which it may stop, pause and kill."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.services import program

PATIENCE = 10.0
PACE = 0.01
"Seconds between two looks at what tells nobody when it changes."


async def until(holds: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> None:
    async with asyncio.timeout(patience):
        while not await holds():  # noqa: ASYNC110  # what is awaited has no event
            await asyncio.sleep(PACE)


@dataclass
class OwnRedis:
    """A server on a port that stays the same when it is started again."""

    folder: Path
    port: int
    program: str
    options: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def start(self) -> None:
        nothing = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(self.folder), *self.options, stdout=nothing, stderr=nothing,
        )  # fmt: skip
        await until(self._answers)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return bool(answer)

    async def stop(self) -> None:
        """End it at once, as a machine does that fails."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, how: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, how)

    async def ask(self, *command: str | int) -> Any:
        client = Redis.from_url(self.url, protocol=2, single_connection_client=True)
        try:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]
        finally:
            await client.aclose()

    async def connections(self) -> int:
        """How many there are to it from feeds."""
        try:
            listed: bytes = await self.ask("CLIENT", "LIST")
        except (RedisError, OSError):
            return 0
        return listed.count(b"name=dispensary-hints")


@asynccontextmanager
async def own_redis(folder: Path, *options: str) -> AsyncIterator[OwnRedis]:
    """A running one. The test is skipped without the program, or fails with REQUIRE_SERVICES set."""
    server = OwnRedis(folder, free_port(), program("redis-server", "to try hints between processes"), options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
