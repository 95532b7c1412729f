"""Signed tokens that say who somebody is until they expire, and the file that holds the key they are signed with."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jwt

from engine import ids
from engine.clock import Clock
from engine.faults import Unavailable

ALGORITHM = "HS256"
LEAST_KEY = 32
"Bytes: as many as the signature has."
MOST_CHARACTERS = 4096
MOST_REMEMBERED = 10_000
"Tokens that were found good, by their text. Measured: reading one takes 50 µs, finding it again less than 1."
REQUIRED = ["exp", "iat", "auth_time", "sub", "iss", "aud", "position"]


class InvalidToken(Exception):
    """The token says nothing that can be believed. The message is one sentence for whoever sent it."""


class Token(NamedTuple):
    """A token as it is handed out."""

    text: str
    expires_at: datetime


class Ticket(NamedTuple):
    """What a token says."""

    subject: str
    position: int
    "The place in the log that the one who was given it has seen."
    expires_at: datetime
    signed_in_at: datetime
    "When the password was given: the token may have taken the place of others."


class Tokens:
    """Issues tokens, and reads those it issued."""

    def __init__(self, secret: bytes, *, lifetime: timedelta, issuer: str, audience: str, now: Clock) -> None:
        if len(secret) < LEAST_KEY:
            raise ValueError(f"The key of the tokens has {len(secret)} bytes; it needs at least {LEAST_KEY}.")
        self._secret = secret
        self._lifetime = lifetime
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._remembered: OrderedDict[str, Ticket] = OrderedDict()

    def issue(self, subject: str, position: int, signed_in_at: datetime | None = None) -> Token:
        """A token from now on; `signed_in_at` is now, unless it takes the place of another."""
        # In whole seconds, as the claim has them: what is said of a token is what will be read from it.
        issued_at = int(self._now().timestamp())
        expires = issued_at + int(self._lifetime.total_seconds())
        claims = {
            "sub": subject,
            "position": position,
            "iat": issued_at,
            "auth_time": int(signed_in_at.timestamp()) if signed_in_at else issued_at,
            "exp": expires,
            "iss": self._issuer,
            "aud": self._audience,
        }
        return Token(jwt.encode(claims, self._secret, ALGORITHM), datetime.fromtimestamp(expires, UTC))

    def read(self, text: str) -> Ticket:
        """What a token says. Raises InvalidToken."""
        ticket = self._remembered.get(text)
        if ticket is None:
            ticket = _ticket(self._claims(text))
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.popitem(last=False)
            self._remembered[text] = ticket
        if ticket.expires_at <= self._now():
            self._remembered.pop(text, None)
            raise InvalidToken("The token has expired. Sign in again.")
        return ticket

    def _claims(self, text: str) -> Mapping[str, Any]:
        if len(text) > MOST_CHARACTERS:
            raise InvalidToken(f"A token has at most {MOST_CHARACTERS} characters.")
        try:
            return jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # Times are compared here, with the clock we were given.
                options={"require": REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidTokenError, ValueError):
            # Which of the checks failed is of use only to someone who forges one.
            raise InvalidToken("The token is not one of this server's. Sign in again.") from None


def _ticket(claims: Mapping[str, Any]) -> Ticket:
    subject, position, expires = claims["sub"], claims["position"], claims["exp"]
    if type(subject) is not str or not subject or type(position) is not int or not 0 <= position < 2**63:
        raise InvalidToken("The token does not say whose it is. Sign in again.")
    try:
        if type(expires) is not int or type(claims["auth_time"]) is not int:
            raise ValueError
        signed_in_at = datetime.fromtimestamp(claims["auth_time"], UTC)
        return Ticket(subject, position, datetime.fromtimestamp(expires, UTC), signed_in_at)
    except (ValueError, OverflowError, OSError):
        raise InvalidToken("The token does not say when it expires. Sign in again.") from None


def secret_file(path: Path) -> bytes:
    """The key in a file, which is made when there is none. Raises Unavailable, naming the file."""
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path}, the key of the tokens, cannot be had: {error.strerror}.") from None
    if len(secret) < LEAST_KEY:
        raise Unavailable(
            f"{path}, the key of the tokens, has {len(secret)} bytes; it needs at least {LEAST_KEY}. "
            "Restore it, or delete it to have a new one made: everybody then has to sign in again."
        )
    return secret


def _make(path: Path) -> None:
    """Write a new key. It appears whole, and of several that are made at once the first one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{ids.new()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(ids.secret(LEAST_KEY))
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
