"""What whoever looks after a server asks it over HTTP: how it is, what it does, and its figures."""

from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from engine import hints
from engine.app import App
from engine.exposition import Exposition, Ways
from engine.health import Service, shown
from engine.roles import Role
from engine.settings import Settings

MONITORED = ("/health/", "/metrics")
"How the paths begin."
HERE, NONE = "within this process", "none"


def connections(settings: Settings) -> dict[str, str]:
    """What a process is connected to, by what that is for it; fit to be shown."""
    return {
        "log": settings.log_name,
        "reads": settings.reads_name,
        "hints": hints.shown(settings.redis_url) or HERE,
        "broker": hints.shown(settings.relay_url) or NONE,
    }


class Monitor:
    """The pages of health and figures; `ways` lead to the API, where there is one."""

    def __init__(self, app: App, ways: Ways | None) -> None:
        self._app = app
        self._exposition = Exposition(app, ways)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
            Route("/health/dependencies", self._dependencies),
            Route("/metrics", self._metrics),
        ]

    async def _live(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _ready(self, request: Request) -> JSONResponse:
        """Whether all can be served, or with `for` some of it: commands, reads, processes, with commas between them."""
        asked = request.query_params.get("for", ",".join(Service)).split(",")
        if not set(asked) <= set(Service):
            return JSONResponse({"error": f"`for` takes {', '.join(Service)}, with commas between them."}, 400)
        condition = await self._app.health.condition()
        reasons = condition.against([Service(each) for each in asked])
        return JSONResponse(
            {
                "status": "unavailable" if reasons else "ok",
                "head": str(self._app.log.position),
                "projections": {
                    status.name: {"state": shown(status, condition), "position": str(status.position)}
                    for status in condition.consumers or ()
                },
                "reasons": [{"for": each.service, "name": each.name, "reason": each.reason} for each in reasons],
            },
            503 if reasons else 200,
        )

    async def _dependencies(self, request: Request) -> JSONResponse:
        condition = await self._app.health.condition()
        return JSONResponse(
            {
                "status": "ok" if all(each.is_up for each in condition.dependencies) else "unavailable",
                "roles": [role for role in Role if role in self._app.settings.serves],
                "connections": connections(self._app.settings),
                "dependencies": {
                    each.name: {
                        "state": "UP" if each.is_up else "DOWN",
                        "since": each.since.isoformat(),
                        "lastError": each.last_error,
                        "neededFor": sorted(each.needed_for),
                    }
                    for each in condition.dependencies
                },
            }
        )

    async def _metrics(self, request: Request) -> Response:
        return Response(await self._exposition.text(), media_type=CONTENT_TYPE_LATEST)
