"""GraphQL over HTTP: one operation a request, as the GraphQL-over-HTTP specification has it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from graphql import OperationType

from engine import tracing
from engine.graphql import envelope, negotiation, sse, traces
from engine.graphql.documents import Operation
from engine.graphql.envelope import Malformed
from engine.graphql.errors import shaped, told
from engine.graphql.execution import ContextOf, Executor, Peer, Request, Scope
from engine.graphql.negotiation import Wanted
from engine.graphql.origins import Origins
from engine.graphql.result import Result, refused
from engine.graphql.sse import EventStreams
from engine.graphql.sse import Receive as Receive
from engine.graphql.sse import Send as Send
from engine.heads import Headers
from engine.whole import RESPOND, Respond

Header = tuple[bytes, bytes]

CLOSE: Header = (b"connection", b"close")
# A client that still sends reads no answer, and gets the connection's reset in its place. So what is too large is taken
# in and thrown away, up to this many times the limit.
THROWN_AWAY = 8
CONTENT_TYPES: dict[str | None, Header] = {
    negotiation.GRAPHQL: (b"content-type", b"application/graphql-response+json; charset=utf-8"),
    None: (b"content-type", b"application/json; charset=utf-8"),
}
HEADS = {media: b"%b: %b\r\n" % header for media, header in CONTENT_TYPES.items()}
HEADS[negotiation.JSON] = HEADS[None]
NONE: Mapping[str, Any] = {}
# What a request that came to nothing is answered with, whatever the media type. Any other code is a request that was
# well-formed but wrong: 400, or 200 in application/json, whose older clients read nothing else.
STATUSES = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "INTERNAL": 500, "UNAVAILABLE": 503}
ALLOW: Header = (b"allow", b"GET, HEAD, OPTIONS, POST")
STOPPING = "The server restarts. Try again, a command under the same `commandId`."
NO_MEDIA = f"Answers come as {negotiation.GRAPHQL}, {negotiation.JSON} or {negotiation.STREAM}."
NO_STREAM = (
    "A subscription needs a stream: accept text/event-stream, or open a WebSocket with the subprotocol "
    "graphql-transport-ws."
)


class _Rejected(Exception):
    """The request is answered before it is looked at as GraphQL."""

    def __init__(self, status: int, code: str, message: str, *headers: Header) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.result = refused((shaped(code, message),))


class _Disconnected(Exception):
    """The client went away before it had said what it wants."""


class _Head(NamedTuple):
    """What the headers of a request say."""

    headers: Mapping[bytes, bytes]
    "By name; those of one name joined."
    wanted: Wanted
    is_let_in: bool
    refusal: Callable[[], _Rejected] | None
    "Why a body need not be read."
    traceparent: bytes | None


class _Exchange(NamedTuple):
    """One request, and the way for its response."""

    scope: Scope
    head: _Head
    receive: Receive
    send: Send


class GraphQLOverHTTP:
    """The ASGI application of one endpoint. It takes HTTP scopes only, of any path.

    A client that goes away ends its subscription, but no other operation: a mutation ends as if somebody were there to
    read the answer. A subscription that goes on from a Last-Event-ID is told so by its context's field `resume`.
    """

    def __init__(
        self,
        executor: Executor,
        context: ContextOf,
        streams: EventStreams,
        *,
        allowed_origins: Collection[str] = (),
        max_body: int = 2 * 1024 * 1024,
    ) -> None:
        self._executor = executor
        self._context = context
        self._streams = streams
        self._origins = Origins(allowed_origins)
        self._max_body = max_body
        self._thrown_away = max_body * THROWN_AWAY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = self._head(scope["headers"])
        exchange, wanted = _Exchange(scope, head, receive, send), head.wanted
        more: tuple[Header, ...] = ()
        try:
            result = await self._result(exchange)
            if result is None:
                return
            status = _status(result, wanted.answer)
        except _Rejected as rejected:
            status, result, more = rejected.status, rejected.result, rejected.headers
        except _Disconnected:
            return
        except asyncio.CancelledError:
            if not self._streams.is_draining:
                raise
            # The server stops and has waited long enough: better a clear answer than none.
            status, result, more = 503, refused((shaped("UNAVAILABLE", STOPPING),)), (CLOSE,)
        except Exception as fault:
            # Going on is safe: the next request shares nothing with this one.
            result = refused(told([fault]))
            status = STATUSES.get(result.errors[0]["extensions"]["code"], 400)
        # Whatever adds headers for a page of another origin has to see them.
        respond = None if b"origin" in head.headers or more else scope.get("extensions", NONE).get(RESPOND)
        if respond is None or not _respond(respond, status, result, wanted.answer):
            await _answer(send, status, result, wanted.answer, more)

    def _head(self, given: Sequence[Header]) -> _Head:
        found = given.found if isinstance(given, Headers) else {}
        head = found.get(self)
        if head is None:
            headers = _headers(given)
            wanted = negotiation.wanted(headers.get(b"accept", b""))
            head = found[self] = _Head(
                headers, wanted, self._origins.let_in(headers), self._refusal(headers), headers.get(b"traceparent")
            )
        return head

    async def _result(self, exchange: _Exchange) -> Result | None:
        """The answer; None when the response is over, as that of a stream is."""
        method, (headers, wanted, is_let_in, *_) = exchange.scope["method"], exchange.head
        if not is_let_in:
            raise _Rejected(403, "FORBIDDEN", "Pages of this origin may not ask here; see ALLOWED_ORIGINS.", CLOSE)
        if self._streams.is_draining:
            raise _Rejected(503, "UNAVAILABLE", STOPPING, CLOSE)
        if method == "OPTIONS":
            await exchange.send({"type": "http.response.start", "status": 204, "headers": [ALLOW]})
            await exchange.send({"type": "http.response.body"})
            return None
        request = await self._request(exchange, method)
        operation = self._executor.plan(request)
        if isinstance(operation, Result):
            return operation
        if operation.kind is OperationType.SUBSCRIPTION:
            if not wanted.stream or method == "HEAD":
                raise _Rejected(406, "NOT_ACCEPTABLE", NO_STREAM)
            return await self._stream(exchange, operation, request)
        if operation.kind is OperationType.MUTATION and method != "POST":
            raise _Rejected(405, "METHOD_NOT_ALLOWED", "A mutation needs POST.", (b"allow", b"POST"))
        context = await self._context(Peer(exchange.scope, headers=headers), request)
        return await self._run(operation, request, context, exchange.head.traceparent)

    def _run(
        self, operation: Operation, request: Request, context: Any, traceparent: bytes | None
    ) -> Awaitable[Result]:
        running = self._executor.run(operation, request, context)
        return traces.of(operation, traceparent, running) if traceparent or tracing.is_on() else running

    async def _stream(self, exchange: _Exchange, operation: Operation, request: Request) -> Result | None:
        """Run a subscription to its end; a Result when it never began."""
        try:
            resume = sse.resumed(exchange.head.headers)
        except Malformed as malformed:
            raise _Rejected(400, "BAD_REQUEST", str(malformed)) from None
        principal = await self._streams.principal(exchange.scope)
        with self._streams.opened(principal) as stream:
            context = await self._context(Peer(exchange.scope, None, principal), request)
            if resume is not None:
                context = replace(context, resume=resume)
            answers = await self._executor.stream(operation, request, context)
            if isinstance(answers, Result):
                return answers
            await stream.run(answers, exchange.receive, exchange.send)
        return None

    async def _request(self, exchange: _Exchange, method: str) -> Request:
        if method not in ("POST", "GET", "HEAD"):
            raise _Rejected(405, "METHOD_NOT_ALLOWED", "Use POST, or GET for a query.", ALLOW)
        if exchange.head.wanted.answer is None:
            raise _Rejected(406, "NOT_ACCEPTABLE", NO_MEDIA)
        try:
            if method != "POST":
                return _asked(exchange.scope["query_string"])
            if exchange.head.refusal:
                raise exchange.head.refusal()
            message = await exchange.receive()
            body = message.get("body", b"")
            if message["type"] != "http.request" or message.get("more_body") or len(body) > self._max_body:
                body = await self._body(message, exchange.receive)
            return envelope.read(envelope.load(body), len(body))
        except Malformed as malformed:
            raise _Rejected(400, "BAD_REQUEST", str(malformed)) from None

    def _refusal(self, headers: Mapping[bytes, bytes]) -> Callable[[], _Rejected] | None:
        """Why the body of a POST need not be read."""
        if not negotiation.is_json(headers.get(b"content-type", b"")):
            return lambda: _Rejected(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8.", CLOSE)
        if b"content-encoding" in headers and headers[b"content-encoding"].lower() != b"identity":
            return lambda: _Rejected(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as it is, not compressed.", CLOSE)
        length = headers.get(b"content-length", b"0")
        # One who asks first, by Expect: 100-continue, has not sent anything that would have to be taken in.
        most = self._max_body if b"expect" in headers else self._thrown_away
        return None if length.isdigit() and int(length) <= most else self._too_large

    def _too_large(self) -> _Rejected:
        return _Rejected(413, "PAYLOAD_TOO_LARGE", f"A request has at most {self._max_body} bytes.", CLOSE)

    async def _body(self, message: MutableMapping[str, Any], receive: Receive) -> bytearray:
        """The body that this message is the first of."""
        parts, received = bytearray(), 0
        while message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received <= self._max_body:
                parts += message.get("body", b"")
            is_last = not message.get("more_body")
            if received > (self._max_body if is_last else self._thrown_away):
                raise self._too_large()
            if is_last:
                return parts
            message = await receive()
        raise _Disconnected


def _headers(pairs: Sequence[Header]) -> dict[bytes, bytes]:
    """The headers by name; those of one name joined, as a list that a client may split."""
    headers = dict(pairs)
    if len(headers) != len(pairs):
        for name in headers:
            headers[name] = b", ".join(value for each, value in pairs if each == name)
    return headers


def _asked(query_string: bytes) -> Request:
    """The request that a GET carries in its URL."""
    try:
        given: dict[str, Any] = dict(parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=16))
    except ValueError:
        raise Malformed("The URL's parameters cannot be read.") from None
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = envelope.load(given[name])
    return envelope.read(given)


def _status(result: Result, media: str | None) -> int:
    if result.kind == "executed":
        return 200
    status = STATUSES.get(result.errors[0]["extensions"]["code"], 400 if media == negotiation.GRAPHQL else 200)
    # What the operation itself may not do is told in the stream: clients take 403 for a reason to try again.
    return 200 if media == negotiation.STREAM and status == 403 else status


def _respond(respond: Respond, status: int, result: Result, media: str | None) -> bool:
    """Answer in one piece, as most requests are; whether that was possible."""
    head = HEADS.get(media) if status == 200 else None
    return head is not None and respond(status, head, result.encode())


async def _answer(send: Send, status: int, result: Result, media: str | None, more: tuple[Header, ...]) -> None:
    body = result.encode()
    if media == negotiation.STREAM and status == 200:
        body = sse.next_(body) + sse.COMPLETE
        headers = [*sse.HEADERS, (b"content-length", b"%d" % len(body))]
    else:
        headers = [CONTENT_TYPES.get(media, CONTENT_TYPES[None]), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
