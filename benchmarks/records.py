"""Records under load: the requests that write them, the subscription that shows them, and what must come back."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from benchmarks import http
from benchmarks.http import Connection
from engine import clock

MUTATION = """mutation Write($input: WriteRecordInput!) {
  writeRecord(input: $input) {
    receipt { commandId position stream version acceptedAt replayed }
    errors { code message path }
  }
}"""
SUBSCRIPTION = """subscription Follow($prefix: String) {
  records(prefix: $prefix) { kind since position more upserted { key value version position } removed }
}"""
VALUE = "The quick brown fox jumps over the lazy dog. " * 3
_POSITION = re.compile(rb'"position":"(\d+)"')


@dataclass(frozen=True)
class Written:
    """A record that was accepted: when its request was sent, and its place in the log."""

    sent: float
    position: int


def request(key: str, token: str) -> bytes:
    variables = {"input": {"key": key, "value": VALUE}}
    return http.post(
        "/graphql", orjson.dumps({"query": MUTATION, "variables": variables, "operationName": "Write"}), token
    )


def requests(prefix: str, token: str) -> Iterator[bytes]:
    """Each writes a record of its own."""
    number = 0
    while True:
        number += 1
        yield request(f"{prefix}-{number:08}", token)


def accepted(answer: bytes) -> None:
    """Every answer must carry a receipt, and no error."""
    if b'"receipt":{' not in answer or b'"errors":[]' not in answer or answer.count(b'"errors"') != 1:
        raise RuntimeError(f"Refused: {answer.decode()[:500]}")


async def write(
    connections: Sequence[Connection], requests: Mapping[str, bytes], rate: float | None = None
) -> dict[str, Written]:
    """Send the request for each key: so many a second, or as quickly as they are taken."""
    remaining = iter(enumerate(requests.items()))
    written: dict[str, Written] = {}
    start = clock.monotonic()

    async def send(connection: Connection) -> None:
        for number, (key, body) in remaining:
            if rate is not None:
                await asyncio.sleep(max(start + number / rate - clock.monotonic(), 0))
            sent = clock.monotonic()
            answer = await connection.ask(body)
            accepted(answer)
            found = _POSITION.search(answer)
            assert found is not None
            written[key] = Written(sent, int(found[1]))

    await asyncio.gather(*map(send, connections))
    return written


async def settled(port: int) -> None:
    """Wait until the read models show everything, so that a backlog does not slow whoever is measured next."""
    async with http.connected(port, 1) as (connection,), asyncio.timeout(60):
        while True:
            status = orjson.loads(await connection.ask(http.get("/health/ready")))
            if all(each["position"] == status["head"] for each in status["projections"].values()):
                return
            await asyncio.sleep(0.02)
