"""The ASGI application: the GraphQL endpoint straight, health and the front page by Starlette."""

import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from strawberry import Schema

from engine.app import App
from engine.graphql.conversation import OnConnect
from engine.graphql.execution import ContextOf, Executor
from engine.graphql.http import GraphQLOverHTTP
from engine.graphql.websocket import GraphQLOverWebSocket, Lasts

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/graphql"
LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1]", re.ASCII | re.IGNORECASE)
PORT = re.compile(r":\d{1,5}$", re.ASCII)
OTHER_NAME = "This server does not answer to this name; see ALLOWED_HOSTS.\n"


@dataclass(frozen=True)
class Doors:
    """How an application is reached: under which names, from which pages, by whom."""

    product: str
    context: ContextOf
    on_connect: OnConnect
    lasts: Lasts
    hosts: Collection[str] = ()
    "Names that it answers to beside those of this machine, in small letters, with or without a port."
    origins: Collection[str] = ()


class Endpoint:
    """Serves an application's schema at /graphql. Answers only to names it knows, so that no web page elsewhere reaches
    it by pointing a name of its own at this machine."""

    def __init__(self, app: App, schema: Schema, doors: Doors) -> None:
        executor = Executor(schema)
        self._app = app
        self._doors = doors
        self._http: Any = GraphQLOverHTTP(
            executor, doors.context, allowed_origins=doors.origins, max_body=app.settings.max_body_bytes
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
        self._pages = Starlette(
            routes=[
                Route("/", self._front),
                Route("/health/live", self._live),
                Route("/health/ready", self._ready),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_ours(scope):
            await PlainTextResponse(OTHER_NAME, 421)(scope, receive, send)
        elif scope["path"] != PATH:
            await self._pages(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "").lower()
        name = PORT.sub("", host)
        # The whole of it: 127.0.0.1.example.org and localhost.example.org are anybody's.
        return LOOPBACK.fullmatch(name) is not None or host in self._doors.hosts or name in self._doors.hosts

    async def _front(self, request: Request) -> PlainTextResponse:
        base = str(request.base_url).rstrip("/")
        return PlainTextResponse(
            f"{self._doors.product}\n\n"
            f"GraphQL   {base}{PATH}  (POST; WebSocket with the subprotocol graphql-transport-ws)\n"
            f"Health    {base}/health/live  {base}/health/ready\n"
        )

    async def _live(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _ready(self, request: Request) -> JSONResponse:
        statuses = await self._app.statuses()
        return JSONResponse(
            {
                "status": "ok",
                "head": str(await self._app.log.head()),
                "projections": {
                    status.name: {"state": status.state.name, "position": str(status.position)} for status in statuses
                },
            }
        )


def _shared(app: Any, origins: Collection[str]) -> CORSMiddleware:
    """An ASGI application whose answers pages of these origins may read. No cookie is ever asked for."""
    return CORSMiddleware(
        app,
        allow_origins=sorted(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
    )
