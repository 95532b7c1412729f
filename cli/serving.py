"""`server.py serve`."""

from pathlib import Path

import click

from cli import administrator, endpoint, importing
from cli.application import DECLARATIONS, performers
from cli.settings import ShopSettings
from engine import logs
from engine.app import App
from engine.endpoint import PATH
from engine.faults import Unavailable
from engine.serving import Server, bound, configured


async def serve(settings: ShopSettings, catalogue: Path | None) -> int:
    """Serve until SIGINT or SIGTERM. Raises Unavailable for a port or a file that cannot be had."""
    logs.configure(settings.log_level, settings.log_format)
    try:
        listener = bound(settings.host, settings.port)
    except OSError as error:
        raise Unavailable(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}.") from None
    with listener:
        async with App.running(settings, DECLARATIONS, performers(settings)) as app:
            if catalogue:
                await importing.into(app, catalogue)
            async with endpoint.opened(app, settings) as front:
                await administrator.ensure(app, settings, front.passwords)
                server = Server(
                    configured(front.endpoint, body_limit=settings.max_body_bytes, lifespan="off"),
                    drain=front.endpoint.sockets.drain,
                    ready=lambda port: _greet(settings, port),
                )
                await server.serve([listener])
    return 0


def _greet(settings: ShopSettings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{port}"
    click.echo(
        f"\nDispensary is ready at {base}\n\n"
        f"  GraphQL   {base}{PATH}    queries and mutations by POST\n"
        f"            ws://{host}:{port}{PATH}      subscriptions too, by graphql-transport-ws\n"
        f"  Health    {base}/health/ready\n"
        f"  Log       {settings.write_path}\n"
        f"  Reads     {settings.read_path}\n\n"
        f"  Accounts  {settings.admin_email or 'none yet that administers: set ADMIN_EMAIL and ADMIN_PASSWORD'}\n\n"
        "Ctrl-C stops it; everything accepted is kept."
    )
