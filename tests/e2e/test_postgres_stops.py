"""PostgreSQL stopped at once, again and again, under load: nothing that was acknowledged is taken back."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect

from benchmarks import staff
from engine.clock import monotonic
from tests import worlds
from tests.e2e.process import Serving, run, serving
from tests.e2e.test_process import FRAMES, WRITE, settled, signed_in, table, verdict
from tests.line import line
from tests.postgres import OwnPostgres, own_postgres
from tests.redis import PACE
from tests.running import PROTOCOL, Stream, View, authorization, opened

STOPS = 10
WRITERS = 8
FAST = 5.0
"Seconds after the database's return within which all goes on."
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


async def stopped(store: OwnPostgres, load: Load, view: View) -> float:
    """Stop the database under load and start it again; seconds from its return until a new command is shown."""
    await store.stop()
    async with asyncio.timeout(FAST):
        await load.failed()
    await store.start()
    began = monotonic()
    async with asyncio.timeout(FAST):
        await load.more(1)
        newest = max(load.acknowledged.values())
        await load.until(lambda: int(view.position or 0) >= newest)
    return monotonic() - began


@pytest.mark.timeout(180)
async def test_what_was_acknowledged_is_there_once_however_often_the_database_stops(tmp_path: Path) -> None:
    async with own_postgres() as store:
        urls = {"WRITE_DB_URL": store.url, "READ_DB_URL": store.url}
        token = await staff.token(tmp_path / "data", **{name.lower(): url for name, url in urls.items()})
        async with serving(tmp_path, **urls) as server, signed_in(server, token) as client:
            load, view, resumed = Load(client), View(), list[Any]()
            following = asyncio.create_task(followed(server, token, view, resumed))
            assert server.process.stderr
            # There is much to tell of, and a pipe that nobody empties would hold the server up.
            saying = asyncio.create_task(server.process.stderr.read())
            load.begin()
            paused = []
            async with asyncio.timeout(150):
                for _ in range(STOPS):
                    await load.more(BETWEEN)
                    paused.append(await stopped(store, load, view))
                load.is_over = True
                await asyncio.gather(*load.tasks)
                head = await settled(client)
                await load.until(lambda: view.position == head or following.done())
            following.cancel()
            rows = await table(client)
            found = await run(tmp_path, "verify", **urls)
            server.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(FAST * 2):
                code, said = await asyncio.gather(server.process.wait(), saying)
    print(
        f"{len(load.acknowledged)} commands, {load.codes}, {load.replayed} replayed, {len(resumed)} resumed, {paused}"
    )
    assert set(load.codes) == {"UNAVAILABLE"}
    # Each command is one event, the first being that of who sent them: none is missing, none is there twice.
    assert sorted(load.acknowledged.values()) == list(range(2, len(load.acknowledged) + 2))
    assert int(head) == len(load.acknowledged) + 1
    assert sum(row["writeCount"] for row in rows.values()) == len(load.acknowledged)
    assert "RESET" not in view.kinds
    assert view.rows == rows
    assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")
    assert code == 0
    assert b"Traceback" not in said


async def test_whether_a_command_was_stored_whose_answer_is_lost_is_found_out_by_sending_it_again(
    tmp_path: Path,
) -> None:
    with worlds.world("postgresql"):
        parts = urlsplit(worlds.url(tmp_path / "log.db"))
        async with line(parts.hostname or "127.0.0.1", parts.port or 5432) as between:
            through = parts._replace(netloc=f"{parts.username}@127.0.0.1:{between.port}").geturl()
            async with opened(tmp_path, write_db_url=through) as shop:
                for number in range(5):
                    record = {"key": "k", "value": str(number), "id": f"c{number}"}
                    between.loses = b"COMMIT\0"  # as the server says that it has
                    refused = await shop.refused(WRITE, **record)
                    assert refused["extensions"]["code"] == "UNAVAILABLE"
                    between.loses = b""
                    payload = await shop.data(WRITE, **record)
                    assert payload["receipt"] == {"position": str(number + 1), "replayed": True}
                await shop.settled()
                (row,) = (await shop.data("{ records { nodes { value writeCount } } }"))["nodes"]
                assert row == {"value": "4", "writeCount": 5}
