"""Viewers: who asks, by the token they sent and the row of the user it names, for as long as both are good."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from domain.standing import Role, UserStatus
from engine.app import App
from engine.clock import Clock
from engine.faults import Unavailable
from engine.graphql.errors import ProtocolError
from engine.graphql.execution import Peer, Scope
from engine.liveview import Change, ChangeKind
from engine.tokens import InvalidToken, Ticket, Tokens
from readmodels.users import USERS

MOST_REMEMBERED = 10_000
"Users whose row is kept in memory."
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"Seconds between two tries to follow the users: while nobody follows them, every request reads its user's row anew."
REVOKED = "The account was changed. Sign in again."

logger = structlog.get_logger(__name__)


class Account(Protocol):
    """What a viewer needs of a user's row."""

    @property
    def id(self) -> str: ...
    @property
    def role(self) -> Role: ...
    @property
    def status(self) -> UserStatus: ...
    @property
    def suspended_at(self) -> int: ...


class CloseWhere(Protocol):
    """Closes the sockets and ends the streams with such a viewer."""

    def __call__(self, which: Callable[[Any], bool], *, code: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. One who sent no token has neither an id nor a role."""

    user_id: str | None = None
    role: Role | None = None
    expires_at: datetime | None = None
    signed_in_at: datetime | None = None
    position: int = 0
    "What they had seen of the log when they signed in."

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def is_staff(self) -> bool:
        return self.role in (Role.STAFF, Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def sees(self, user_id: str | None) -> bool:
        """Whether this viewer may see what belongs to a user; what is nobody's is for staff."""
        return self.is_staff or (self.is_signed_in and self.user_id == user_id)


ANONYMOUS = Viewer()


class Unauthenticated(ProtocolError):
    """Nobody is signed in by this. Where it names an account, `accountStatus` is what has become of that."""

    def __init__(self, message: str, account_status: UserStatus | None = None) -> None:
        extensions = {"accountStatus": account_status.name} if account_status else None
        super().__init__("UNAUTHENTICATED", message, extensions)


class Viewers:
    """Finds the viewer behind a token, and closes the sockets of those who may no longer do what they could."""

    def __init__(self, app: App, tokens: Tokens, now: Clock) -> None:
        self._app = app
        self._tokens = tokens
        self._now = now
        self._accounts: OrderedDict[str, tuple[Account, int]] = OrderedDict()
        "With the position that each was read at."
        self._found: OrderedDict[bytes, tuple[Viewer, Account]] = OrderedDict()
        "Viewers by the header that named them, with the account that was read for it."
        self._position = 0
        "As of which what is remembered is exact."
        self._is_following = False

    # ------------------------------------------------------------------ who asks

    def at_once(self, peer: Peer) -> Viewer | None:
        """Who asks, if that needs no look at anything; else `of_peer` finds out."""
        if (principal := peer.principal) is not None:
            return principal if isinstance(principal, Viewer) else None
        return self._known(peer.headers.get(b"authorization", b"")) if peer.headers else None

    async def of_peer(self, peer: Peer) -> Viewer:
        """Who asks: on a socket whoever opened it, over HTTP whoever the request names. Raises Unauthenticated."""
        return peer.principal if isinstance(peer.principal, Viewer) else await self.of_request(peer.scope)

    async def of_request(self, scope: Scope) -> Viewer:
        """Who sends a request, by its header. Raises Unauthenticated."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            return await self._of(given)
        if (viewer := self._known(given[0])) is not None:
            return viewer
        viewer = await self._of([given[0].decode("latin-1")])
        if (account := self._account(viewer)) is not None:
            while len(self._found) >= MOST_REMEMBERED:
                self._found.popitem(last=False)
            self._found[given[0]] = viewer, account
        return viewer

    def _known(self, header: bytes) -> Viewer | None:
        """Whom the same header named before, if the token still lasts and the account is what it was."""
        viewer, account = self._found.get(header, (ANONYMOUS, None))
        if viewer.expires_at is None or viewer.expires_at <= self._now():
            return None
        return viewer if self._account(viewer) is account else None

    def _account(self, viewer: Viewer) -> Account | None:
        """A viewer's account, if it is remembered."""
        return None if viewer.user_id is None else self._accounts.get(viewer.user_id, (None, 0))[0]

    async def of_socket(self, params: Mapping[str, Any] | None, scope: Scope) -> Viewer:
        """Who opens a socket, by the payload of connection_init. Raises Unauthenticated."""
        return await self._of([value for key, value in (params or {}).items() if key.lower() == "authorization"])

    async def renewed(self, peer: Peer, token: str) -> Viewer:
        """Who a token names; a socket goes on as theirs. Raises Unauthenticated, and Unavailable."""
        viewer = await self.of(token)
        if peer.renew is not None:
            await peer.renew(viewer)
        return viewer

    def lasts(self, viewer: Viewer) -> float | None:
        """Seconds until a viewer's token expires; None without one."""
        return None if viewer.expires_at is None else (viewer.expires_at - self._now()).total_seconds()

    async def _of(self, given: list[Any]) -> Viewer:
        if not given:
            return ANONYMOUS
        scheme, _, text = given[0].partition(" ") if len(given) == 1 and isinstance(given[0], str) else ("", "", "")
        if scheme.lower() != "bearer" or not text.strip():
            raise Unauthenticated("Authorization must be given once, as `Bearer` and a token.")
        return await self.of(text.strip())

    async def of(self, token: str) -> Viewer:
        """Who a token names. Raises Unauthenticated, and Unavailable when the users are not shown in time."""
        try:
            ticket = self._tokens.read(token)
        except InvalidToken as invalid:
            raise Unauthenticated(str(invalid)) from None
        if ticket.position > self._app.log.position and ticket.position > await self._app.log.head():
            raise Unauthenticated("The token is not one of this server's. Sign in again.")
        if not await self._app.reached(USERS, ticket.position):
            raise Unavailable(f"{USERS.name} does not show position {ticket.position} yet")
        account = self._remembered(ticket) or await self._read(ticket)
        if account is None or account.status is UserStatus.DELETED:
            raise Unauthenticated("The account is gone.", UserStatus.DELETED)
        if account.status is not UserStatus.ACTIVE:
            raise Unauthenticated("The account is suspended.", account.status)
        if ticket.position < account.suspended_at:
            raise Unauthenticated("The account was suspended meanwhile. Sign in again.")
        return Viewer(account.id, account.role, ticket.expires_at, ticket.signed_in_at, ticket.position)

    def _remembered(self, ticket: Ticket) -> Account | None:
        """A user's row, if it is as new as what the one who was given the ticket had seen."""
        account, position = self._accounts.get(ticket.subject, (None, 0))
        return account if max(position, self._position) >= ticket.position else None

    async def _read(self, ticket: Ticket) -> Account | None:
        """A user's row, not older than the ticket or the newest change we have acted on. Raises Unavailable."""
        while True:
            account, position = await self._app.rows.get(USERS, ticket.subject)
            wanted = max(ticket.position, self._position if self._is_following else 0)
            if position >= wanted:
                break
            self._app.feed.set_back(USERS.name, position)  # its database failed, and lost what it did last
            if not await self._app.reached(USERS, wanted):
                raise Unavailable(f"{USERS.name} does not show position {wanted} yet")
        # Whatever changes it from here on comes to `_take`, which then finds it; and finds the socket, as the caller
        # does not wait again before the socket has its viewer.
        if account is not None and self._is_following:
            self.remember(account, position)
        return account

    def remember(self, account: Account, position: int) -> None:
        """Use this row, which is right as of a position, until it changes."""
        while len(self._accounts) >= MOST_REMEMBERED:
            self._accounts.popitem(last=False)
        self._accounts[account.id] = account, position

    # ------------------------------------------------------------------ who no longer may

    @asynccontextmanager
    async def watching(self, close_where: CloseWhere) -> AsyncIterator[None]:
        """Follow the users while the block lasts, and close the sockets of those whose role or status changes."""
        task = asyncio.create_task(self._watch(close_where), name="viewers")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self, close_where: CloseWhere) -> None:
        pause, after = FIRST_PAUSE, None
        while True:
            try:
                if after is None:
                    checkpoint = await self._app.rows.checkpoint(USERS)
                    after = checkpoint.position if checkpoint else 0
                self._position = after
                async with aclosing(self._app.views.follow(USERS, (), after)) as changes:
                    self._is_following = True
                    async for change in changes:
                        self._take(change, close_where)
                        pause, after = FIRST_PAUSE, self._position
            except Unavailable as error:
                logger.warning("users not followed", reason=str(error))
            except Exception:
                # Going on is safe: nothing is remembered meanwhile, and what changed since is looked at afterwards.
                logger.exception("users not followed")
            self._is_following = False
            self._accounts.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _take(self, change: Change[Any], close_where: CloseWhere) -> None:
        if change.kind is ChangeKind.RESET:
            # What happened in between is not known: whoever is signed in comes again, and is looked at then.
            self._accounts.clear()
            close_where(lambda viewer: viewer.is_signed_in, code=1012, reason="Service Restart")
        # Most changes are those of somebody's orders, and concern nobody here.
        found: dict[str | None, Account | None] = {row.id: row for row in change.upserted if not self._is_same(row)}
        found.update(dict.fromkeys(change.removed))
        for user_id in found:
            self._accounts.pop(str(user_id), None)
        # A snapshot's position stands still until its last page.
        self._position = max(change.position, self._position if change.kind is not ChangeKind.RESET else 0)
        if found:
            close_where(lambda viewer: _is_revoked(viewer, found), code=4403, reason=REVOKED)

    def _is_same(self, row: Account) -> bool:
        """Whether a user may do what they could when they were remembered."""
        known, _ = self._accounts.get(row.id, (None, 0))
        return known is not None and _rights(known) == _rights(row)


def _rights(account: Account) -> tuple[Role, UserStatus, int]:
    return account.role, account.status, account.suspended_at


def _is_revoked(viewer: Viewer, found: Mapping[str | None, Account | None]) -> bool:
    if viewer.user_id not in found:
        return False
    account = found[viewer.user_id]
    if account is None or viewer.position < account.suspended_at:
        return True
    return account.status is not UserStatus.ACTIVE or account.role is not viewer.role
