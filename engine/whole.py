"""Requests that arrive in one piece, as most do, on the short way; every other as uvicorn takes it."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from engine import heads
from engine.heads import END, FRAMING, Head, Header, Headers
from engine.joined import Joined

RESPOND = "dispensary.respond"
"Under this name an application finds, among the extensions of a request's scope, a Respond."

Respond = Callable[[int, bytes, bytes], bool]
"""Sends the whole of a response: its status, the lines of its head, its body. False, with nothing sent, where that is
not so simple; then `send` does it. What stands between the server and the application does not see it."""

_EXPECT = (b"expect", b"100-continue")
_PLAIN = re.compile(rb"/[\w/.~-]*", re.ASCII)
"A path that stands for itself, without a query."


class Whole(RequestResponseCycle):
    """A request that came in one piece, as most do: uvicorn's own, but that what few need is made once it is needed."""

    disconnected = waiting_for_100_continue = response_started = response_complete = more_body = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    awakener: asyncio.Event | None = None
    _is_read = False

    def __init__(
        self, common: dict[str, Any], scope: Any, body: bytes, keep_alive: bool, on_response: Callable[[], None]
    ) -> None:
        """`common`: what uvicorn gives each request of a connection, by name."""
        self._common = common
        self._whole = body
        self.scope = scope
        self.keep_alive = keep_alive
        self.on_response = on_response

    def __getattr__(self, name: str) -> Any:
        # In the names of uvicorn's own, whose methods ask for them.
        if name == "message_event":
            self.message_event = self.awakener = asyncio.Event()
            return self.awakener
        try:
            return self._common[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:  # type: ignore[override]  # uvicorn's is an attribute
        return self._common["server_state"].default_headers  # type: ignore[no-any-return]

    async def receive(self) -> Any:
        if self._is_read:
            return await super().receive()
        self._is_read = True
        return {"type": "http.request", "body": self._whole, "more_body": False}


class WholeProtocol(HttpToolsProtocol):
    """A connection over HTTP/1: uvicorn's own, with the short way.

    It differs in nothing that a client sees: the scope is made in one piece, the application is begun once its body is
    there, nothing is made for waits that do not come, and the answer is written by one call.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.running: RequestResponseCycle | None = None
        "Whose turn it is; `cycle` is the last that was read."
        self._takes_whole = self.limit_concurrency is None and not self.root_path
        self._is_between = True
        "Whether what comes next begins a request."
        self._newest: Head | None = None
        "Of the request that was begun last, if it came whole."
        self._may_be_whole = False
        "Whether the newest request waits for the end of its body, or of what has arrived."
        self._head: list[Header] = []
        self._body = b""
        "What has come of that request."
        self._default_headers: list[Header] = []
        self._default_lines = b""
        self._rests_since: float | None = None
        "When the last answer was given, until the next request begins."

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.joined = Joined(transport)
        self.extensions = {RESPOND: self._respond}
        "Emptied in the end: who refers to himself waits for a look at all garbage."
        self._plain_scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": self.scheme,
            "query_string": b"",
            "root_path": "",
            "server": self.server,
            "client": self.client,
            "extensions": self.extensions,
        }
        self._common = {
            "transport": self.joined,
            "logger": self.logger,
            "access_log": self.access_log,
            "access_logger": self.access_logger,
            "server_state": self.server_state,
            "body": b"",
        }

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn's own leaves it where the connection was broken off.
        self._unset_keepalive_if_required()
        self.extensions.clear()

    # What a client sends

    def data_received(self, data: bytes) -> None:
        end = data.find(END) + len(END) if self._is_between and self._may_begin() else 0
        if not len(END) <= end <= heads.LONGEST:
            self._parse(data)
            return
        text = data[:end]
        known = heads.known(text)
        if known is not None and len(data) == end + known.length:
            self.begin_again(known, data[end:])
            return
        self._parse(data)
        if self._newest is not None and len(data) == end + self._newest.length:
            heads.keep(text, self._newest)

    def _parse(self, data: bytes) -> None:
        self._newest = None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
        self.begin_in_part()

    def on_message_begin(self) -> None:
        self.url, self.headers, self._rests_since, self._is_between = b"", [], None, False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._takes_whole and self._is_plain():
            # What follows the body is no part of the head.
            self._may_be_whole, self._head, self._body, self.headers = True, self.headers, b"", []
        else:
            self._begin()

    def on_body(self, body: bytes) -> None:
        if self._may_be_whole:
            self._body = self._body + body if self._body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_between = True
        if self._may_be_whole:
            self._begin_whole()
        else:
            super().on_message_complete()

    def _is_plain(self) -> bool:
        """Whether a request may begin at once, and has nothing about it that few have."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and _PLAIN.fullmatch(self.url) is not None
            and self._may_begin()
            and _EXPECT not in self.headers
        )

    def _may_begin(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # at first None

    def _begin(self) -> None:
        """Begin a request as uvicorn does."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        for name, value in headers:
            super().on_header(name, value)
        self.url = url
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            # Applications look for the head here, as long as they run.
            self.headers = []

    def begin_in_part(self) -> None:
        """Begin a request of whose body more is to come, if that is what one waits for."""
        if not self._may_be_whole:
            return
        self._may_be_whole, body, self._body = False, self._body, b""
        self.headers = self._head
        self._begin()
        super().on_body(body)

    def _begin_whole(self) -> None:
        self._may_be_whole, body, self._body = False, self._body, b""
        url, headers = self.url, Headers(self._head)
        given = {"path": url.decode(), "raw_path": url, "headers": headers}
        keep_alive = self.parser.should_keep_alive()
        framing = [each for each in headers if each[0] in FRAMING]
        if keep_alive and framing == [(b"content-length", b"%d" % len(body))]:
            self._newest = Head(given, len(body))
        self._start(given, body, keep_alive)

    def begin_again(self, head: Head, body: bytes) -> None:
        """Begin a request whose head is known."""
        self._rests_since = None
        self._start(head.scope, body, True)

    def _start(self, given: dict[str, Any], body: bytes, keep_alive: bool) -> None:
        scope = self._plain_scope | given
        scope["state"] = self.app_state.copy()
        self.running = self.cycle = cycle = Whole(self._common, scope, body, keep_alive, self.on_response_complete)
        cycle.flow = self.flow
        self.joined.begin()
        task = self.loop.create_task(cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        self.joined.begin()
        cycle.scope["extensions"] = self.extensions  # type: ignore[typeddict-item]  # of our own
        cycle.transport = self.joined  # type: ignore[assignment]  # it has all that a cycle uses
        super()._start_asgi_task(cycle, app)

    # What it is answered

    def _respond(self, status: int, head: bytes, body: bytes) -> bool:
        # What two calls of uvicorn's `send` come to, for an answer that is ready: measured, a third of the time.
        cycle = self.running
        if cycle is None or cycle.response_started or cycle.disconnected or not cycle.keep_alive:
            return False
        if self.flow.write_paused or cycle.scope["method"] == "HEAD":
            return False
        cycle.response_started = cycle.response_complete = True
        ours = self.server_state.default_headers
        if ours is not self._default_headers:
            self._default_headers, self._default_lines = ours, b"".join([b"%b: %b\r\n" % header for header in ours])
        lines = STATUS_LINE[status], self._default_lines, head, len(body), body
        self.transport.write(b"%b%b%bcontent-length: %d\r\n\r\n%b" % lines)
        event = cycle.awakener if type(cycle) is Whole else cycle.message_event
        if event is not None:
            event.set()
        cycle.on_response()
        return True

    def on_response_complete(self) -> None:
        self.joined.flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        if not self._is_between:  # the next request has begun to come, and has a time of its own
            return
        self._rests_since = self.loop.time()
        # One timer, which looks how long it has been: to begin and end one for each request is another 2 µs.
        if self.timeout_keep_alive_task is None:
            self._wake_after(self.timeout_keep_alive)

    def _wake_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._rests_since is None:
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wake_after(left)
        else:
            super().timeout_keep_alive_handler()
