"""Somebody of staff for a server that is about to start: registered in its log, with a token under its key."""

from pathlib import Path
from typing import Any

from cli import endpoint
from cli.application import DECLARATIONS
from cli.settings import ShopSettings
from domain.standing import Role
from domain.user import RegisterUser
from engine import ids
from engine.app import App
from engine.passwords import Passwords
from engine.shapes import Receipt, Secret

USER_ID = "clerk"


async def token(directory: Path, **changed: Any) -> str:
    """A token for one of staff, who is registered first, with the files in a directory unless settings name other
    places. No server may be using them.

    Theirs is the log's first event.
    """
    files: dict[str, Any] = {
        "write_db_url": f"sqlite:///{directory}/log.db",
        "read_db_url": f"sqlite:///{directory}/read.db",
        "data_dir": str(directory),
    }
    settings = ShopSettings(_env_file=None, **{**files, **changed})  # type: ignore[call-arg]  # pydantic-settings' own
    passwords = Passwords.cheap()
    hash = await passwords.hash(ids.new())
    await passwords.close()
    clerk = RegisterUser(
        user_id=USER_ID,
        email="clerk@example.org",
        first_name="Benny",
        last_name="Clerk",
        password=Secret(hash),
        role=Role.STAFF,
    )
    async with App.running(settings, DECLARATIONS) as app:
        receipt = await app.send(clerk, command_id=None, expected_version=None, actor_id=None)
    if not isinstance(receipt, Receipt):
        raise RuntimeError(f"Refused: {receipt!r}")
    return endpoint.tokens(settings).issue(USER_ID, receipt.position).text
