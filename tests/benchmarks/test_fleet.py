"""The clients of the benchmarks: what they make of the bytes of a server, and what they do not let pass."""

import asyncio
from collections.abc import Sequence

import orjson
import pytest

from benchmarks.fleet import Client, Fleet
from benchmarks.records import Written

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def frame(since: int, position: int, *keys: str, value: str = "v") -> bytes:
    """A frame of a subscription as a server sends it."""
    rows = [{"key": key, "value": value} for key in keys]
    data = {"records": {"since": str(since), "position": str(position), "upserted": rows}}
    return text({"id": "1", "type": "next", "payload": {"data": data}})


def text(message: object) -> bytes:
    body = orjson.dumps(message)
    if len(body) < 126:
        return bytes((0x81, len(body))) + body
    if len(body) < 65_536:
        return bytes((0x81, 126)) + len(body).to_bytes(2, "big") + body
    return bytes((0x81, 127)) + len(body).to_bytes(8, "big") + body


def joined(fleet: Fleet) -> Client:
    client = Client(fleet, None)
    fleet.clients.append(client)
    client.data_received(UPGRADED)
    return client


def written(**positions: int) -> dict[str, Written]:
    return {key: Written(0.0, position) for key, position in positions.items()}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000, 10**6])
async def test_frames_are_found_however_the_bytes_are_cut(size: int) -> None:
    fleet = Fleet()
    client = joined(fleet)
    sent = frame(0, 1, "a") + frame(1, 2, "b", value="v" * 300) + frame(2, 3, "c", value="v" * 70_000)
    fleet.expect([client] * 3)
    for at in range(0, len(sent), size):
        client.data_received(sent[at : at + size])
    await fleet.arrived()
    assert fleet.check({client: written(a=1, b=2, c=3)}) == 3


async def test_what_all_are_sent_is_read_once_and_counted_for_each() -> None:
    fleet = Fleet()
    clients = [joined(fleet) for _ in range(3)]
    fleet.expect(clients)
    for client in clients:
        client.data_received(frame(0, 1, "a", value="v" * 300))
    await fleet.arrived()
    assert len(fleet.payloads) == 1
    assert len(fleet.delays(written(a=1))) == 3
    assert fleet.check({client: written(a=1) for client in clients}) == 3


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([frame(0, 1, "a"), frame(1, 3, "c")], "has 2 rows"),
        ([frame(0, 1, "a"), frame(1, 3, "b", "b")], "has 3 rows"),
        ([frame(0, 1, "a"), frame(1, 2, "b", "c")], "up to 2"),
        ([frame(0, 1, "a"), frame(2, 3, "b", "c")], "begins at 2; the one before ended at 1"),
    ],
    ids=["a row is missing", "a row comes twice", "a frame is too old", "a frame does not join on"],
)
async def test_a_subscriber_that_was_sent_something_else_fails_the_measurement(
    frames: Sequence[bytes], complaint: str
) -> None:
    fleet = Fleet()
    client = joined(fleet)
    client.data_received(b"".join(frames))
    with pytest.raises(RuntimeError, match=complaint):
        fleet.check({client: written(a=1, b=2, c=3)})


async def test_rows_that_do_not_concern_a_subscriber_fail_the_measurement() -> None:
    fleet = Fleet()
    first, second = joined(fleet), joined(fleet)
    for client in (first, second):
        client.data_received(frame(0, 1, "a"))
    with pytest.raises(RuntimeError, match="has 1 rows, up to 1, where 0 were due"):
        fleet.check({first: written(a=1)})


@pytest.mark.parametrize(
    "sent",
    [
        text({"id": "1", "type": "error", "payload": [{"message": "No."}]}),
        text({"id": "1", "type": "complete"}),
        bytes((0x88, 2)) + (4403).to_bytes(2, "big"),
    ],
    ids=["error", "complete", "close"],
)
async def test_whoever_waits_for_rows_hears_that_none_will_come(sent: bytes) -> None:
    fleet = Fleet()
    client = joined(fleet)
    fleet.expect([client])
    waiting = asyncio.ensure_future(fleet.arrived())
    await asyncio.sleep(0)
    client.data_received(sent)
    with pytest.raises((RuntimeError, ConnectionError), match=r"Not what was subscribed to|closed with 4403"):
        await waiting
