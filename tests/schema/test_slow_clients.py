"""Clients that do not read, or are gone: what they cost, and what the others notice of it."""

import asyncio
import gc
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from engine.graphql.conversation import Conversation
from engine.graphql.exchange import Exchange
from engine.graphql.group import Group
from engine.serving import WebSocketProtocol
from tests.raw_socket import frame, raw_socket
from tests.running import Shop, View

RECORDS = (
    "subscription($after: Position) "
    "{ records(after: $after) { kind since position more upserted { id key value } removed } }"
)
BIG = "x" * 60_000
MOST = 1024 * 1024


@dataclass
class Sleepy:
    """A client that reads only when it is told to, as no client library lets it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, message: Any) -> None:
        self.writer.write(frame(message))

    async def hear(self) -> Any:
        """The next message that is not the server's ping."""
        async with asyncio.timeout(10):
            kind, size = await self.reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            data = await self.reader.readexactly(size)
        return json.loads(data) if kind == 0x81 else (kind, data)


@asynccontextmanager
async def sleepy(shop: Shop) -> AsyncIterator[Sleepy]:
    """Such a client, acknowledged and subscribed to the records, of which it has read the snapshot."""
    async with raw_socket(shop.port) as (reader, writer):
        client = Sleepy(reader, writer)
        assert await client.hear() == {"type": "connection_ack"}
        client.say({"type": "subscribe", "id": "1", "payload": {"query": RECORDS}})
        yield client


def waiting(shop: Shop) -> list[int]:
    """What the server holds for each of its sockets, in bytes."""
    return [each.transport.get_write_buffer_size() for each in shop.server.server_state.connections]


async def test_one_that_does_not_read_is_skipped_and_finds_its_place_when_it_does(shop: Shop) -> None:
    async with sleepy(shop) as slow, shop.follow(RECORDS) as quick:
        late, view = View(), View()
        late.apply((await slow.hear())["payload"]["data"]["records"])
        view.apply(await quick.next())
        for number in range(60):
            receipt = await shop.accepted("writeRecord", key=f"k{number % 7}", value=f"{number} {BIG}")
            await view.until(quick, receipt["position"])
            assert max(waiting(shop)) <= MOST
        assert len(view.kinds) > 30
        while late.position is None or int(late.position) < int(receipt["position"]):
            late.apply((await slow.hear())["payload"]["data"]["records"])
        assert late.rows == view.rows
        assert len(late.kinds) < len(view.kinds), "it saw fewer states"
        # And it is told with the others again.
        receipt = await shop.accepted("writeRecord", key="last", value="1")
        late.apply((await slow.hear())["payload"]["data"]["records"])
        await view.until(quick, receipt["position"])
        assert late.rows == view.rows


async def test_one_that_never_reads_is_cut_off_and_the_others_go_on(shop: Shop) -> None:
    sockets = shop.front.endpoint.sockets
    sockets.terms.limits = replace(sockets.terms.limits, send_timeout=0.3)
    async with sleepy(shop), shop.follow(RECORDS) as quick:
        view = View()
        view.apply(await quick.next())
        number = 0
        async with asyncio.timeout(20):
            while len(sockets) == 2:
                number += 1
                receipt = await shop.accepted("writeRecord", key="k", value=f"{number} {BIG}")
                await view.until(quick, receipt["position"])
        assert view.rows["record_k"]["value"].startswith(f"{number} ")
    assert len(sockets.groups) <= 1


async def test_thousands_of_abrupt_disconnects_leave_nothing_behind(shop: Shop) -> None:
    async def come_and_go(number: int) -> None:
        async with sleepy(shop) as client:
            if number % 3:
                await client.hear()
            if number % 3 > 1:
                client.say({"type": "complete", "id": "1"})

    async def some(count: int) -> None:
        for start in range(0, count, 50):
            await asyncio.gather(*(come_and_go(number) for number in range(start, start + 50)))
        sockets = shop.front.endpoint.sockets
        async with asyncio.timeout(20):
            while len(sockets) or len(sockets.groups):
                await asyncio.get_running_loop().run_in_executor(None, int)

    await some(500)
    before = tasks(), descriptors(shop)
    await some(2000)
    assert (tasks(), descriptors(shop)) == before
    async with asyncio.timeout(20):  # a closing connection is looked at once more after a while
        while left():
            await asyncio.get_running_loop().run_in_executor(None, int)


def tasks() -> int:
    return len(asyncio.all_tasks())


def descriptors(shop: Shop) -> int:
    """Of sockets, also those that lost their peer. Those to a database or to Redis are in pools, which may grow."""
    settings = shop.app.settings
    stores = {urlsplit(url).port for url in (settings.write_db_url, settings.read_db_url, settings.redis_url)}
    return sum(peer not in stores - {None} for peer in _peers())


def _peers() -> Iterator[int | None]:
    """The port at the other end of each socket of this process, if it has one."""
    for each in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it was the listing's own
            copy = os.dup(int(each))
            try:
                if stat.S_ISSOCK(os.fstat(copy).st_mode):
                    yield _peer(copy)
            finally:
                os.close(copy)


def _peer(descriptor: int) -> int | None:
    held = socket.socket(fileno=descriptor)
    try:
        address = held.getpeername()
    except OSError:
        return None
    finally:
        held.detach()
    return int(address[1]) if isinstance(address, tuple) else None


def left() -> list[Any]:
    """What is alive of all that there is for a client."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) in (Conversation, Exchange, Group, WebSocketProtocol)]
