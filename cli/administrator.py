"""The account that ADMIN_EMAIL and ADMIN_PASSWORD name: made when no account has that address."""

import structlog

from cli.settings import ShopSettings
from domain.contact import same_email
from domain.standing import Role, UserStatus
from domain.user import RegisterUser
from engine import ids
from engine.app import App
from engine.faults import Unavailable
from engine.passwords import Passwords
from engine.refusals import Refusal
from engine.shapes import Secret
from readmodels.users import USERS

ACTOR = "server/settings"

logger = structlog.get_logger(__name__)


async def ensure(app: App, settings: ShopSettings, passwords: Passwords) -> None:
    """Register the administrator, unless there is one of that address. Raises Unavailable, with a sentence."""
    if not settings.admin_email:
        return
    stream = await app.log.claimant("email", same_email(settings.admin_email))
    if stream is None:
        await _register(app, settings, passwords)
    elif not await _administers(app, stream):
        raise Unavailable(
            f"ADMIN_EMAIL={settings.admin_email!r} is the address of an account that does not administer the shop. "
            "Name another one, or have an administrator give that account the role."
        )


async def _register(app: App, settings: ShopSettings, passwords: Passwords) -> None:
    user_id, hash = ids.new(), await passwords.hash(settings.admin_password)
    try:
        command = RegisterUser(
            user_id=user_id,
            email=settings.admin_email,
            first_name="Shop",
            last_name="Administrator",
            password=Secret(hash),
            role=Role.ADMIN,
        )
        outcome = await app.send(command, command_id=None, expected_version=None, actor_id=ACTOR)
    except Refusal as refusal:
        outcome = refusal
    if isinstance(outcome, Refusal):
        raise Unavailable(f"ADMIN_EMAIL={settings.admin_email!r} is refused: {outcome.message}")
    logger.info("administrator registered", user_id=user_id)


async def _administers(app: App, stream: str) -> bool:
    """Whether the account of a stream may sign in and administer."""
    await app.reached(USERS, app.log.position)
    row, _ = await app.rows.get(USERS, stream.partition("-")[2])
    return row is not None and row.role is Role.ADMIN and row.status is UserStatus.ACTIVE
