"""`server.py serve`."""

import asyncio
import gc
import socket
from pathlib import Path

import click

from cli import accounts, administrator, endpoint, importing, seeding, web
from cli.application import DECLARATIONS, performers
from cli.settings import ShopSettings
from engine import logs, tracing
from engine.app import App
from engine.endpoint import PATH, Aside, Endpoint
from engine.faults import Unavailable
from engine.monitor import connections
from engine.roles import ALL, Role, shown
from engine.serving import Server, bound, configured

USUAL_PORT = 8000
"Where `server.py demo` looks for a server."


async def serve(settings: ShopSettings, catalogue: Path | None) -> int:
    """Serve until SIGINT or SIGTERM. Raises Unavailable for a port or a file that cannot be had."""
    if catalogue and settings.serves != ALL:
        raise Unavailable(f"--demo needs a process that does it all, not ROLES={settings.roles!r}: leave ROLES out.")
    logs.configure(settings.log_level, settings.log_format)
    if settings.tracing:
        tracing.export()
    try:
        return await _serve(settings, catalogue)
    finally:
        await asyncio.to_thread(tracing.close)


async def _serve(settings: ShopSettings, catalogue: Path | None) -> int:
    hush = seeding.Hush()
    if catalogue:
        seeding.refuse_elsewhere(settings)
    try:
        listener = bound(settings.host, settings.port)
    except OSError as error:
        raise Unavailable(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}.") from None
    with listener:
        async with App.running(settings, DECLARATIONS, hush.over(performers(settings))) as app:
            if Role.API not in settings.serves:
                await _listen(Aside(app, settings.hosts), settings, listener)
                return 0
            medicines = importing.commands(catalogue) if catalogue else ()
            if catalogue:
                await importing.into(app, catalogue, medicines)
            is_demo = bool(medicines) and await seeding.is_demo(app)
            async with endpoint.opened(app, settings, is_demo=is_demo) as front:
                if is_demo:
                    await seeding.seed(app, settings, front.passwords, medicines, hush)
                await seeding.refuse_known_password(app, settings, front.passwords)
                await administrator.ensure(app, settings, front.passwords)
                await _listen(front.endpoint, settings, listener, is_demo=is_demo)
    return 0


async def _listen(
    endpoint: Endpoint | Aside, settings: ShopSettings, listener: socket.socket, *, is_demo: bool = False
) -> None:
    server = Server(
        configured(endpoint, body_limit=settings.max_body_bytes, lifespan="off"),
        drain=endpoint.drain,
        ready=lambda port: _greet(settings, port, is_demo=is_demo),
    )
    # All this stays: to go through it for garbage, again and again, would hold up whoever asks just then.
    gc.collect()
    gc.freeze()
    # Of what a request makes nothing is left in a cycle. Looking for those among what 64 requests are using at a time
    # took a tenth of the processor time of a command.
    gc.set_threshold(20_000, 20, 50)
    await server.serve([listener])


def _greet(settings: ShopSettings, port: int, *, is_demo: bool) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{port}"
    where = "" if port == USUAL_PORT else f" --url {base}{PATH}"
    desk = base if web.is_built() else "not built yet: make web"
    api = f"  Desk      {desk}\n" if settings.desk else ""
    api += (
        f"  GraphQL   {base}{PATH}    queries and mutations by POST\n"
        f"            ws://{host}:{port}{PATH}      subscriptions too, by graphql-transport-ws\n"
    )
    people = f"\n  Accounts  {_accounts(settings, is_demo=is_demo)}\n"
    people += f"  Next      python server.py demo{where}    drives it for a minute\n" if is_demo else ""
    has_api = Role.API in settings.serves
    found = connections(settings)
    click.echo(
        f"\nDispensary is ready at {base}\n\n"
        f"  Roles     {shown(settings.serves)}\n"
        + (api if has_api else "")
        + f"  Health    {base}/health/ready\n"
        + "".join(f"  {name.capitalize():9} {where}\n" for name, where in found.items())
        + (people if has_api else "")
        + "\nCtrl-C stops it; everything accepted is kept."
    )


def _accounts(settings: ShopSettings, *, is_demo: bool) -> str:
    """Who can sign in, as far as it may be shown."""
    if not is_demo:
        return settings.admin_email or "none yet that administers: set ADMIN_EMAIL and ADMIN_PASSWORD"
    lines = [f"{account.email:18} {account.role.lower()}" for account in accounts.EXAMPLES]
    lines += [f"{settings.admin_email:18} admin, with a password of its own"] if settings.admin_email else []
    return "\n            ".join([*lines, f"The password of each of the demo's is {accounts.PASSWORD}"])
