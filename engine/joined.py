"""A transport whose writes are few: the head of a response goes out with its body."""

import asyncio

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Joined:
    """The transport of a connection, but that the head of a response goes out together with what is first of its body.

    ASGI lets a server wait for that. Two pieces are two calls of the system, of 5 µs each.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._awaits_head = False
        self.is_closing = transport.is_closing

    def begin(self) -> None:
        """What is written next is the head of a response."""
        self._awaits_head = True

    def write(self, data: bytes) -> None:
        if self._awaits_head and data != CONTINUE:
            self._awaits_head = False
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send a head that nothing follows."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()
