"""`server.py dead-letters`: what processes have set aside, listed, tried again or let go."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, closing
from typing import Any

import click

from cli.application import DECLARATIONS, performers
from cli.settings import ShopSettings
from engine import beside
from engine.app import App
from engine.client import Client, Refused
from engine.deadletters import DeadLetterCommand, DiscardDeadLetter, RetryDeadLetter
from engine.faults import Taken, Unavailable
from engine.parked import Parked
from engine.refusals import Refusal
from engine.shapes import Recorded

ACTOR = "server/dead-letters"
FIELDS = "process position key attempts isDead retryAt error event { type }"
LIST = f"query ($process: String, $after: Position) {{ deadLetters(process: $process, after: $after) {{ {FIELDS} }} }}"
RETRY = "mutation ($input: RetryDeadLetterInput!) { retryDeadLetter(input: $input) { errors { message } } }"
DISCARD = "mutation ($input: DiscardDeadLetterInput!) { discardDeadLetter(input: $input) { errors { message } } }"


async def ask(
    settings: ShopSettings, action: str, process: str, position: int, reason: str, url: str | None, token: str | None
) -> int:
    """Do what the command line says, through the server at `url` or in its place."""
    wish = None if action == "list" else command(action, process, position, reason)
    return await (over_http(url, token, wish) if url else directly(settings, wish))


async def directly(settings: ShopSettings, command: DeadLetterCommand | None) -> int:
    """List them, beside a running server or without one; with a command, carry that out in a server's place first."""
    if command is not None:
        await _decide(settings, command)
    found = await beside.dead_letters(settings, DECLARATIONS)
    return _told([_described(parked, recorded) for parked, recorded in found])


async def _decide(settings: ShopSettings, command: DeadLetterCommand) -> None:
    async with AsyncExitStack() as stack:
        try:
            await beside.refuse_beside_others(settings)
            shop = await stack.enter_async_context(App.running(settings, DECLARATIONS, performers(settings)))
        except Taken as error:
            url = f"http://{settings.host}:{settings.port}/graphql"
            raise Unavailable(f"{error} If it is the server, ask it: add --url {url}") from None
        if await shop.reactor.dead_letter(command.process, command.position) is None:
            raise Unavailable(f"{command.process} has not set the event at position {command.position} aside.")
        outcome = await shop.send(command, command_id=None, expected_version=None, actor_id=ACTOR)
        if isinstance(outcome, Refusal):
            raise Unavailable(outcome.message)
        await shop.drained()


def _described(parked: Parked, recorded: Recorded | None) -> Mapping[str, Any]:
    return {
        "process": parked.process,
        "position": parked.position,
        "key": parked.key,
        "attempts": parked.attempts,
        "isDead": parked.is_dead,
        "retryAt": parked.retry_at,
        "error": parked.error,
        "event": {"type": type(recorded.event).__name__} if recorded else None,
    }


async def over_http(url: str, token: str | None, command: DeadLetterCommand | None) -> int:
    """The same through a running server."""
    return await asyncio.to_thread(_ask, url, token, command)


def _ask(url: str, token: str | None, command: DeadLetterCommand | None) -> int:
    try:
        with closing(Client(url, token=token)) as client:
            if command is not None:
                _send(client, command)
            found = client.post(LIST, {"process": None, "after": None})["deadLetters"]
    except Refused as error:
        raise Unavailable(str(error)) from None
    return _told(found)


def _send(client: Client, command: DeadLetterCommand) -> None:
    input = {"process": command.process, "position": str(command.position)}
    if isinstance(command, RetryDeadLetter):
        payload = client.post(RETRY, {"input": input})["retryDeadLetter"]
    else:
        payload = client.post(DISCARD, {"input": {**input, "reason": command.reason}})["discardDeadLetter"]
    if payload["errors"]:
        raise Refused(payload["errors"][0]["message"])


def command(action: str, process: str, position: int, reason: str) -> DeadLetterCommand:
    """What an action on the command line means. Raises Unavailable for a reason that is none."""
    if action == "retry":
        return RetryDeadLetter(process=process, position=position)
    try:
        return DiscardDeadLetter(process=process, position=position, reason=reason)
    except Refusal as refusal:
        raise Unavailable(f"--reason: {refusal.message}") from None


def _told(found: Iterable[Mapping[str, Any]]) -> int:
    """Print them; exit code 1 when there are any, so that a script can tell."""
    count = 0
    for each in found:
        count += 1
        event = each["event"]["type"] if each["event"] else "?"
        state = "given up" if each["isDead"] else f"again at {each['retryAt']}" if each["retryAt"] else "waits"
        click.echo(f"{each['process']} {each['position']} {event} of {each['key'] or '-'}: {state}")
        if each["error"]:
            click.echo(f"  {each['attempts']} attempts, {each['error']}")
    click.echo(f"{count} set aside." if count else "Nothing is set aside.", err=True)
    return 1 if count else 0
