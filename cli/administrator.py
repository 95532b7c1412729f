"""The account that ADMIN_EMAIL and ADMIN_PASSWORD name: made when it is not there, left as it is when it is."""

import structlog

from cli.settings import ShopSettings
from domain.standing import Role
from domain.user import RegisterUser
from engine import ids
from engine.app import App
from engine.faults import Unavailable
from engine.passwords import Passwords
from engine.refusals import AlreadyTaken, Refusal
from engine.shapes import Receipt, Secret
from readmodels.users import USERS

ACTOR = "server/settings"

logger = structlog.get_logger(__name__)


async def ensure(app: App, settings: ShopSettings, passwords: Passwords) -> None:
    """Register the administrator, once. Raises Unavailable, with a sentence, when that cannot be."""
    if not settings.admin_email:
        return
    user_id = ids.derived("administrator", settings.admin_email.lower())
    outcome = await _registered(app, settings, user_id, await passwords.hash(settings.admin_password))
    if isinstance(outcome, Receipt):
        logger.info("administrator registered", user_id=user_id)
    elif not isinstance(outcome, AlreadyTaken):
        raise Unavailable(f"ADMIN_EMAIL={settings.admin_email!r} is refused: {outcome.message}")
    elif not await _is_there(app, user_id):
        raise Unavailable(
            f"ADMIN_EMAIL={settings.admin_email!r} is the address of another account. "
            "Name another one, or have an administrator give that account the role."
        )


async def _registered(app: App, settings: ShopSettings, user_id: str, hash: str) -> Receipt | Refusal:
    try:
        command = RegisterUser(
            user_id=user_id,
            email=settings.admin_email,
            first_name="Shop",
            last_name="Administrator",
            password=Secret(hash),
            role=Role.ADMIN,
        )
    except Refusal as refusal:
        return refusal
    return await app.send(command, command_id=None, expected_version=None, actor_id=ACTOR)


async def _is_there(app: App, user_id: str) -> bool:
    """Whether the account that was made at an earlier start is still known."""
    await app.reached(USERS, app.log.position)
    row, _ = await app.rows.get(USERS, user_id)
    return row is not None
