"""The pages of the server: the desk as it was built, GraphiQL, and at `/` what to do where neither was."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from cli import accounts
from engine.endpoint import PATH

PRODUCT = "Dispensary"
BUILD = Path(__file__).parent.parent / "web" / "dist"
"Where `make web` puts the desk."

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"What a page may load, and from where: from here."
# The editor in GraphiQL makes its styles as it goes.
GRAPHIQL_POLICY = {**POLICY, "style-src": "'self' 'unsafe-inline'"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
UNBUILT = """
The desk, this server's own pages, is not built yet. In the folder of the source, run

    make web

and load this page again.
"""
# Asked again each time, and mostly answered that nothing has changed.
FRESH = "no-cache"
# Its name holds a digest of what is in it.
FOR_EVER = "public, max-age=31536000, immutable"
# Not asked of the system, which may say otherwise: no browser runs a script that is called text/plain.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
}


def is_built() -> bool:
    """Whether the desk can be shown now."""
    return (BUILD / "index.html").is_file()


def pages(build: Path | None, *, is_demo: bool) -> Sequence[BaseRoute]:
    """The routes of the desk, from a folder that may be filled later; None where the desk is not to be served."""
    if build is None:
        return [Route("/", _front)]
    desk = Desk(build, is_demo)
    return [
        Route("/desk.json", desk.about),
        Route("/assets/{name:path}", desk.asset),
        Route("/graphiql", desk.graphiql),
        Route("/{path:path}", desk.page),
    ]


@dataclass(frozen=True)
class Desk:
    """The files of a build. They are read as they are asked for: a new build needs no new start."""

    build: Path
    is_demo: bool

    async def about(self, request: Request) -> Response:
        """What the desk has to know of the server: whether it is the demo's, and who can sign in there."""
        demo = {
            "password": accounts.PASSWORD,
            "accounts": [
                {"email": each.email, "name": f"{each.first_name} {each.last_name}", "role": each.role}
                for each in accounts.EXAMPLES
            ],
        }
        about = {"product": PRODUCT, "demo": demo if self.is_demo else None}
        return JSONResponse(about, headers={**HEADERS, "Cache-Control": "no-store"})

    async def asset(self, request: Request) -> Response:
        """A file that a page loads."""
        found = await self._file(request, "assets", request.path_params["name"], FOR_EVER)
        return found or _missing()

    async def graphiql(self, request: Request) -> Response:
        return await self._file(request, "", "graphiql.html", FRESH, GRAPHIQL_POLICY) or _unbuilt(request)

    async def page(self, request: Request) -> Response:
        """A file beside the page, as its icon; at any other path the page itself, which knows what is where."""
        path = request.path_params["path"]
        if path and not path.endswith(".html") and (found := await self._file(request, "", path, FRESH)):
            return found
        if path and "text/html" not in request.headers.get("accept", ""):
            return _missing()
        return await self._file(request, "", "index.html", FRESH) or _unbuilt(request)

    async def _file(
        self, request: Request, folder: str, name: str, caching: str, policy: Mapping[str, str] = POLICY
    ) -> Response | None:
        """A file of the build, compressed where there is such a one beside it and the client can read it."""
        if Path(name).name != name:
            return None
        path = self.build / folder / name
        packed = await _read(path.with_name(f"{name}.gz")) if _takes_gzip(request) else None
        content = packed or await _read(path)
        if content is None:
            return None
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {
            **HEADERS,
            "Content-Security-Policy": "; ".join(f"{what} {sources}" for what, sources in policy.items()),
            "Cache-Control": caching,
            "ETag": tag,
            "Vary": "Accept-Encoding",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        encoding = {"Content-Encoding": "gzip"} if packed else {}
        kind = TYPES.get(path.suffix, "application/octet-stream")
        return Response(content, headers={**headers, **encoding, "Content-Type": kind})


async def _read(path: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    try:
        return await asyncio.to_thread(path.read_bytes)
    except (OSError, ValueError):
        return None


def _takes_gzip(request: Request) -> bool:
    return GZIP.search(request.headers.get("accept-encoding", "")) is not None


def _front(request: Request) -> Response:
    return _said(_words(request))


def _unbuilt(request: Request) -> Response:
    return _said(_words(request) + UNBUILT, 200 if request.url.path == "/" else 404)


def _missing() -> Response:
    return _said("Not Found\n", 404)


def _said(text: str, status: int = 200) -> Response:
    return PlainTextResponse(text, status, {**HEADERS, "Cache-Control": "no-store"})


def _words(request: Request) -> str:
    """What is here."""
    base = str(request.base_url).rstrip("/")
    return (
        f"{PRODUCT}\n\n"
        f"GraphQL   {base}{PATH}  (POST; text/event-stream; WebSocket with the subprotocol graphql-transport-ws)\n"
        f"Health    {base}/health/live  {base}/health/ready\n"
    )
