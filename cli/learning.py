"""The learning buttons of the demo: a projection paused, slowed down or rebuilt, for whoever wants to see what follows.

GET  /demo/projections          [{"name", "isPaused", "delayMs"}]
POST /demo/projections/{name}   {"action": "pause" | "resume" | "slow" | "rebuild", "delayMs": 0 to 10000} -> the same

A press needs the token of anybody who is signed in. What was pressed is forgotten when the server ends.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from cli.web import HEADERS
from engine.app import App
from engine.faults import Unavailable
from engine.graphql.errors import shaped
from engine.graphql.negotiation import is_json
from engine.graphql.origins import Origins
from engine.pace import MOST_SECONDS
from engine.projection import Projection
from schema.access import SIGN_IN
from schema.viewers import Unauthenticated, Viewers

LIST = "/demo/projections"
MOST_BYTES, THROWN_AWAY = 1024, 64 * 1024
"A press has at most the first. What is larger is taken in up to the second: who still sends reads no answer."
CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "NOT_ALLOWED_NOW",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}

logger = structlog.get_logger(__name__)


class Press(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What somebody pressed."""

    action: Literal["pause", "resume", "slow", "rebuild"]
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=int(MOST_SECONDS * 1000))] | None = None
    "For `slow` alone."


class _Rejected(Exception):
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def routes(app: App, viewers: Viewers, origins: Sequence[str]) -> Sequence[BaseRoute]:
    """Where the buttons are pressed, by pages of this server and of these origins."""
    buttons = Buttons(app, viewers, Origins(origins))
    # As applications: a route with methods leaves the others to what stands behind it, which answers with pages.
    return [Route(LIST, buttons), Route(f"{LIST}/{{name}}", buttons)]


class Buttons:
    """The ASGI application of the buttons."""

    def __init__(self, app: App, viewers: Viewers, origins: Origins) -> None:
        self._projections = app.projector.projections
        self._viewers = viewers
        self._origins = origins
        self._rebuilds: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._obey(request)
            response = _answer(200, [_told(each) for each in self._projections.values()])
        except _Rejected as rejected:
            error = shaped(CODES[rejected.status], str(rejected))
            response = _answer(rejected.status, {"errors": [error]}, rejected.headers)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _obey(self, request: Request) -> None:
        """Do what a request wants, if that is more than to look."""
        if not self._origins.let_in(dict(request.scope["headers"])):
            raise _Rejected(403, "Pages of this origin may not ask here; see ALLOWED_ORIGINS.")
        name = request.path_params.get("name")
        allowed = ("GET", "HEAD") if name is None else ("POST",)
        if request.method not in allowed:
            raise _Rejected(405, f"Use {allowed[0]}.", {"Allow": ", ".join(allowed)})
        if name is None:
            return
        await self._check_viewer(request)
        projection = self._projections.get(name)
        if projection is None:
            raise _Rejected(404, "There is no such projection.")
        self._press(projection, await _read(request))

    async def _check_viewer(self, request: Request) -> None:
        """Raise unless somebody is signed in."""
        try:
            viewer = await self._viewers.of_request(request.scope)
        except Unauthenticated as error:
            raise _unauthenticated(error.message) from None
        except Unavailable:
            # The token is good, and the users are behind: perhaps it is them that are to be resumed.
            return
        if not viewer.is_signed_in:
            raise _unauthenticated(SIGN_IN)

    def _press(self, projection: Projection[Any], press: Press) -> None:
        if not projection.is_running:
            raise _Rejected(409, f"Another process projects {projection.name}; its buttons are there.")
        match press.action:
            case "pause":
                projection.pause()
            case "resume":
                projection.resume()
            case "slow":
                if press.delay_ms is None:
                    raise _Rejected(400, "To slow down, say by how many milliseconds: delayMs.")
                projection.slow(press.delay_ms / 1000)
            case "rebuild" if projection.pace.is_paused:
                raise _Rejected(409, f"{projection.name} is paused; resume it, then rebuild it.")
            case "rebuild":
                task = asyncio.create_task(_rebuild(projection), name=f"rebuild of {projection.name}")
                self._rebuilds.add(task)
                task.add_done_callback(self._rebuilds.discard)


async def _rebuild(projection: Projection[Any]) -> None:
    try:
        await projection.rebuild()
    except Exception as error:  # the table stays as it was, and whoever pressed has had their answer
        logger.warning("rebuild failed", projection=projection.name, reason=str(error))


async def _read(request: Request) -> Press:
    if not is_json(request.headers.get("content-type", "").encode("latin-1")):
        raise _Rejected(415, "Send application/json in UTF-8.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > THROWN_AWAY:
            break
    if len(body) > MOST_BYTES:
        raise _Rejected(413, f"A press has at most {MOST_BYTES} bytes.", {"Connection": "close"})
    try:
        return msgspec.json.decode(body, type=Press)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Rejected(400, f"{error}.") from None


def _told(projection: Projection[Any]) -> dict[str, Any]:
    pace = projection.pace
    return {"name": projection.name, "isPaused": pace.is_paused, "delayMs": round(pace.seconds * 1000)}


def _unauthenticated(message: str) -> _Rejected:
    return _Rejected(401, message, {"WWW-Authenticate": "Bearer"})


def _answer(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(content, status, {**HEADERS, "Cache-Control": "no-store", **(headers or {})})
