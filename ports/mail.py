"""Mail: over SMTP, or into the log where no server is set."""

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
import structlog

from domain.mail import ADMINISTRATORS, SendMail
from engine import clock, ids
from engine.clock import Clock
from engine.shapes import Command, replace

logger = structlog.get_logger(__name__)

PORTS = {"smtp": 587, "smtps": 465}
"Where a server takes mail from applications, unless the URL says otherwise."
FAREWELL_TIMEOUT = 1.0
"Seconds that the server has to say goodbye. The mail is accepted by then, so this is courtesy."
BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
PLAIN_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class MailNotSent(Exception):
    """Why a mail did not go out, in a sentence without its recipient's address or its text."""


class Mailer(Protocol):
    """Sends a mail, so that a receiver recognizes a repeat by `effect_id`. Raises MailNotSent."""

    async def send(self, mail: SendMail, effect_id: str) -> None: ...


class SmtpMailer:
    """Hands each mail to a server, over a connection of its own.

    smtps:// is encrypted from the start. smtp:// turns to encryption when the server offers it, and must when there is
    a password; a server on this machine is spoken to in the clear. Raises ValueError when made with a wrong URL or
    sender: one sentence, without the URL, which may hold a password.
    """

    def __init__(self, url: str, sender: str, timeout: float = 10, now: Clock = clock.now) -> None:
        parts, port = _server(url)
        self._sender = _sender(sender)
        self._host = str(parts.hostname)
        self._port = port
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "") if parts.username else None
        self._use_tls = parts.scheme == "smtps"
        self._timeout = timeout
        self._now = now

    async def send(self, mail: SendMail, effect_id: str) -> None:
        message = self._message(mail, effect_id)
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout):
                await client.connect()
                await client.send_message(message, sender=self._sender.addr_spec, recipients=[mail.to])
            # Past the deadline on purpose: a mail that was accepted must not fail for want of a goodbye.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=FAREWELL_TIMEOUT)
        except TimeoutError:
            raise MailNotSent(f"{self._place} did not take the mail within {self._timeout:g} s.") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            # Without its cause, which names the recipient.
            raise MailNotSent(f"{self._place}: {_without(mail.to, _said(error))}") from None
        finally:
            client.close()

    @property
    def _place(self) -> str:
        return f"The mail server {self._host}:{self._port}"

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            timeout=self._timeout,
            use_tls=self._use_tls,
            start_tls=self._start_tls,
        )

    @property
    def _start_tls(self) -> bool | None:
        """Whether encryption begins after the greeting; None: if the server offers it."""
        if self._use_tls or _is_loopback(self._host):
            return False
        # Somebody between us and the server can hide the offer, and would be told the password.
        return True if self._username else None

    def _message(self, mail: SendMail, effect_id: str) -> EmailMessage:
        message = EmailMessage(policy=policy.SMTP)
        message["Message-ID"] = f"<{_atom(effect_id)}@{self._sender.domain}>"
        message["Date"] = self._now()
        message["From"] = self._sender
        message["To"] = _recipient(mail.to)
        message["Subject"] = _one_line(mail.subject)
        # RFC 3834: automatic answers, "I am on holiday", are not sent to this.
        message["Auto-Submitted"] = "auto-generated"
        # Seven bits whatever the text: not every server takes eight.
        message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
        return message


class LogMailer:
    """Sends nothing: writes a line for each mail, with its recipient masked."""

    async def send(self, mail: SendMail, effect_id: str) -> None:
        logger.info("mail", to=masked(mail.to) if mail.to else "administrators", subject=mail.subject, id=effect_id)


def mailer(url: str, sender: str) -> Mailer:
    """The mailer that SMTP_URL asks for; empty: the log. Raises ValueError."""
    return SmtpMailer(url, sender) if url else LogMailer()


def mailing(mailer: Mailer, administrators: str = "") -> Callable[[SendMail, str], Awaitable[Sequence[Command]]]:
    """What performs SendMail; no command follows. Raises MailNotSent.

    What is meant for the administrators goes to the address given here, or into the log where there is none.
    """

    async def perform(mail: SendMail, effect_id: str) -> Sequence[Command]:
        if mail.to != ADMINISTRATORS:
            await mailer.send(mail, effect_id)
        elif administrators:
            await mailer.send(replace(mail, to=administrators), effect_id)
        else:
            await LogMailer().send(mail, effect_id)
        return []

    return perform


def masked(address: str) -> str:
    """An address that a person who knows it recognizes, for log lines: a***@example.org."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}***@{host}"


def _server(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ValueError(_WRONG_URL) from None
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment or not url.isprintable():
        raise ValueError(_WRONG_URL)
    return parts, port


_WRONG_URL = (
    "SMTP_URL must be smtp://host:port or smtps://host:port, with user:password@ before the host if the server asks for"
    " it (characters such as @ and / in them written as %40 and %2F)."
)


def _sender(text: str) -> Address:
    wrong = ValueError(
        f"MAIL_FROM={text!r} is refused: must be one address, shop@example.org or Shop <shop@example.org>."
    )
    try:
        header = policy.SMTP.header_factory("From", text)
        (address,) = header.addresses
        # As the parser takes it, an address may hold what it cannot be made of: a line break, for one.
        made = Address(address.display_name, addr_spec=address.addr_spec)
    except (ValueError, IndexError, MessageError):
        raise wrong from None
    if header.defects or not text.isprintable() or not made.addr_spec.isascii():
        raise wrong
    return made


def _recipient(text: str) -> Address:
    """One address and nothing beside it. Raises MailNotSent."""
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):
        address = None
    if address is None or address.addr_spec != text or not text.isprintable():
        raise MailNotSent("The recipient is not one plain address.")
    return address


def _one_line(subject: str) -> str:
    """A subject that begins no header, whatever a person has typed into what it quotes; it must not stop the mail."""
    # EmailMessage decodes =?utf-8?q?...?= in what it is given, and does not look for line breaks in that again.
    return BREAKS.sub(" ", subject).strip().replace("=?", "= ?")


def _atom(effect_id: str) -> str:
    """The id as it may stand before the @ of a Message-ID."""
    return effect_id if PLAIN_ID.fullmatch(effect_id) else ids.derived(effect_id)


def _said(error: Exception) -> str:
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return "the recipient is refused, " + "; ".join(_said(each) for each in error.recipients)
        case aiosmtplib.SMTPResponseException():
            return f"{error.code} {error.message}"
        case _:
            return str(error)


def _without(address: str, text: str) -> str:
    return re.sub(re.escape(address), masked(address), text, flags=re.IGNORECASE)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
