"""A uvicorn server that says when it listens, lets the application drain first, and leaves clients that do not read."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Literal, Protocol

import structlog
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from engine.http1 import HTTPProtocol

Drain = Callable[[], Awaitable[None]]

BODY_LIMIT = 2 * 1024 * 1024
PORT_UNUSABLE = 2
# The first bytes of a text frame that is whole: with its size in the next byte, in two more, in eight more.
_TEXT = 0x81
_MEDIUM = bytes((_TEXT, 126))
_LONG = bytes((_TEXT, 127))
# How long a closing socket may take to hand over what it still holds.
LINGER = 5.0
# After so many seconds without a sign that what was sent has arrived, the system gives a connection up. By itself it
# takes a quarter of an hour to find out that a client has vanished, and for ever when one reads nothing.
UNHEARD = 60.0
# What uvicorn warns of for each client that does not know better.
MISTAKES = ("Invalid UTF-8", "Invalid HTTP request", "Unsupported upgrade request")


async def _nothing() -> None:
    return None


WIRE = "dispensary.wire"
"Under this name an application finds the Wire of a socket among the extensions of its scope."


class Wire(Protocol):
    """What a socket can do beyond ASGI: send to many clients without waiting for any."""

    @property
    def is_full(self) -> bool:
        """Whether the client has a lot to read before it gets to what would be sent now."""
        ...

    async def drained(self) -> None:
        """Wait until it is not full."""
        ...

    def put(self, text: bytes) -> None:
        """Send a text message at once, whether or not the client reads; nothing when the socket is closed."""
        ...


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own with a Wire, and it ends. `transport.close()` waits for a client that does not read for ever.

    A keepalive timeout just cuts: on code 1011, which uvicorn sends, clients of graphql-transport-ws never return.
    """

    @property
    def is_full(self) -> bool:
        return not self.writable.is_set()

    async def drained(self) -> None:
        await self.writable.wait()

    def put(self, text: bytes) -> None:
        # What the library below does to send a frame, without its bookkeeping: measured, half the time.
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        size = len(text)
        if size < 126:
            head = bytes((_TEXT, size))
        elif size < 65536:
            head = _MEDIUM + size.to_bytes(2, "big")
        else:
            head = _LONG + size.to_bytes(8, "big")
        self.transport.write(head + text)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][WIRE] = self  # type: ignore[assignment]  # an extension of our own

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # Else these would refer to one another for ever, and wait for a look at all garbage.
        self.conn.parser.close()
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(WIRE, None)

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.get_write_buffer_size():
            # It has had the time of the drain, and reads nothing: to wait for it would hold up the end of the process.
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        self.transport.abort()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if self in self.connections:
            self.loop.call_later(LINGER, self._cut)

    def _cut(self) -> None:
        # The close handshake has its own timer; this is for those whose write buffer does not empty.
        if self in self.connections and self.transport.get_write_buffer_size():
            self.transport.abort()


class _ToStructlog(logging.Handler):
    """What uvicorn has to say, in our log's form."""

    def emit(self, record: logging.LogRecord) -> None:
        if any(mistake in record.msg for mistake in MISTAKES):
            return
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


class Server(uvicorn.Server):
    """A uvicorn server around the two moments that uvicorn has no hook for."""

    def __init__(self, config: uvicorn.Config, *, drain: Drain = _nothing, ready: Callable[[int], None] | None = None):
        super().__init__(config)
        self._drain = drain
        self._ready = ready
        self.listening = asyncio.Event()
        self.port = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self.port = self.servers[0].sockets[0].getsockname()[1]
            self.listening.set()
            if self._ready:
                self._ready(self.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Nobody new is let in. Then the application goes first: uvicorn tells it last, when its sockets are gone.
        for server in self.servers:
            server.close()
        try:
            await self._drain()
        finally:
            await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Unlike uvicorn's, this does not raise the signal again at the end: a stop that was asked for is a success.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def configured(
    app: Any,
    *,
    body_limit: int = BODY_LIMIT,
    graceful: int = 2,
    ping_interval: float = 20.0,
    ping_timeout: float = 20.0,
    lifespan: Literal["auto", "on", "off"] = "auto",
) -> uvicorn.Config:
    """How we run uvicorn."""
    logger = logging.getLogger("uvicorn")
    logger.handlers = [_ToStructlog()]
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    return uvicorn.Config(
        app,
        # Measured: h11 costs three times as much as httptools.
        http=HTTPProtocol,
        ws=WebSocketProtocol,
        interface="asgi3",
        ws_max_size=body_limit,
        ws_ping_interval=ping_interval,
        ws_ping_timeout=ping_timeout,
        # Costs memory for each socket, and 2.5 times the CPU for each message.
        ws_per_message_deflate=False,
        loop="auto",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here asks for a client's address or for the scheme.
        proxy_headers=False,
        timeout_graceful_shutdown=graceful,
    )


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to an address. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Connections have it from the socket they come by.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNHEARD * 1000))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


@asynccontextmanager
async def running(app: Any, *, drain: Drain = _nothing, **options: Any) -> AsyncIterator[Server]:
    """A server inside this event loop, on a free port, for as long as the block lasts."""
    server = Server(configured(app, **options), drain=drain)
    listener = bound("127.0.0.1", 0)
    # _serve and not serve: the signals belong to whoever owns the loop.
    task = asyncio.create_task(server._serve([listener]))
    waiting = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        yield server
    finally:
        waiting.cancel()
        server.should_exit = True
        await task


def serve(
    app: Any,
    host: str,
    port: int,
    *,
    drain: Drain = _nothing,
    ready: Callable[[int], None] | None = None,
    **options: Any,
) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    try:
        listener = bound(host, port)
    except OSError as error:
        print(f"Cannot listen on {host} port {port}: {error.strerror or error}.", file=sys.stderr)
        return PORT_UNUSABLE
    server = Server(configured(app, **options), drain=drain, ready=ready)
    try:
        server.run([listener])
    except KeyboardInterrupt:
        # Pressed before uvicorn had taken the signal over, or again while it stopped.
        return 0
    finally:
        listener.close()
    return 0 if server.started else 1
