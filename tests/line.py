"""A line between a client and a server that can be cut, fall silent, or lose an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Line:
    """Forwards connections; `cut` ends all there are, `silent` keeps them and passes nothing on."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self.is_down = False
        self.loses = b""
        "A connection ends in place of an answer with these bytes: what it tells of was done, and nobody hears of it."
        self.port = 0

    def cut(self) -> None:
        for each in self._open:
            each.transport.abort()

    def silent(self, is_silent: bool) -> None:
        if is_silent:
            self._passes.clear()
        else:
            self._passes.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._to)
        ends = {writer, back}
        self._open |= ends
        try:
            there_and_back = self._pass(reader, back), self._pass(there, writer, is_answer=True)
            await asyncio.gather(*there_and_back, return_exceptions=True)
        finally:
            self._open -= ends
            for each in ends:
                each.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        try:
            while data := await source.read(65536):
                await self._passes.wait()
                if is_answer and self.loses and self.loses in data:
                    return
                target.write(data)
                await target.drain()
        finally:
            target.transport.abort()


@asynccontextmanager
async def line(host: str, port: int) -> AsyncIterator[Line]:
    made = Line(host, port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.silent(False)
        made.cut()
        server.close()
        await server.wait_closed()
