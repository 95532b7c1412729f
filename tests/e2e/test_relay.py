"""The relay of a server that is killed again and again: nothing is lost, and what comes twice can be recognised."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from engine import ids
from tests import services
from tests.brokers import assert_in_order, firsts, listening
from tests.e2e.process import Serving, clerk, serving
from tests.running import authorization

KILLS = {"sqlite": 3, "postgresql": 1}
"How often: less where each start waits seconds for what the one that was killed still owns."
WRITE = """mutation($key: String!, $value: String!, $id: ID!) {
  writeRecord(input: { key: $key, value: $value, commandId: $id }) { receipt { position } errors { code } }
}"""


async def keep_writing(server: Serving, token: str, writer: int, acknowledged: set[int]) -> None:
    """Write until the server is gone."""
    async with httpx.AsyncClient(base_url=server.url, headers=authorization(token)) as client:
        for turn in range(10_000):
            variables = {"key": f"k{(writer + turn) % 5}", "value": str(turn), "id": ids.new()}
            answer = (await client.post("/graphql", json={"query": WRITE, "variables": variables})).json()
            acknowledged.add(int(answer["data"]["writeRecord"]["receipt"]["position"]))


@pytest.mark.parametrize("kind", ["rabbitmq", "nats", "redis"])
async def test_a_server_that_is_killed_while_it_relays_loses_nothing(kind: str, tmp_path: Path, world: str) -> None:
    url, name = services.broker(kind), f"test-{ids.new()}"
    token = await clerk(tmp_path)
    acknowledged = {1}
    async with listening(kind, url, name) as listener:
        for _ in range(KILLS[world]):
            async with serving(tmp_path, RELAY_URL=url, RELAY_CHANNEL=name) as server:
                tasks = [
                    asyncio.create_task(keep_writing(server, token, number, acknowledged), name=f"writer {number}")
                    for number in range(4)
                ]
                # Some of this start are out, of which the newest are not noted yet; others wait or are on their way.
                await listener.until(max(acknowledged) + 100)
                server.process.kill()
                await server.process.wait()
                await asyncio.gather(*tasks, return_exceptions=True)
        async with serving(tmp_path, RELAY_URL=url, RELAY_CHANNEL=name) as server:
            # What was stored and not acknowledged is relayed as well.
            await listener.until(max(acknowledged))
            assert "Traceback" not in (await server.stop(signal.SIGTERM)).err
    assert acknowledged <= {each.position for each in listener.heard}
    assert_in_order(listener.heard)
    positions = sorted(each.position for each in firsts(listener.heard))
    assert positions == list(range(1, len(positions) + 1))


@pytest.mark.one_world("it is about brokers that are away")
async def test_a_server_begins_without_its_broker_and_says_nothing_of_the_password(tmp_path: Path) -> None:
    for scheme in ("amqp", "nats", "redis", "kafka"):
        login = "" if scheme == "kafka" else "ann:hush%21hush@"
        url = f"{scheme}://{login}127.0.0.1:{services.free_port()}"
        async with serving(tmp_path, RELAY_URL=url, LOG_LEVEL="debug") as server:
            async with httpx.AsyncClient(base_url=server.url) as client:
                assert (await client.get("/health/ready?for=commands,reads")).status_code == 200
            said = b""
            async with asyncio.timeout(15):
                while b"relay stalled" not in said:
                    assert server.process.stderr
                    said += await server.process.stderr.readline()
            ended = await server.stop(signal.SIGTERM)
        everything = said.decode() + ended.err + ended.out
        assert (ended.code, "hush" in everything, "Traceback" in everything) == (0, False, False), everything
