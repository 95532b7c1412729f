"""A server that is written to and watched while what it needs stops, again and again."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from benchmarks import staff
from engine.clock import monotonic
from tests.e2e.process import Ended, Serving, run, serving
from tests.e2e.test_process import FRAMES, WRITE, signed_in, table, verdict
from tests.redis import PACE
from tests.running import PROTOCOL, Stream, View, authorization

WRITERS = 8
FAST = 5.0
"Seconds after the return of what had stopped within which all goes on."
BETWEEN = 25
"Commands that are accepted between two stops."


@dataclass
class Load:
    """Writers, each of whom sends a command again under its id until it is accepted, however often that takes."""

    client: httpx.AsyncClient
    acknowledged: dict[str, int] = field(default_factory=dict)
    "Positions by command id."
    codes: Counter[str] = field(default_factory=Counter)
    "Of the errors that they met on their way."
    replayed: int = 0
    "Commands that had been stored although the answer to them was an error."
    is_over: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self) -> None:
        self.tasks = [asyncio.create_task(self.write(number)) for number in range(WRITERS)]

    async def write(self, number: int) -> None:
        turn = 0
        while not self.is_over:
            turn += 1
            id = f"c{number}-{turn}"
            while (receipt := await self._sent(id, f"k{number}-{turn % 5}", str(turn))) is None:
                pass
            self.acknowledged[id] = int(receipt["position"])
            self.replayed += receipt["replayed"]

    async def _sent(self, id: str, key: str, value: str) -> Any:
        variables = {"key": key, "value": value, "id": id}
        answer = (await self.client.post("/graphql", json={"query": WRITE, "variables": variables})).json()
        if "errors" in answer:
            self.codes[answer["errors"][0]["extensions"]["code"]] += 1
            await asyncio.sleep(10 * PACE)
            return None
        assert answer["data"]["writeRecord"]["errors"] == []
        return answer["data"]["writeRecord"]["receipt"]

    async def more(self, count: int) -> None:
        """Wait until so many more commands are accepted."""
        wanted = len(self.acknowledged) + count
        await self.until(lambda: len(self.acknowledged) >= wanted)

    async def failed(self) -> None:
        """Wait until one more has failed."""
        before = sum(self.codes.values())
        await self.until(lambda: sum(self.codes.values()) > before)

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():  # what is awaited has no event
            await asyncio.sleep(PACE)
            for each in self.tasks:
                if each.done():
                    each.result()


async def followed(server: Serving, token: str, view: View, resumed: list[Any]) -> None:
    """Keep a view up to date; should its stream end with an error, go on from where it was."""
    url = f"ws://127.0.0.1:{server.port}/graphql"
    while True:
        async with connect(url, subprotocols=[PROTOCOL], compression=None) as client:
            stream = Stream(client)
            await client.send(json.dumps({"type": "connection_init", "payload": authorization(token)}))
            await stream.message()
            payload = {"query": FRAMES, "variables": {"after": view.position}}
            await client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            async for text in client:
                message = json.loads(text)
                if message["type"] != "next":
                    resumed.append(message)
                    break
                view.apply(message["payload"]["data"]["records"])


@dataclass
class Ordeal:
    """A server under load, somebody who watches, and how long each stop was felt."""

    server: Serving
    client: httpx.AsyncClient
    load: Load
    view: View
    resumed: list[Any]
    following: "asyncio.Task[None]"
    saying: "asyncio.Task[bytes]"
    paused: list[float] = field(default_factory=list)
    "Seconds from each return until a new command was shown."

    async def stops(self, times: int, stop: Callable[[Load], Awaitable[None]], *, within: float) -> None:
        """Have something stop and return so often under load, and the load end."""
        for _ in range(times):
            await self.load.more(BETWEEN)
            await stop(self.load)
            self.paused.append(await self._shown_again(within))
        self.load.is_over = True
        await asyncio.gather(*self.load.tasks)

    async def _shown_again(self, within: float) -> float:
        """Seconds from now until a new command is shown, which must not be more than so many."""
        began = monotonic()
        async with asyncio.timeout(within):
            await self.load.more(1)
            newest = max(self.load.acknowledged.values())
            await self.load.until(lambda: int(self.view.position or 0) >= newest)
        return monotonic() - began

    async def seen(self, position: str) -> None:
        """Wait until who watches is at a position."""
        await self.load.until(lambda: self.view.position == position or self.following.done())

    async def survived(self, head: str, folder: Path, urls: Mapping[str, str]) -> bytes:
        """Make sure that all is there once, end the server, and give what it said."""
        rows = await table(self.client)
        found: Ended = await run(folder, "verify", **urls)
        self.following.cancel()
        self.server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(FAST * 2):
            code, said = await asyncio.gather(self.server.process.wait(), self.saying)
        # Each command is one event, the first being that of who sent them.
        assert int(head) == len(self.load.acknowledged) + 1
        assert sum(row["writeCount"] for row in rows.values()) == len(self.load.acknowledged)
        assert "RESET" not in self.view.kinds
        assert self.view.rows == rows
        assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")
        assert code == 0
        assert b"Traceback" not in said
        return said


@asynccontextmanager
async def under_load(folder: Path, urls: Mapping[str, str]) -> AsyncIterator[Ordeal]:
    token = await staff.token(folder / "data", **{name.lower(): url for name, url in urls.items()})
    async with serving(folder, **urls) as server, signed_in(server, token) as client:
        load, view, resumed = Load(client), View(), list[Any]()
        following = asyncio.create_task(followed(server, token, view, resumed))
        assert server.process.stderr
        # There is much to tell of, and a pipe that nobody empties would hold the server up.
        saying = asyncio.create_task(server.process.stderr.read())
        load.begin()
        yield Ordeal(server, client, load, view, resumed, following, saying)
