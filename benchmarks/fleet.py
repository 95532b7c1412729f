"""A fleet of WebSocket clients in one process, that reads so cheaply that the server is what is measured."""

import asyncio
import base64
import gc
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import orjson

from benchmarks import frames
from benchmarks.frames import Payload
from benchmarks.records import Written
from engine import clock

AT_ONCE = 50
"How many connect at the same time."
PATIENCE = 60.0
"Seconds after which a frame counts as never coming."

_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
) % base64.b64encode(b"benchmarks' key.")
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_NO_MASK = bytes(4)
"A client must mask; with zeros it costs the client nothing, and the server what it always does."
_INIT = b'{"type":"connection_init"}'
_PONG_MESSAGE = b'{"type":"pong"}'
_PAYLOAD = b'"payload":'
_USUAL = bytes((_TEXT, 126))
"How a text frame of 126 to 65,535 bytes begins."


@dataclass(frozen=True)
class Opening:
    """What a client subscribes to."""

    query: str
    variables: Mapping[str, Any]

    def message(self, id: str) -> bytes:
        payload = {"query": self.query, "variables": self.variables}
        return orjson.dumps({"id": id, "type": "subscribe", "payload": payload})


class Client(asyncio.Protocol):
    """One connection with one subscription, or with none where frames are sent unasked."""

    def __init__(self, fleet: "Fleet", opening: Opening | None) -> None:
        self._fleet = fleet
        self._opening = opening
        self._payloads = fleet.payloads
        self._left = b""
        self._is_upgraded = False
        self._is_between = False
        "Whether it has joined, and what comes next begins a frame."
        self._transport: asyncio.Transport | None = None
        # Like those of the clients that people use: no two subscribers can be sent the very same bytes.
        self._id = str(uuid.uuid4()).encode() if opening else b""
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        "Done once the frames begin."
        self.due = 0
        "How many changed rows are still to come."
        self.position: str | None = None
        "Where the frames that were checked left off."
        self.seen: list[Payload] = []
        self.times: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(_HANDSHAKE)

    def connection_lost(self, error: Exception | None) -> None:
        self._fleet.fail(ConnectionError(f"The server closed a socket: {error}."))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        # One whole frame with a payload that somebody else has had: what is quick here lets one core hold thousands.
        if self._is_between and data[:2] == _USUAL and len(data) == 4 + int.from_bytes(data[2:4], "big"):
            payload = self._payloads.get(data[data.find(_PAYLOAD) :])
            if payload is not None and self._id in data:
                self._take(payload)
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        if self._left:
            data = self._left + data
        if not self._is_upgraded:
            data = self._upgrade(data)
        at, end = 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1], at + 2
            if length > 125:
                start += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : start], "big")
            if start + length > end:
                break
            if data[at] == _TEXT:
                self._read(data[start : start + length])
            else:
                self._control(data[at], data[start : start + length])
            at = start + length
        self._left = data[at:]
        self._is_between = self.joined.done() and not self._left

    def _upgrade(self, data: bytes) -> bytes:
        """What follows the answer to the handshake; all of it while that is incomplete."""
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._left = data
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._fleet.fail(RuntimeError(f"No socket: {head.decode()}"))
        self._is_upgraded = True
        if self._opening is None:
            self.joined.set_result(None)
        else:
            self._send(_TEXT, _INIT)
        return rest

    def _read(self, message: bytes) -> None:
        at = message.find(_PAYLOAD)
        if at < 0 or b'"next"' not in message[:at]:
            self._talk(message)
        elif self._id not in message:
            self._fleet.fail(RuntimeError(f"For somebody else: {message.decode()[:500]}"))
        else:
            text = message[at:]
            payload = self._payloads.get(text)
            if payload is None:
                payload = self._payloads[text] = Payload(message)
            self._take(payload)
            if not self.joined.done():
                self.joined.set_result(None)

    def _take(self, payload: Payload) -> None:
        self.times.append(clock.monotonic())
        self.seen.append(payload)
        if self.due > 0:
            self.due -= payload.rows
            if self.due <= 0:
                self._fleet.has_all(self)

    def _talk(self, message: bytes) -> None:
        """Anything but an answer."""
        type = orjson.loads(message)["type"]
        if type == "connection_ack":
            assert self._opening is not None
            self._send(_TEXT, self._opening.message(self._id.decode()))
        elif type == "ping":
            self._send(_TEXT, _PONG_MESSAGE)
        elif type != "pong":
            self._fleet.fail(RuntimeError(f"Not what was subscribed to: {message.decode()[:500]}"))

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self._send(_PONG, payload)
        elif kind != _PONG:
            reason = f"closed with {int.from_bytes(payload[:2], 'big')}" if kind == _CLOSE else f"frame {kind:#x}"
            self._fleet.fail(ConnectionError(f"A socket got something unexpected: {reason}."))

    def _send(self, kind: int, payload: bytes) -> None:
        assert self._transport is not None
        length = len(payload)
        head = bytes((kind, 0x80 | length)) if length < 126 else bytes((kind, 0xFE)) + length.to_bytes(2, "big")
        self._transport.write(head + _NO_MASK + payload)


