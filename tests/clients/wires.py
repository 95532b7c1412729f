"""A wire between a client and a server that a test can cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

FRAME = b'"next"'
"What is in each message that brings a frame. The server does not compress, so it can be seen on its way."
PATIENCE = 20.0


class Wire:
    """Takes connections on a port of its own, and passes what comes to the server's and back."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._connections: set[_Connection] = set()
        self._frame = asyncio.Event()
        self.port = 0
        self.made = 0
        "Connections that brought a frame."
        self.tears = False
        "Whether to pass on no more than a half of what the server sends next, and then to cut."

    async def live(self) -> None:
        """Wait until a connection has brought a frame that was made since the last `renew`."""
        async with asyncio.timeout(PATIENCE):
            await self._frame.wait()

    def renew(self) -> None:
        """Count on none of the connections that there are."""
        self._frame.clear()
        for connection in self._connections:
            connection.counts = False

    def cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, there[1])
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._up(reader, there[1]))
                pumps.create_task(self._down(there[0], writer, connection))
        except* OSError:
            pass
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: "_Connection"
    ) -> None:
        while data := await reader.read(65536):
            if self.tears and FRAME in data:
                self.tears = False
                writer.write(data[: len(data) // 2])
                await writer.drain()
                connection.abort()
                return
            writer.write(data)
            await writer.drain()
            if connection.counts and FRAME in data:
                connection.counts = False
                self.made += 1
                self._frame.set()
        writer.close()


class _Connection:
    """Both ends of one connection."""

    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self._ends = ends
        self.counts = True

    def abort(self) -> None:
        for end in self._ends:
            end.transport.abort()


@asynccontextmanager
async def wires(count: int, target: int) -> AsyncIterator[list[Wire]]:
    """Several wires to the server on a port, for as long as the block lasts."""
    made = [Wire(target) for _ in range(count)]
    servers = []
    for wire in made:
        server = await asyncio.start_server(wire.take, "127.0.0.1", 0)
        wire.port = server.sockets[0].getsockname()[1]
        servers.append(server)
    try:
        yield made
    finally:
        for server, wire in zip(servers, made, strict=True):
            server.close()
            wire.cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                for server in servers:
                    await server.wait_closed()
