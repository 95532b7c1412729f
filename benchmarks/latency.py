"""From a command to the frame that shows it, at a rate far below what the server can do."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from websockets.asyncio.client import connect

from benchmarks import http, machine
from benchmarks.mutation import accepted, requests
from benchmarks.report import Row, percentile
from engine import clock

SUBSCRIPTION = "subscription { records { kind position more upserted { key value version position } removed } }"
PROTOCOL = "graphql-transport-ws"
SENDERS = 16


def measure(*, seconds: float = 15.0, rate: int = 100) -> Row:
    return machine.run(_measure(seconds, rate))


async def _measure(seconds: float, rate: int) -> Row:
    with TemporaryDirectory() as directory:
        async with machine.dispensary(Path(directory)) as server:
            passed = await _passed(server, int(seconds * rate), rate)
    half, most = (percentile(passed, share) * 1e3 for share in (0.5, 0.99))
    return Row(
        f"command to the frame at a subscriber, at {rate} commands/s",
        f"p50 {half:.1f} ms, p99 {most:.1f} ms",
        "-",
        "",
        "p50 <= 10 ms, p99 <= 50 ms",
        half <= 10 and most <= 50,
        (f"timed from before the request is sent; slowest of {len(passed):,}: {max(passed) * 1e3:.1f} ms.",),
    )


async def _passed(server: machine.Server, count: int, rate: int) -> list[float]:
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    async with (
        http.connected(server.port, SENDERS) as connections,
        connect(f"ws://127.0.0.1:{server.port}/graphql", subprotocols=[PROTOCOL], compression=None) as socket,  # type: ignore[list-item]  # text will do
    ):
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION}}).decode())
        await socket.recv()  # the snapshot

        async def listen() -> None:
            while len(seen) < count:
                message = orjson.loads(await socket.recv())
                now = clock.monotonic()
                if message["type"] == "next":
                    seen.update({row["key"]: now for row in message["payload"]["data"]["records"]["upserted"]})

        async def write(sender: int) -> None:
            """Every so many-th command, at its time: a slow answer must not slow the rate down."""
            for number in range(sender, count, SENDERS):
                await asyncio.sleep(max(start + number / rate - clock.monotonic(), 0))
                key, request = prepared[number]
                sent[key] = clock.monotonic()
                accepted(await connections[sender].ask(request))

        bodies = requests("live", server.token)
        prepared = [(f"live-{number + 1:08}", next(bodies)) for number in range(count)]
        start = clock.monotonic()
        async with asyncio.timeout(count / rate + 30):
            await asyncio.gather(listen(), *map(write, range(SENDERS)))
    return [seen[key] - at for key, at in sent.items()]