class Fleet:
    """The clients, and whoever waits for them."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.payloads: dict[bytes, Payload] = {}
        self._waiting: set[Client] = set()
        self._arrived: asyncio.Future[None] | None = None
        self._failure: Exception | None = None

    def has_all(self, client: Client) -> None:
        """A client has every row that is due to it."""
        self._waiting.discard(client)
        if not self._waiting and self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def fail(self, failure: Exception) -> None:
        """What goes wrong in a callback of the loop fails whoever waits, now or later."""
        self._failure = self._failure or failure
        for future in (self._arrived, *(client.joined for client in self.clients)):
            if future is not None and not future.done():
                future.set_exception(self._failure)

    def expect(self, concerned: Iterable[Client]) -> None:
        """One more row for each of these."""
        for client in concerned:
            client.due += 1
            self._waiting.add(client)

    async def arrived(self) -> None:
        """Wait until all that is expected is there."""
        if self._failure:
            raise self._failure
        if self._waiting:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._arrived
            except TimeoutError:
                raise RuntimeError(f"{len(self._waiting)} of {len(self.clients)} subscribers missed a row.") from None

    def delays(self, written: Mapping[str, Written]) -> list[float]:
        """For each row at each client, the seconds since its request was sent."""
        return [
            time - written[key].sent
            for client in self.clients
            for payload, time in zip(client.seen, client.times, strict=True)
            for key in payload.frame.keys
        ]

    def check(self, written: Mapping[Client, Mapping[str, Written]]) -> int:
        """Every client must have seen what concerned it, each row once, in frames that join on, up to the last of them.

        Gives how many frames that took, and forgets them. Raises RuntimeError.
        """
        histories: dict[tuple[str | None, tuple[Payload, ...]], tuple[list[str], str | None]] = {}
        count = 0
        for client in self.clients:
            history = client.position, tuple(client.seen)
            if history not in histories:
                histories[history] = frames.joined(client.position, [payload.frame for payload in client.seen])
            keys, position = histories[history]
            due = written.get(client, {})
            if keys != sorted(due) or (due and int(position or 0) < max(each.position for each in due.values())):
                raise RuntimeError(f"A subscriber has {len(keys)} rows, up to {position}, where {len(due)} were due.")
            count += len(client.seen)
            client.position = position
        self._forget()
        return count

    def _forget(self) -> None:
        for client in self.clients:
            client.seen.clear()
            client.times.clear()
            client.due = 0
        self.payloads.clear()


@asynccontextmanager
async def connected(port: int, openings: Sequence[Opening | None]) -> AsyncIterator[Fleet]:
    """A client for each opening, all of which have their first frame; those without one have their connection."""
    fleet = Fleet()
    loop = asyncio.get_running_loop()
    remaining = iter(openings)

    async def connect() -> None:
        for opening in remaining:
            client = Client(fleet, opening)
            fleet.clients.append(client)
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            await client.joined

    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(connect())
        fleet.check({})
        # A collection that walks through thousands of clients would show as somebody's late frame.
        gc.collect()
        gc.freeze()
        yield fleet
    finally:
        gc.unfreeze()
        for client in fleet.clients:
            client.close()
