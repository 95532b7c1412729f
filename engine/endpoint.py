"""The ASGI application: the GraphQL endpoint straight, health and the front page by Starlette."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from strawberry import Schema

from engine.app import App
from engine.graphql.context import Context
from engine.graphql.execution import Executor, Peer
from engine.graphql.execution import Request as Operation
from engine.graphql.http import GraphQLOverHTTP
from engine.graphql.websocket import GraphQLOverWebSocket

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/graphql"
LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1])(:\d+)?", re.ASCII | re.IGNORECASE)


class Endpoint:
    """Serves an application's schema at /graphql. Answers only to loopback names, so that no web page elsewhere reaches
    it by pointing a name of its own at this machine."""

    def __init__(self, app: App, schema: Schema) -> None:
        executor = Executor(schema)
        self._app = app
        self._http = GraphQLOverHTTP(executor, self._context, max_body=app.settings.max_body_bytes)
        self.sockets = GraphQLOverWebSocket(executor, self._context)
        self._pages = Starlette(
            routes=[
                Route("/", self._front),
                Route("/health/live", self._live),
                Route("/health/ready", self._ready),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_local(scope):
            await PlainTextResponse("This server answers only to a loopback name.\n", 421)(scope, receive, send)
        elif scope["path"] != PATH:
            await self._pages(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _context(self, peer: Peer, operation: Operation) -> Context:
        return Context(self._app)

    async def _front(self, request: Request) -> PlainTextResponse:
        base = str(request.base_url).rstrip("/")
        return PlainTextResponse(
            "Dispensary\n\n"
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


def _is_local(scope: Scope) -> bool:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    # The whole of it: 127.0.0.1.example.org and localhost.example.org are anybody's.
    return LOOPBACK.fullmatch(host) is not None
