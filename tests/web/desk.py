"""A server with the demo's shop and the desk, as a process of its own that can be killed and started again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cli import accounts
from cli.accounts import Account
from tests.e2e.process import Serving, begun, ready
from tests.e2e.test_process import ask, signed_in

LOG_IN = """mutation ($email: String!, $password: String!) {
  logIn(input: { email: $email, password: $password }) { token }
}"""
PATIENCE = 50.0
"Seconds that a server gets to start, and to fill its shop, on a busy machine."
ACCOUNTS = {account.role: account for account in accounts.EXAMPLES}


@dataclass
class Desk:
    """What `make run` starts, in a folder, on a port that stays the same."""

    folder: Path
    port: int = 0
    log: bytearray = field(default_factory=bytearray)
    "What all its processes said on stderr."
    _server: Serving | None = None
    _listening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        process = await begun(self.folder, "serve", "--demo", PORT=str(self.port), GATEWAY_DELAY_MS="50")
        try:
            self._server = await ready(process, PATIENCE)
        except BaseException:
            process.kill()
            await process.communicate()
            raise
        self.port = self._server.port
        assert process.stderr
        # A pipe that nobody reads is full one day, and then the server waits.
        self._listening = asyncio.create_task(self._listen(process.stderr))

    async def kill(self) -> None:
        """End the process as kill -9 does. What was accepted is there again after the next start."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End the process as a service manager does: it closes the sockets, and says when to come again."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        assert self._server
        assert self._listening
        self._server.process.send_signal(how)
        await self._listening
        await self._server.process.communicate()
        self._server = None

    @asynccontextmanager
    async def api(self, role: str = "STAFF") -> AsyncIterator[httpx.AsyncClient]:
        """A client of the API that is signed in with the demo's account of a role; `ask` asks with it."""
        assert self._server
        async with httpx.AsyncClient(base_url=self.url) as visitor:
            token = (await ask(visitor, LOG_IN, email=self.account(role).email, password=accounts.PASSWORD))["token"]
        async with signed_in(self._server, token) as client:
            yield client

    def account(self, role: str) -> Account:
        return ACCOUNTS[role]

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while said := await stream.read(65_536):
            self.log += said


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Desk]:
    """A desk for as long as the block lasts. Whatever went wrong in the server fails it."""
    desk = Desk(folder)
    await desk.start()
    try:
        yield desk
    finally:
        if desk._server:
            await desk.kill()
    assert b"Traceback" not in desk.log, desk.log.decode()
