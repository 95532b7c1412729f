"""`server.py log-in`: a token for the other commands that go through a running server."""

import asyncio
from contextlib import closing

import click

from engine.client import Client, Refused
from engine.faults import Unavailable

LOG_IN = "mutation ($input: LogInInput!) { logIn(input: $input) { token errors { message } } }"


async def log_in(url: str, email: str, password: str) -> int:
    """Print a token."""
    click.echo(await asyncio.to_thread(token, url, email, password))
    return 0


def token(url: str, email: str, password: str) -> str:
    """Sign in. Raises Unavailable, with a sentence."""
    try:
        with closing(Client(url)) as client:
            payload = client.post(LOG_IN, {"input": {"email": email, "password": password}})["logIn"]
    except Refused as error:
        raise Unavailable(str(error)) from None
    if payload["errors"]:
        raise Unavailable(payload["errors"][0]["message"])
    return str(payload["token"])
