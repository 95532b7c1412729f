"""A small HTTP/1.1 client for loading a server over loopback: kept-alive connections that answer with bodies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from benchmarks import machine
from engine import clock

_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.index(_LENGTH) + len(_LENGTH)
        stop = head.find(b"\r\n", at)
        length = int(head[at : stop if stop >= 0 else end])
        if len(self._received) < end + 4 + length or self._answer is None:
            return
        body, self._received = self._received[end + 4 :], b""
        if not head.startswith(b"http/1.1 200"):
            self._answer.set_exception(RuntimeError(f"{head.decode()}: {body.decode()[:500]}"))
        else:
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"The server closed the connection: {error}."))

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def post(path: str, body: bytes, token: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {token}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[Sequence[Connection]]:
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


@dataclass(frozen=True)
class Loaded:
    """What a slice of load came to."""

    answers: int
    seconds: float
    share: float
    "How much of its core the load generator used."

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


async def load(
    port: int, requests: Iterator[bytes], check: Callable[[bytes], None], *, connections: int, seconds: float
) -> Loaded:
    """Ask on every connection, each time as soon as the answer is there, for a while. `check` sees every answer."""
    answers = 0

    async def ask(connection: Connection) -> None:
        nonlocal answers
        while clock.monotonic() < deadline:
            check(await connection.ask(next(requests)))
            answers += 1

    async with connected(port, connections) as made:
        used, start = machine.own_processor_seconds(), clock.monotonic()
        deadline = start + seconds
        await asyncio.gather(*map(ask, made))
        passed = clock.monotonic() - start
        return Loaded(answers, passed, (machine.own_processor_seconds() - used) / passed)
