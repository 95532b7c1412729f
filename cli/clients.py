"""The commands that speak to a running server: demo, import, log-in, dead-letters."""

import sys
from pathlib import Path

import click

from cli.shell import SERVER, loaded, run


@click.command()
@click.option("--url", default=SERVER, show_default=True, help="Where the server listens.")
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


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="Send it to the server running at this address, for example http://127.0.0.1:8000/graphql.")
@click.option("--token", envvar="DISPENSARY_TOKEN", help="Of one who is staff there; better given as DISPENSARY_TOKEN.")
def import_(file: Path, url: str | None, token: str | None) -> None:
    """Import a catalogue from a CSV file. Doing it again imports nothing twice."""
    from cli import importing

    sys.exit(run(importing.over_http(file, url, token) if url else importing.directly(loaded(), file)))


@click.command("log-in")
@click.argument("email")
@click.option("--url", default=SERVER, show_default=True, help="The server's address.")
@click.password_option(confirmation_prompt=False, envvar="DISPENSARY_PASSWORD", help="Asked for when it is not given.")
def log_in(email: str, url: str, password: str) -> None:
    """Print a token for an account, to be kept in DISPENSARY_TOKEN."""
    from cli import signing_in

    sys.exit(run(signing_in.log_in(url, email, password)))


@click.command("dead-letters")
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
