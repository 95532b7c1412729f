"""The server as a process: what it was told it keeps, however it ends; what stops it is one sentence."""

import asyncio
import json
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests import worlds
from tests.e2e.process import ROOT, Serving, clerk, run, serving
from tests.running import PROTOCOL, Stream, View, authorization

WRITE = """mutation($key: String!, $value: String!, $id: ID!) {
  writeRecord(input: { key: $key, value: $value, commandId: $id }) { receipt { position replayed } errors { code } }
}"""
LIST = """query($after: String) {
  records(first: 100, after: $after) { position nodes { id value writeCount } pageInfo { hasNextPage endCursor } }
}"""
FRAMES = """subscription($after: Position) {
  records(after: $after) { kind since position more upserted { id value writeCount } removed }
}"""
PROJECTIONS = "{ projections { name position head } }"
CATALOGUE = """id,name,generic_name,manufacturer,form,strength,price
a,Aspirin,acetylsalicylic acid,Bayer,tablet,500 mg,4.99
z,Zinc,zinc,Acme,tablet,10 mg,1.00
"""


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    return value


async def table(client: httpx.AsyncClient) -> dict[str, Any]:
    """Every record, page by page."""
    found: dict[str, Any] = {}
    info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while info["hasNextPage"]:
        page = await ask(client, LIST, after=info["endCursor"])
        found |= {node["id"]: node for node in page["nodes"]}
        info = page["pageInfo"]
    return found


async def settled(client: httpx.AsyncClient) -> str:
    """The head of the log, once every projection shows it."""
    async with asyncio.timeout(10):
        while True:
            statuses = await ask(client, PROJECTIONS)
            if len({status["position"] for status in statuses} | {statuses[0]["head"]}) == 1:
                return str(statuses[0]["head"])


def signed_in(server: Serving, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, headers=authorization(token))


@asynccontextmanager
async def following(server: Serving, after: str | None) -> AsyncIterator[Stream]:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    async with connect(url, subprotocols=[PROTOCOL], compression=None) as client:
        stream = Stream(client)
        await client.send(json.dumps({"type": "connection_init"}))
        await stream.message()
        payload = {"query": FRAMES, "variables": {"after": after}}
        await client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        yield stream


def verdict(text: str) -> list[str]:
    return [line.rpartition(": ")[2] for line in text.splitlines() if line and not line.startswith(" ")]


async def test_what_was_acknowledged_before_a_crash_is_there_exactly_once(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    tried: dict[str, tuple[str, str]] = {}
    view = View()
    token = await clerk(tmp_path)
    async with serving(tmp_path) as server, signed_in(server, token) as client:

        async def writer(number: int) -> None:
            for turn in range(10_000):
                id, key, value = f"c{number}-{turn}", f"k{number}-{turn % 7}", str(turn)
                tried[id] = key, value
                payload = await ask(client, WRITE, key=key, value=value, id=id)
                acknowledged[id] = payload["receipt"]["position"]

        async def follower() -> None:
            async with following(server, None) as stream:
                while True:
                    view.apply(await stream.next())

        tasks = [asyncio.create_task(work) for work in (follower(), *(writer(number) for number in range(8)))]
        async with asyncio.timeout(15):
            while len(acknowledged) < 400 or view.position in (None, "0"):
                await asyncio.wait(tasks, timeout=0.01)
        server.process.kill()
        await server.process.wait()
        await asyncio.gather(*tasks, return_exceptions=True)
    positions = list(acknowledged.values())
    assert len(set(positions)) == len(positions)

    async with serving(tmp_path) as server, signed_in(server, token) as client:
        head = await settled(client)
        for id, (key, value) in tried.items():
            payload = await ask(client, WRITE, key=key, value=value, id=id)
            if id in acknowledged:
                assert payload["receipt"] == {"position": acknowledged[id], "replayed": True}
        done = await settled(client)
        assert int(done) == 1 + len(tried)
        assert int(head) >= 1 + len(acknowledged)
        rows = await table(client)
        assert sum(row["writeCount"] for row in rows.values()) == len(tried)
        # The same view goes on across the crash, without a hole.
        async with following(server, view.position) as stream:
            await view.until(stream, done)
        assert "RESET" not in view.kinds
        assert view.rows == rows
        found = await run(tmp_path, "verify")
        assert (found.code, set(verdict(found.out)), found.err) == (0, {"equal"}, "")
        assert "Traceback" not in (await server.stop(signal.SIGTERM)).err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_that_was_asked_for_is_a_success_and_keeps_everything(tmp_path: Path, how: signal.Signals) -> None:
    token = await clerk(tmp_path)
    async with serving(tmp_path) as server:
        async with signed_in(server, token) as client, following(server, None) as stream:
            await stream.next()
            tasks = [asyncio.create_task(ask(client, WRITE, key=f"k{n}", value="v", id=f"c{n}")) for n in range(30)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(10):
                ended = await server.stop(how)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert ended.code == 0
        assert "Traceback" not in ended.err
        kept = {f"c{n}" for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)}
    assert kept
    log = tmp_path / "data" / "log.db"
    stored = [row[0] for row in worlds.sql(log, "SELECT command_id FROM commands")]
    assert kept <= set(stored)
    assert worlds.sql(log, "SELECT count(*) FROM events") == [(len(stored),)]
    found = await run(tmp_path, "verify")
    assert (found.code, set(verdict(found.out))) == (0, {"equal"})


@pytest.mark.one_world("it is about files")
async def test_what_keeps_a_server_from_starting_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = await run(tmp_path, "serve", PORT=port)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == f"Cannot listen on 127.0.0.1 port {port}: Address already in use.\n"
    async with serving(tmp_path) as server:
        second, imported = await asyncio.gather(
            run(tmp_path, "serve"), run(tmp_path, "import", str(ROOT / "demo" / "catalogue.csv"))
        )
        taken_log = (
            f"Another process (pid {server.process.pid}) writes to data/log.db. "
            "Stop it first, or point this one at other files."
        )
        assert (second.code, second.out, second.err) == (2, "", f"{taken_log}\n")
        assert (imported.code, imported.out) == (2, "")
        assert imported.err.startswith(
            f"{taken_log} If it is the server, import through it: add --url http://127.0.0.1:"
        )
    (tmp_path / "diary.db").write_bytes(b"no database " * 100)
    settings, file = await asyncio.gather(
        run(tmp_path, "serve", LOG_LEVEL="loud"), run(tmp_path, "verify", WRITE_DB_URL="sqlite:///diary.db")
    )
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "token.key").write_bytes(b"short")
    key = await run(tmp_path, "serve", PORT="0", WRITE_DB_URL="sqlite:///kept/log.db")
    assert (key.code, key.out, key.err.count("\n")) == (2, "", 1)
    assert key.err.startswith("kept/token.key, the key of the tokens, has 5 bytes; it needs at least 32.")
    assert (settings.code, settings.out, settings.err.count("\n")) == (2, "", 1)
    assert settings.err.startswith("LOG_LEVEL='loud' is refused: must be ")
    assert (file.code, file.out, file.err.count("\n")) == (2, "", 1)
    assert file.err.startswith("diary.db ")


