"""Clients that lose their connection over and over miss nothing, while the shop is being written to."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice, takewhile
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.endpoint import PATH
from tests import worlds
from tests.clients.fleet import fleet
from tests.clients.node import Node
from tests.e2e.process import ROOT, clerk, serving
from tests.e2e.test_process import WRITE, table
from tests.running import authorization

EACH = 10
"Followers with each client."
TURNS = 50
"How often each of them has to connect again."
BETWEEN = 50
"How much is written from one time to the next."
WAYS = ["1012", "cut", "terminated", "torn", "1013"]
"The server closes with a code, the connection is reset, the client leaves, the connection is reset within a message."
BATCH = 10
"What one request writes: all but one are records, and one is deleted."
PACE = 0.05
"Seconds from one request to the next, which makes 200 events a second."
KEYS = 300
MANY = (
    f"mutation({' '.join(f'$k{n}: String!' for n in range(BATCH))}, $value: String!) {{ "
    + " ".join(
        f"w{n}: writeRecord(input: {{ key: $k{n}, value: $value }}) {{ errors {{ code }} }}" for n in range(1, BATCH)
    )
    + " gone: deleteRecord(input: { key: $k0 }) { errors { code } } }"
)
STOPS = {"sqlite": 2, "postgresql": 1}
"How often a server is stopped and killed: less where the next one waits seconds for what it owned."
PATIENCE = 30.0


@dataclass
class Server:
    """A shop in a process of its own, told when to close whose socket."""

    process: asyncio.subprocess.Process
    port: int
    staff: str
    tokens: dict[str, str]

    def close(self, user: str, code: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{user} {code}\n".encode())


@asynccontextmanager
async def closable(folder: Path, users: list[str]) -> AsyncIterator[Server]:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tests.clients.closable", str(folder), json.dumps(worlds.settings(folder)), *users]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout
        async with asyncio.timeout(PATIENCE):
            told = json.loads(await process.stdout.readline())
        yield Server(process, **told)
    finally:
        process.kill()
        await process.communicate()


class Writer:
    """Writes at the pace until it is told to stop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._stopped = False
        self._more = asyncio.Condition()
        self._task = asyncio.create_task(self._run())
        self.written = 0

    async def reached(self, count: int) -> None:
        """Wait until so much is written. Raises what kept it from being written."""
        async with self._more, asyncio.timeout(PATIENCE):
            await self._more.wait_for(lambda: self.written >= count or self._task.done())
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Stop once what was sent is answered. Raises what kept it from being written."""
        self._stopped = True
        await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in takewhile(lambda _: not self._stopped, count()):
            await asyncio.sleep(begun + number * PACE - loop.time())
            keys = {f"k{n}": f"key-{(number * 7 + n * 31) % KEYS}" for n in range(BATCH)}
            response = await self._client.post(PATH, json={"query": MANY, "variables": {**keys, "value": str(number)}})
            assert "errors" not in response.json(), response.text
            self.written += BATCH
            async with self._more:
                self._more.notify_all()


def as_staff(port: int, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=authorization(token), timeout=PATIENCE)


async def written(client: httpx.AsyncClient, id: str, key: str) -> str:
    """The position of a record that is written, once. Raises HTTPError when the server does not say so."""
    response = await client.post(PATH, json={"query": WRITE, "variables": {"key": key, "value": id, "id": id}})
    answer = response.raise_for_status().json()
    if "errors" in answer:
        raise httpx.HTTPError(response.text)
    return str(answer["data"]["writeRecord"]["receipt"]["position"])


def complete(reports: list[dict[str, Any]], rows: dict[str, Any], connections: int) -> None:
    """Hold each follower to having seen all, once, in order, over so many connections."""
    for report in reports:
        assert (report["connections"], report["holes"], report["ended"]) == (connections, [], None)
        assert (report["frames"]["SNAPSHOT"], report["frames"]["RESET"]) == (1, 0)
        assert report["rows"] == rows


@pytest.mark.timeout(180)
async def test_a_thousand_forced_reconnects_leave_no_hole_in_any_view(tmp_path: Path, node: Node) -> None:
    users = [f"follower-{number}" for number in range(2 * EACH)]
    forced = []
    async with (
        closable(tmp_path, users) as server,
        as_staff(server.port, server.staff) as client,
        fleet(node, server.port, list(server.tokens.values())) as followers,
    ):
        writer = Writer(client)

        async def lose(number: int, way: str) -> None:
            wire = followers.wires[number]
            wire.renew()
            match way:
                case "cut":
                    wire.cut()
                case "torn":
                    wire.tears = True
                case "terminated":
                    await followers.terminate(number)
                case code:
                    server.close(users[number], code)
            await wire.live()
            forced.append(way)

        async def lose_often(number: int) -> None:
            await followers.wires[number].live()
            for turn, way in enumerate(islice(cycle(WAYS), number, number + TURNS)):
                await writer.reached(turn * BETWEEN)
                await lose(number, way)

        await asyncio.gather(*(lose_often(number) for number in range(len(users))))
        await writer.stop()
        reports = await followers.until(await written(client, "last", "last"))
        rows = await table(client)
    assert {way: forced.count(way) for way in WAYS} == dict.fromkeys(WAYS, 200)
    complete(reports, rows, connections=1 + TURNS)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.timeout(180)
async def test_views_are_whole_after_restarts_and_kills_under_writers_that_try_again(
    tmp_path: Path, node: Node, world: str
) -> None:
    token, port = await clerk(tmp_path), free_port()
    positions: dict[str, str] = {}
    news = asyncio.Condition()
    going = True

    async def write_on(client: httpx.AsyncClient, name: str) -> None:
        """Write until told to stop, each command again and again under the same id until it is answered."""
        for turn in takewhile(lambda _: going, count()):
            id = f"{name}-{turn}"
            while id not in positions:
                try:
                    positions[id] = await written(client, id, f"{name}-{turn % 7}")
                except httpx.HTTPError:
                    await asyncio.sleep(PACE)
            async with news:
                news.notify_all()

    async def more() -> None:
        """Wait until some more was written."""
        enough = len(positions) + 40
        async with news, asyncio.timeout(PATIENCE):
            await news.wait_for(lambda: len(positions) >= enough)

    stops: list[signal.Signals] = [signal.SIGTERM, signal.SIGKILL] * STOPS[world]
    async with (
        AsyncExitStack() as on,
        as_staff(port, token) as client,
        fleet(node, port, [token] * 8) as followers,
    ):
        async with asyncio.TaskGroup() as writers:
            for name in "abcd":
                writers.create_task(write_on(client, name))
            for how in stops:
                async with serving(tmp_path, PORT=str(port)) as server:
                    await followers.live()
                    await more()
                    followers.renew()
                    ended = await server.stop(how)
                assert ended.code == (0 if how is signal.SIGTERM else -how)
                assert "Traceback" not in ended.err
            await on.enter_async_context(serving(tmp_path, PORT=str(port)))
            await followers.live()
            going = False
        reports = await followers.until(await written(client, "last", "last"))
        rows: dict[str, Any] = await table(client)
    assert len(set(positions.values())) == len(positions)
    assert sum(row["writeCount"] for row in rows.values()) == len(positions) + 1
    complete(reports, rows, connections=1 + len(stops))
