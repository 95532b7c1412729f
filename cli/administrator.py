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
from engine.refusals import AlreadyTaken, Refusal
from engine.shapes import Secret
from readmodels.users import USERS

ACTOR = "server/settings"

logger = structlog.get_logger(__name__)


async def ensure(app: App, settings: ShopSettings, passwords: Passwords) -> None:
    """Register the administrator, unless there is one of that address. Raises Unavailable, with a sentence."""
    if not settings.admin_email:
        return
    email = same_email(settings.admin_email)
    stream = await app.log.claimant("email", email)
    if stream is None:
        if await _registered(app, settings, passwords):
            return
        stream = await app.log.claimant("email", email)  # a process that started beside this one was faster
    if stream is None or not await _administers(app, stream):
        raise Unavailable(
            f"ADMIN_EMAIL={settings.admin_email!r} is the address of an account that does not administer the shop. "
            "Name another one, or have an administrator give that account the role."
        )


async def _registered(app: App, settings: ShopSettings, passwords: Passwords) -> bool:
    """Register the account; False when its address is taken."""
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
    if isinstance(outcome, AlreadyTaken):
        return False
    if isinstance(outcome, Refusal):
        raise Unavailable(f"ADMIN_EMAIL={settings.admin_email!r} is refused: {outcome.message}")
    logger.info("administrator registered", user_id=user_id)
    return True


async def _administers(app: App, stream: str) -> bool:
    """Whether the account of a stream may sign in and administer, as far as it can be told."""
    if not await app.reached(USERS, await app.log.head()):
        logger.warning("whether ADMIN_EMAIL administers is not known: the users are behind")
        return True
    row, _ = await app.rows.get(USERS, stream.partition("-")[2])
    return row is not None and row.role is Role.ADMIN and row.status is UserStatus.ACTIVE
