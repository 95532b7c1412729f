"""`server.py import`."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.application import DECLARATIONS
from cli.settings import ShopSettings
from domain import catalogue
from domain.medicine import RegisterMedicine
from engine import beside
from engine.app import App
from engine.bulk import Tallied, send_all
from engine.client import Client, Refused
from engine.codec import fingerprint
from engine.faults import Taken, Unavailable
from engine.refusals import InvalidInput
from schema.nodes import chosen

ALONE = replace(DECLARATIONS, processes=())
"Without what follows from events: mails and payments are the server's to make."
REGISTER = """
mutation ($input: RegisterMedicineInput!) {
  registerMedicine(input: $input) { receipt { replayed } errors { code message path } }
}
"""


def commands(file: Path) -> Sequence[RegisterMedicine]:
    """What a file holds. Raises Unavailable, naming the file, for one that cannot be read."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            found = list(catalogue.read(lines))
            for each in found:
                chosen(each.medicine_id)
            return found
    except (OSError, UnicodeDecodeError, InvalidInput) as error:
        raise Unavailable(f"{file}: {error}") from None


async def into(app: App, file: Path, found: Sequence[RegisterMedicine]) -> Tallied:
    """Import what a file holds into a running application."""
    with _bar(file, len(found)) as advance:
        tallied = await send_all(app, found, advance)
    return _told(tallied)


async def directly(settings: ShopSettings, file: Path) -> int:
    """Import a file into the log; one on SQLite no server may be using."""
    found = commands(file)  # what is wrong with the file is said before anything is opened
    async with AsyncExitStack() as stack:
        try:
            app = await stack.enter_async_context(App.running(beside.joining(settings), ALONE))
        except Taken as error:
            url = f"http://{settings.host}:{settings.port}/graphql"
            raise Unavailable(f"{error} If it is the server, import through it: add --url {url}") from None
        return 1 if (await into(app, file, found)).refused else 0


async def over_http(file: Path, url: str, token: str | None) -> int:
    """Import a file through a running server."""
    return 1 if (await asyncio.to_thread(_post_all, commands(file), file, url, token)).refused else 0


def _post_all(found: Sequence[RegisterMedicine], file: Path, url: str, token: str | None) -> Tallied:
    accepted, there = 0, 0
    refused: list[str] = []
    try:
        with closing(Client(url, token=token)) as client, _bar(file, len(found)) as advance:
            for command in found:
                payload = client.post(REGISTER, {"input": _input(command)})["registerMedicine"]
                codes = {error["code"] for error in payload["errors"]}
                if payload["receipt"] and not payload["receipt"]["replayed"]:
                    accepted += 1
                elif payload["receipt"] or codes == {"ALREADY_TAKEN"}:
                    there += 1
                else:
                    refused.append(payload["errors"][0]["message"])
                advance()
    except Refused as error:
        raise Unavailable(str(error)) from None
    return _told(Tallied(accepted=accepted, already_there=there, refused=tuple(refused)))


def _input(command: RegisterMedicine) -> dict[str, Any]:
    return {
        "commandId": f"import-{fingerprint(command, None).hex()}",
        "id": command.medicine_id,
        "name": command.name,
        "genericName": command.generic_name,
        "manufacturer": command.manufacturer,
        "strength": command.strength,
        "price": str(command.price.amount),
        "currency": command.price.currency,
        "stockQuantity": command.stock_quantity,
        "lowStockThreshold": command.low_stock_threshold,
    }


@contextmanager
def _bar(file: Path, total: int) -> Iterator[Any]:
    """A progress bar on stderr where a person looks on; nothing elsewhere."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        task = progress.add_task(f"Importing {file.name}", total=total)
        yield lambda: progress.advance(task)


def _told(tallied: Tallied) -> Tallied:
    click.echo(
        f"{tallied.accepted} imported, {tallied.already_there} already there, {len(tallied.refused)} refused.", err=True
    )
    for reason in tallied.refused[:10]:
        click.echo(f"  {reason}", err=True)
    return tallied
