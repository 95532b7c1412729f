"""GraphQL over HTTP: one operation a request, as the GraphQL-over-HTTP specification has it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from graphql import OperationType

from engine.graphql import envelope, negotiation
from engine.graphql.envelope import Malformed
from engine.graphql.errors import shaped, told
from engine.graphql.execution import (
    ContextOf,
    Executor,
    Peer,
    Request,
    Result,
    Scope,
    refused,
)
from engine.graphql.origins import Origins

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

CLOSE: Header = (b"connection", b"close")
# A client that still sends reads no answer, and gets the connection's reset in its place. So what is too large is taken
# in and thrown away, up to this many times the limit.
THROWN_AWAY = 8
CONTENT_TYPES = {
    media: (b"content-type", f"{media}; charset=utf-8".encode()) for media in (negotiation.JSON, negotiation.GRAPHQL)
}
# What a request that came to nothing is answered with, whatever the media type. Any other code is a request that was
# well-formed but wrong: 400, or 200 in application/json, whose older clients read nothing else.
STATUSES = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "INTERNAL": 500, "UNAVAILABLE": 503}
NO_STREAM = "A subscription needs a stream: open a WebSocket with the subprotocol graphql-transport-ws."


class _Rejected(Exception):
    """The request is answered before it is looked at as GraphQL."""

    def __init__(self, status: int, code: str, message: str, *headers: Header) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.result = refused((shaped(code, message),))


class _Disconnected(Exception):
    """The client went away before it had said what it wants."""


class GraphQLOverHTTP:
    """The ASGI application of one endpoint. It takes HTTP scopes only, of any path.

    A client that goes away does not stop its operation: a mutation ends as if somebody were there to read the answer.
    """

    def __init__(
        self,
        executor: Executor,
        context: ContextOf,
        *,
        allowed_origins: Collection[str] = (),
        max_body: int = 2 * 1024 * 1024,
        body_timeout: float = 10.0,
    ) -> None:
        self._executor = executor
        self._context = context
        self._origins = Origins(allowed_origins)
        self._max_body = max_body
        self._body_timeout = body_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        media = negotiation.acceptable(headers.get(b"accept", b""))
        more: tuple[Header, ...] = ()
        try:
            status, result = await self._respond(scope, headers, receive, media)
        except _Rejected as rejected:
            status, result, more = rejected.status, rejected.result, rejected.headers
        except _Disconnected:
            return
        except Exception as fault:
            # Going on is safe: the next request shares nothing with this one.
            result = refused(told([fault]))
            status = STATUSES.get(result.errors[0]["extensions"]["code"], 400)
        body = result.encode()
        length = (b"content-length", str(len(body)).encode())
        start = [CONTENT_TYPES[media or negotiation.JSON], length, *more]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": body})

    async def _respond(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, media: str | None
    ) -> tuple[int, Result]:
        method = scope["method"]
        if not self._origins.let_in(headers):
            raise _Rejected(403, "FORBIDDEN", "Pages of this origin may not ask here; see ALLOWED_ORIGINS.", CLOSE)
        if method not in ("POST", "GET"):
            raise _Rejected(405, "METHOD_NOT_ALLOWED", "Use POST, or GET for a query.", (b"allow", b"GET, POST"))
        if media is None:
            raise _Rejected(406, "NOT_ACCEPTABLE", f"Answers come as {negotiation.GRAPHQL} or {negotiation.JSON}.")
        try:
            request = await self._posted(headers, receive) if method == "POST" else _asked(scope["query_string"])
        except Malformed as malformed:
            raise _Rejected(400, "BAD_REQUEST", str(malformed)) from None
        result = await self._result(scope, request, method)
        return _status(result, media), result

    async def _result(self, scope: Scope, request: Request, method: str) -> Result:
        operation = self._executor.plan(request)
        if isinstance(operation, Result):
            return operation
        if operation.kind is OperationType.SUBSCRIPTION:
            raise _Rejected(406, "NOT_ACCEPTABLE", NO_STREAM)
        if operation.kind is OperationType.MUTATION and method == "GET":
            raise _Rejected(405, "METHOD_NOT_ALLOWED", "A mutation needs POST.", (b"allow", b"POST"))
        context = await self._context(Peer(scope), request)
        return await self._executor.run(operation, request, context)

    async def _posted(self, headers: dict[bytes, bytes], receive: Receive) -> Request:
        if not negotiation.is_json(headers.get(b"content-type", b"")):
            raise _Rejected(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8.", CLOSE)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body * THROWN_AWAY:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._body_timeout):
                body = await self._body(receive)
        except TimeoutError:
            raise _Rejected(408, "REQUEST_TIMEOUT", "The body did not arrive in time.", CLOSE) from None
        return envelope.read(envelope.load(body))

    async def _body(self, receive: Receive) -> bytes | bytearray:
        message = await receive()
        body = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body") and len(body) <= self._max_body:
            return bytes(body)
        parts, received = bytearray(), 0
        while message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received <= self._max_body:
                parts += message.get("body", b"")
            is_last = not message.get("more_body")
            if received > self._max_body * (1 if is_last else THROWN_AWAY):
                raise self._too_large()
            if is_last:
                return parts
            message = await receive()
        raise _Disconnected

    def _too_large(self) -> _Rejected:
        return _Rejected(413, "PAYLOAD_TOO_LARGE", f"A request has at most {self._max_body} bytes.", CLOSE)


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


def _status(result: Result, media: str) -> int:
    if result.kind == "executed":
        return 200
    wrong = 400 if media == negotiation.GRAPHQL else 200
    return STATUSES.get(result.errors[0]["extensions"]["code"], wrong)
