"""The command line: serve the shop, import a catalogue, show the schema, verify the read tables."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from cli.settings import ShopSettings
from engine import settings as configuration

T = TypeVar("T")
REFERENCE = Path(__file__).parent / "docs" / "reference"
EXAMPLE_FILE = Path(__file__).parent / ".env.example"
DEMO_FILE = Path(__file__).parent / "demo" / "catalogue.csv"
SERVER = "http://127.0.0.1:8000/graphql"
UNUSABLE = 2
"Exit code for what stops a command before it begins: a setting, a file, a port. 1 is for what it found wrong."

INTERRUPTED = 130
"Exit code of a command that Ctrl-C cut short. A server that is stopped so ends with 0: that is how it ends."

# What opens no database starts fast: the rest is imported by the commands that need it.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dispensary: a live shop back end for a pharmacy. Settings come from the environment; see .env.example."""


@main.command()
@click.option("--demo", is_flag=True, help="Import the demo catalogue first, unless it is there already.")
def serve(demo: bool) -> None:
    """Serve the GraphQL API until Ctrl-C."""
    from cli import serving

    sys.exit(run(serving.serve(loaded(), DEMO_FILE if demo else None)))


@main.command()
@click.option("--url", default="http://127.0.0.1:8000/graphql", show_default=True, help="Where the server listens.")
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(0.01), help="For how long.")
@click.option("--rate", default=2.0, show_default=True, type=click.FloatRange(0.1, 100), help="Commands a second.")
@click.option("--seed", default=1, show_default=True, help="The same number makes up the same shop.")
@click.option("--email", help="Of one who is staff there; without it, the account that `serve --demo` prints.")
@click.option("--password", envvar="DISPENSARY_PASSWORD", help="Of that account; better given as DISPENSARY_PASSWORD.")
def demo(url: str, minutes: float, rate: float, seed: int, email: str | None, password: str | None) -> None:
    """Drive a running shop for a while, and tell of each command on its way to those who watch."""
    from cli import accounts
    from cli.demo import demonstrate

    who = email or accounts.STAFF[0].email, password or accounts.PASSWORD
    sys.exit(run(demonstrate(url, minutes, rate, seed, *who)))


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="Send it to the server running at this address, for example http://127.0.0.1:8000/graphql.")
@click.option("--token", envvar="DISPENSARY_TOKEN", help="Of one who is staff there; better given as DISPENSARY_TOKEN.")
def import_(file: Path, url: str | None, token: str | None) -> None:
    """Import a catalogue from a CSV file. Doing it again imports nothing twice."""
    from cli import importing

    sys.exit(run(importing.over_http(file, url, token) if url else importing.directly(loaded(), file)))


@main.command()
@click.option("--check", is_flag=True, help="Only say whether the file is up to date.")
def schema(check: bool) -> None:
    """Write what is made from the code: schema, map, permissions and settings in docs/reference/, and .env.example."""
    from cli import describing

    made = {
        REFERENCE / "schema.graphql": describing.sdl(),
        REFERENCE / "map.md": describing.describe(),
        REFERENCE / "permissions.md": describing.permissions(),
        REFERENCE / "settings.md": describing.settings(),
        EXAMPLE_FILE: configuration.example(ShopSettings),
    }
    sys.exit(describing.write(made, check=check))


@main.command()
def verify() -> None:
    """Refold the log and compare it with the read tables, row for row. Works beside a running server."""
    from cli import verifying

    sys.exit(run(verifying.verify(loaded())))


@main.command("log-in")
@click.argument("email")
@click.option("--url", default=SERVER, show_default=True, help="The server's address.")
@click.password_option(confirmation_prompt=False, envvar="DISPENSARY_PASSWORD", help="Asked for when it is not given.")
def log_in(email: str, url: str, password: str) -> None:
    """Print a token for an account, to be kept in DISPENSARY_TOKEN."""
    from cli import signing_in

    sys.exit(run(signing_in.log_in(url, email, password)))


@main.command("dead-letters")
@click.argument("action", type=click.Choice(["list", "retry", "discard"]), default="list")
@click.argument("process", required=False)
@click.argument("position", type=click.IntRange(min=1), required=False)
@click.option("--reason", default="", help="Why it is discarded.")
@click.option("--url", help="Ask the server running at this address.")
@click.option("--token", envvar="DISPENSARY_TOKEN", help="Of one who is staff there; see log-in.")
def dead_letters(
    action: str, process: str | None, position: int | None, reason: str, url: str | None, token: str | None
) -> None:
    """List what processes have set aside; retry or discard PROCESS POSITION. Exit code 1 while there is any."""
    from cli import desk

    if action != "list" and (process is None or position is None):
        raise click.UsageError(f"{action} needs PROCESS and POSITION, as `list` shows them.")
    work = desk.ask(loaded(), action, process or "", position or 0, reason, url, token)
    sys.exit(run(work))


def loaded() -> ShopSettings:
    try:
        return configuration.load(ShopSettings)
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


if __name__ == "__main__":
    main()
