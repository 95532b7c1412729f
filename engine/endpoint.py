"""The ASGI application: the GraphQL endpoint straight; health, and the pages of the application, by Starlette."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from strawberry import Schema

from engine.app import App
from engine.exposition import Ways
from engine.graphql.exchange import OnConnect
from engine.graphql.execution import ContextOf, Executor
from engine.graphql.http import GraphQLOverHTTP
from engine.graphql.persisted import Persisted, manifest
from engine.graphql.sse import EventStreams, OnRequest
from engine.graphql.websocket import GraphQLOverWebSocket, Lasts
from engine.heads import Headers
from engine.monitor import MONITORED, Monitor
from engine.roles import shown
from engine.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/graphql"
LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1]", re.ASCII | re.IGNORECASE)
PORT = re.compile(r":\d{1,5}$", re.ASCII)
NO_API = "This process serves no API; what it does is: {}. Ask one with the role api. Here are /health and /metrics.\n"
TWO_NAMES = "A request has one Host.\n"
OTHER_NAME = "This server does not answer to this name; see ALLOWED_HOSTS.\n"


@dataclass(frozen=True)
class Doors:
    """How an application is reached: under which names, from which pages, by whom."""

    context: ContextOf
    on_connect: OnConnect
    on_request: OnRequest
    lasts: Lasts
    hosts: Collection[str] = ()
    "Names that it answers to beside those of this machine, in small letters, with or without a port."
    origins: Collection[str] = ()
    pages: Sequence[BaseRoute] = ()
    "What it answers besides, at every path that is neither GraphQL's nor that of health."


class Endpoint:
    """Serves an application's schema at /graphql. Answers only to names it knows, so that no web page elsewhere reaches
    it by pointing a name of its own at this machine."""

    def __init__(self, app: App, schema: Schema, doors: Doors) -> None:
        """Raises Unavailable when the trusted documents cannot be read."""
        executor = Executor(schema, _persisted(app.settings))
        self._doors = doors
        self._answers_to = lru_cache(256)(partial(_is_name, doors.hosts))
        self._streams = EventStreams(doors.on_request, doors.lasts)
        self._http: Any = GraphQLOverHTTP(
            executor,
            doors.context,
            self._streams,
            allowed_origins=doors.origins,
            max_body=app.settings.max_body_bytes,
        )
        if doors.origins:
            self._http = _shared(self._http, doors.origins)
        self.sockets = GraphQLOverWebSocket(
            executor,
            doors.context,
            on_connect=doors.on_connect,
            lasts=doors.lasts,
            allowed_origins=doors.origins,
        )
        ways = Ways(executor, self.sockets, self._streams)
        self._pages = Starlette(routes=[*Monitor(app, ways).routes, *doors.pages])

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._app_for(scope)(scope, receive, send)

    def _app_for(self, scope: Scope) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        headers = scope["headers"]
        found = headers.found if isinstance(headers, Headers) else {}
        if self not in found:
            found[self] = self._refusal(headers)
        if (refusal := found[self]) is not None:
            return refusal  # type: ignore[no-any-return]
        if scope["path"] != PATH:
            return self._pages
        return self.sockets if scope["type"] == "websocket" else self._http

    def _refusal(self, headers: Sequence[tuple[bytes, bytes]]) -> PlainTextResponse | None:
        """Why a request with this head is none of ours."""
        names = [value for name, value in headers if name == b"host"]
        if len(names) > 1:
            return PlainTextResponse(TWO_NAMES, 400)
        return None if names and self._answers_to(names[0]) else PlainTextResponse(OTHER_NAME, 421)

    def close_where(self, which: Callable[[Any], bool], *, code: int, reason: str) -> None:
        """Close the sockets and end the streams with such a principal, without waiting for their clients."""
        self.sockets.close_where(which, code=code, reason=reason)
        self._streams.end_where(which)

    async def drain(self) -> None:
        """Close every socket, end every stream, and let no new one in."""
        await asyncio.gather(self.sockets.drain(), self._streams.drain())


class Aside:
    """Serves a process without the API: health and figures, and at every other path where to go instead."""

    def __init__(self, app: App, hosts: Collection[str]) -> None:
        self._answers_to = lru_cache(256)(partial(_is_name, hosts))
        self._pages = Starlette(routes=Monitor(app, None).routes)
        self._elsewhere = NO_API.format(shown(app.settings.serves))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Any = PlainTextResponse(self._elsewhere, 404)
        if not any(name == b"host" and self._answers_to(value) for name, value in scope["headers"]):
            answer = PlainTextResponse(OTHER_NAME, 421)
        elif scope["path"].startswith(MONITORED):
            answer = self._pages
        await answer(scope, receive, send)

    async def drain(self) -> None:
        """Nobody stays connected."""


def _is_name(hosts: Collection[str], given: bytes) -> bool:
    """Whether a Host header is one of loopback's or one of these."""
    host = given.decode("latin-1").lower()
    name = PORT.sub("", host)
    # The whole of it: 127.0.0.1.example.org and localhost.example.org are anybody's.
    return LOOPBACK.fullmatch(name) is not None or host in hosts or name in hosts


def _persisted(settings: Settings) -> Persisted:
    path = settings.trusted_documents
    return Persisted(manifest(Path(path)) if path else None, is_closed=settings.only_trusted_documents)


def _shared(app: Any, origins: Collection[str]) -> CORSMiddleware:
    """An ASGI application whose answers pages of these origins may read. No cookie is ever asked for."""
    return CORSMiddleware(
        app,
        allow_origins=sorted(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "last-event-id"],
    )
