"""What every command of the command line shares: settings, an event loop, exit codes, faults as one sentence."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click

from cli.settings import ShopSettings
from engine import settings as configuration

T = TypeVar("T")
SERVER = "http://127.0.0.1:8000/graphql"
UNUSABLE = 2
"Exit code for what stops a command before it begins: a setting, a file, a port. 1 is for what it found wrong."

INTERRUPTED = 130
"Exit code of a command that Ctrl-C cut short. A server that is stopped so ends with 0: that is how it ends."


def loaded(**given: str) -> ShopSettings:
    """The settings in force, those given on the command line before any other."""
    try:
        return configuration.load(ShopSettings, **given)
    except configuration.SettingsError as error:
        fail(str(error))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end; what keeps it from beginning is one sentence, not a traceback."""
    from engine.faults import Unavailable, UnknownEvent

    try:
        import uvloop
    except ImportError:
        loop_factory = None
    else:
        loop_factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except (Unavailable, UnknownEvent) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(UNUSABLE)