async def test_a_catalogue_is_imported_once_however_often_it_is_tried(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_text(CATALOGUE)
    (tmp_path / "wrong.csv").write_text(CATALOGUE.replace("4.99", "cheap"))
    for told in ("2 imported, 0 already there, 0 refused.", "0 imported, 2 already there, 0 refused."):
        ended = await run(tmp_path, "import", "catalogue.csv")
        assert (ended.code, ended.out) == (0, "")
        assert told in ended.err
    wrong = await run(tmp_path, "import", "wrong.csv")
    assert (wrong.code, wrong.err) == (2, "wrong.csv: Line 2, price: 'cheap' is no number.\n")
    token = await clerk(tmp_path)
    async with serving(tmp_path) as server, signed_in(server, token) as client:
        (tmp_path / "catalogue.csv").write_text(CATALOGUE + "b,Biotin,biotin,Acme,tablet,1 mg,2.00\n")
        for told in ("1 imported, 2 already there, 0 refused.", "0 imported, 3 already there, 0 refused."):
            ended = await run(
                tmp_path, "import", "catalogue.csv", "--url", f"{server.url}/graphql", DISPENSARY_TOKEN=token
            )
            assert ended.code == 0
            assert told in ended.err
        await settled(client)
        assert await ask(client, "{ medicines { nodes { id } } }") == {"nodes": [{"id": "a"}, {"id": "b"}, {"id": "z"}]}
        for url, said in (
            (f"{server.url}/health/live", "did not answer: Expecting value: line 1 column 1 (char 0)."),
            (f"{server.url}/graphql", "refused: Sign in to do this."),
            ("http://127.0.0.1:99999/graphql", "is not of the form http://host:port/graphql."),
            ("http://127.0.0.1:1/graphql", "did not answer: [Errno 111] Connection refused."),
        ):
            ended = await run(tmp_path, "import", "catalogue.csv", "--url", url)
            assert (ended.code, ended.err.endswith(f"{said}\n"), "Traceback" in ended.err) == (2, True, False)


async def test_verify_finds_a_row_that_was_tampered_with(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_text(CATALOGUE)
    await run(tmp_path, "import", "catalogue.csv")
    token = await clerk(tmp_path)
    async with serving(tmp_path) as server, signed_in(server, token) as client:  # who imports may project nothing
        await settled(client)
        await server.stop(signal.SIGTERM)
    worlds.sql(tmp_path / "data" / "read.db", "UPDATE medicines_a SET price_units = 1 WHERE id = 'a'")
    ended = await run(tmp_path, "verify")
    assert ended.code == 1
    assert sorted(set(verdict(ended.out))) == ["1 rows differ", "equal"]
    assert "'a'" in ended.out
    assert "499" in ended.out


@pytest.mark.one_world("it keeps no tables")
async def test_the_generated_files_are_up_to_date_and_a_stale_one_is_found(tmp_path: Path) -> None:
    fresh = await run(tmp_path, "schema", "--check")
    assert (fresh.code, fresh.out, fresh.err) == (0, "", "")
    for name in ("cli", "engine", "domain", "readmodels", "ports", "schema"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "server.py", tmp_path)
    arguments = [sys.executable, str(tmp_path / "server.py"), "schema"]
    codes = []
    for more in (["--check"], [], ["--check"]):
        process = await asyncio.create_subprocess_exec(
            *arguments, *more, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, stderr=asyncio.subprocess.PIPE
        )
        await process.communicate()
        codes.append(process.returncode)
    assert codes == [1, 0, 0]
    assert (tmp_path / ".env.example").read_text() == (ROOT / ".env.example").read_text()
