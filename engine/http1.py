"""A connection over HTTP/1: uvicorn's own, but that it waits for nothing for ever, and keeps no more than it must."""

import asyncio
from collections import deque
from typing import Any

import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from engine.heads import Head
from engine.whole import WholeProtocol

# The head of a request: the seconds that it has to arrive, and the bytes that it may have.
HEAD_TIME = 10.0
HEAD_LIMIT = 32 * 1024
# The seconds that the body has, once the head is there, and the bytes that may come with it: sizes of chunks, trailers.
BODY_TIME = 10.0
WRAPPING_LIMIT = 1024 * 1024
# Seconds in which a client must have read something of what waits for it.
UNREAD = 30.0
# The same once the server stops.
UNREAD_AT_END = 2.0


class _Flow(FlowControl):
    """uvicorn's own, but for one thing: no request is read while another one waits for its turn."""

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class HTTPProtocol(WholeProtocol):
    """uvicorn's own, with an end to the waits that have none: for a request to arrive, and for an answer to be read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = False
        self._fed = self._piece = 0
        "Bytes of the head that is coming; or after it, of all that is no body. Those of the newest piece."
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._awaited: RequestResponseCycle | None = None
        "Whose body the timer is for."
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.pipeline.clear()
        for timer in (self._head_timer, self._body_timer, self._unread_timer):
            if timer:
                timer.cancel()
        if self.running and not self.running.response_complete:
            self.running.disconnected = True
            self.running.message_event.set()

    # What a client sends

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # As when the connection is lost, of which another protocol is told now.
        self.extensions.clear()
        self.parser = None  # type: ignore[assignment]  # as in uvicorn's own

    def data_received(self, data: bytes) -> None:
        self._piece = len(data)
        self._fed += self._piece
        super().data_received(data)
        if self._in_head or self._is_idle():
            self._await_head()
        elif self.cycle.more_body:
            self._await_body()

    def on_message_begin(self) -> None:
        self._in_head, self._fed = True, self._piece
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._fed > HEAD_LIMIT and self._head_size() > HEAD_LIMIT:
            # It gets to send_400_response, as whatever is raised while a request is parsed.
            raise ValueError
        self._in_head, self._fed = False, 0
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def begin_again(self, head: Head, body: bytes) -> None:
        self._fed = 0
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None
        super().begin_again(head, body)

    def on_body(self, body: bytes) -> None:
        self._fed -= len(body)
        super().on_body(body)

    def _is_idle(self) -> bool:
        return self.running is None or self.running.response_complete

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _await_head(self) -> None:
        # One that was upgraded is no connection of ours any more.
        if self.transport.is_closing() or self not in self.connections:
            return
        if self._in_head and self._fed > HEAD_LIMIT:
            self.send_400_response("")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIME, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._in_head:
            self._refuse(408, "REQUEST_TIMEOUT", "The head of the request did not arrive in time.")
        else:
            self.transport.close()

    def _await_body(self) -> None:
        if self._fed > WRAPPING_LIMIT:
            self._spoil(self.cycle, 400, "BAD_REQUEST", f"More than {WRAPPING_LIMIT} bytes came with the body.")
        elif self._awaited is not self.cycle:
            if self._body_timer:
                self._body_timer.cancel()
            self._awaited = self.cycle
            self._body_timer = self.loop.call_later(BODY_TIME, self._body_is_late, self.cycle)

    def _body_is_late(self, cycle: RequestResponseCycle) -> None:
        if not cycle.more_body or cycle.response_complete:
            return
        if cycle is not self.running:
            # Nobody reads it before it is its turn.
            self._awaited = None
            self._await_body()
        else:
            self._spoil(cycle, 408, "REQUEST_TIMEOUT", "The body did not arrive in time.")

    def _spoil(self, cycle: RequestResponseCycle, status: int, code: str, message: str) -> None:
        """End a request in the middle of its body."""
        if cycle is self.running and not cycle.response_started:
            # Its answer is ours.
            cycle.disconnected = True
            cycle.message_event.set()
            self.running = None
        self._refuse(status, code, message)

    def send_400_response(self, msg: str) -> None:
        self.begin_in_part()
        if self._in_head and self._fed > HEAD_LIMIT:
            self._refuse(431, "HEADERS_TOO_LARGE", f"The head of a request has at most {HEAD_LIMIT} bytes.")
        elif not self._in_head and self.running is not None and self.cycle.more_body:
            self._spoil(self.cycle, 400, "BAD_REQUEST", "The body is not one of HTTP.")
        else:
            self._refuse(400, "BAD_REQUEST", "This is not HTTP.")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer what came instead of a request, and close. Inside of another's response there is no room for it."""
        if self._is_idle():
            body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
            head = b"content-type: application/json; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        self.transport.close()
        self._await_reader()

    # What a client reads

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_reader()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_reader()

    def shutdown(self) -> None:
        super().shutdown()
        self._is_stopping = True
        if self._unread_timer:
            self._unread_timer.cancel()
            self._unread_timer = None
        self._await_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer and not self.transport.is_closing():
            self._unread_timer.cancel()
            self._unread_timer = None

    def _await_reader(self) -> None:
        """See that what is written is read: `transport.close()` and uvicorn's `send` wait for it for ever."""
        left = self.transport.get_write_buffer_size()
        if left and self._unread_timer is None:
            seconds = UNREAD_AT_END if self._is_stopping else UNREAD
            self._unread_timer = self.loop.call_later(seconds, self._judge_reader, left)

    def _judge_reader(self, left: int) -> None:
        self._unread_timer = None
        if self.transport.get_write_buffer_size() >= left:
            self.transport.abort()
        else:
            self._await_reader()
