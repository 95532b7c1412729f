"""The shop at its door: the endpoint with all that sign-in needs, for a running application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from strawberry import Schema

import schema
from cli import learning, web
from cli.settings import ShopSettings
from engine import clock
from engine.app import App
from engine.clock import Clock
from engine.endpoint import Doors, Endpoint
from engine.graphql.execution import Peer, Request
from engine.passwords import Passwords
from engine.tokens import Tokens, secret_file
from schema.context import ShopContext
from schema.viewers import Viewers

ISSUER = AUDIENCE = "dispensary"


@dataclass(frozen=True)
class Front:
    """The endpoint, and what it lets people in with."""

    endpoint: Endpoint
    passwords: Passwords
    tokens: Tokens
    viewers: Viewers


def tokens(settings: ShopSettings, now: Clock = clock.now) -> Tokens:
    """Tokens under the key beside the log, which is made when there is none. Raises Unavailable."""
    lifetime = timedelta(minutes=settings.token_lifetime_minutes)
    return Tokens(secret_file(settings.key_path), lifetime=lifetime, issuer=ISSUER, audience=AUDIENCE, now=now)


@asynccontextmanager
async def opened(
    app: App,
    settings: ShopSettings,
    *,
    built: Schema | None = None,
    passwords: Passwords | None = None,
    now: Clock = clock.now,
    is_demo: bool = False,
    build: Path = web.BUILD,
) -> AsyncIterator[Front]:
    """The endpoint of an application, for as long as the block lasts; `build` is a folder that holds the desk, or will.

    Raises Unavailable.
    """
    issued = tokens(settings, now)
    checked = passwords or Passwords()
    viewers = Viewers(app, issued, now)

    async def context(peer: Peer, operation: Request) -> ShopContext:
        viewer = viewers.at_once(peer) or await viewers.of_peer(peer)
        return ShopContext(
            app=app,
            actor_id=viewer.user_id,
            viewer=viewer,
            passwords=checked,
            tokens=issued,
            payment_minutes=settings.payment_minutes,
            now=now,
            renew=partial(viewers.renewed, peer),
        )

    buttons = learning.routes(app, viewers, settings.origins) if is_demo else ()
    doors = Doors(
        context,
        viewers.of_socket,
        viewers.of_request,
        viewers.lasts,
        settings.hosts,
        settings.origins,
        [*buttons, *web.pages(build if settings.desk else None, is_demo=is_demo)],
    )
    endpoint = Endpoint(app, built or schema.build(), doors)
    try:
        async with viewers.watching(endpoint.close_where):
            yield Front(endpoint, checked, issued, viewers)
    finally:
        await checked.close()
