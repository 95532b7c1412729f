"""The command line: serve the shop, show the schema, verify the read tables, and what speaks to a running server."""

import sys
from pathlib import Path

import click

from cli import clients
from cli.settings import ShopSettings
from cli.shell import loaded, run
from engine import settings as configuration

REFERENCE = Path(__file__).parent / "docs" / "reference"
EXAMPLE_FILE = Path(__file__).parent / ".env.example"
DEMO_FILE = Path(__file__).parent / "demo" / "catalogue.csv"

# What opens no database starts fast: the rest is imported by the commands that need it.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dispensary: a live shop back end for a pharmacy. Settings come from the environment; see .env.example."""


@main.command()
@click.option("--demo", is_flag=True, help="Import the demo catalogue first, unless it is there already.")
@click.option(
    "--role", "roles", multiple=True, help="What this process does: api, projector, reactor, relay; else all."
)
def serve(demo: bool, roles: tuple[str, ...]) -> None:
    """Serve until Ctrl-C: the GraphQL API and all that belongs to it, or some of it by --role."""
    from cli import serving

    given = {"roles": ",".join(roles)} if roles else {}
    sys.exit(run(serving.serve(loaded(**given), DEMO_FILE if demo else None)))


@main.command()
@click.option("--check", is_flag=True, help="Only say whether the file is up to date.")
def schema(check: bool) -> None:
    """Write what is made from the code: what is generated in docs/reference/, and .env.example."""
    from cli import describing

    made = {
        REFERENCE / "schema.graphql": describing.sdl(),
        REFERENCE / "map.md": describing.describe(),
        REFERENCE / "permissions.md": describing.permissions(),
        REFERENCE / "settings.md": describing.settings(),
        REFERENCE / "metrics.md": describing.metrics(),
        EXAMPLE_FILE: configuration.example(ShopSettings),
    }
    sys.exit(describing.write(made, check=check))


@main.command()
def verify() -> None:
    """Refold the log and compare it with the read tables, row for row. Works beside a running server."""
    from cli import verifying

    sys.exit(run(verifying.verify(loaded())))


@main.command()
def migrate() -> None:
    """Make the tables of WRITE_DB_URL and READ_DB_URL, or bring those of older code up to this one's.

    Doing it again changes nothing. A server on SQLite does it by itself when it starts.
    """
    from cli import migrating

    sys.exit(run(migrating.migrate(loaded())))


@main.command()
@click.option(
    "--from", "source", metavar="URL", required=True, help="The log to copy, for example sqlite:///data/log.db."
)
@click.option("--to", "target", metavar="URL", help="An empty database; WRITE_DB_URL if it is not given.")
def copy(source: str, target: str | None) -> None:
    """Copy a log into an empty database, and prove the copy equal. No server may be running on either.

    What is read of it is folded anew by the server that starts on the copy.
    """
    from cli import copying

    sys.exit(run(copying.copy(loaded(), source, target)))


for each in (clients.demo, clients.import_, clients.log_in, clients.dead_letters):
    main.add_command(each)


if __name__ == "__main__":
    main()
