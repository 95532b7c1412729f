"""Mail, tried against a server that speaks SMTP on a real socket."""

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from structlog.testing import capture_logs

from domain.mail import SendMail
from engine import ids
from engine.clock import monotonic
from ports.mail import LogMailer, MailNotSent, SmtpMailer, mailer, mailing, masked
from tests import services

HELLO = SendMail(to="anna@example.org", subject="Ihre Bestellung für Öl", text="Schöne Grüße\n")
SENDER = "Die Apotheke <shop@example.org>"
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
SOON = 0.2
"Seconds: a deadline for what is to run into it."
PATIENCE = 10.0


class Mailbox:
    """What the server was told; subclasses are servers that behave otherwise."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(envelope.rcpt_tos)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word", handled=False)


class Refusing(Mailbox):
    async def handle_RCPT(  # noqa: N802  # aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return f"550 5.1.1 No such user: {address.upper()}"


class Full(Mailbox):
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        return "452 Disk full, try again later"


class HangingAtData(Mailbox):
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        await asyncio.Event().wait()
        return "250 OK"


class HangingAtQuit(Mailbox):
    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        await asyncio.Event().wait()
        return "221 Bye"


@asynccontextmanager
async def serving(mailbox: Mailbox, host: str = "127.0.0.1", secure: Any = None, **options: Any) -> AsyncIterator[int]:
    """A mail server for as long as the block lasts; gives its port."""
    loop = asyncio.get_running_loop()
    connections: list[SMTP] = []

    def connected() -> SMTP:
        options.setdefault("hostname", "mail.example.org")
        connections.append(SMTP(mailbox, loop=loop, authenticator=mailbox.login, **options))
        return connections[-1]

    server = await loop.create_server(connected, host, 0, ssl=secure)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        tasks = [each._handler_coroutine for each in connections if each._handler_coroutine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in connections:
            if each.transport:
                each.transport.close()


@contextmanager
def hanging() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def through(port: int, timeout: float = PATIENCE, url: str = "smtp://127.0.0.1") -> SmtpMailer:
    return SmtpMailer(f"{url}:{port}", SENDER, timeout, now=lambda: NOON)


async def sent(mailer: SmtpMailer, mail: SendMail = HELLO, effect_id: str = "e1") -> None:
    assert await mailing(mailer)(mail, effect_id) == []


async def not_sent(mailer: SmtpMailer, mail: SendMail = HELLO) -> str:
    with pytest.raises(MailNotSent) as caught:
        await mailer.send(mail, "e1")
    assert mail.to not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


async def test_a_mail_arrives_as_it_was_written() -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port))
    (mail,) = mailbox.mails
    assert mailbox.recipients == [["anna@example.org"]]
    assert mail["Subject"] == "Ihre Bestellung für Öl"
    assert mail["To"] == "anna@example.org"
    assert mail["From"] == "Die Apotheke <shop@example.org>"
    assert mail["Date"].datetime == NOON
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().replace("\r\n", "\n") == "Schöne Grüße\n"


async def test_a_repeat_is_recognized_by_its_message_id() -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port), effect_id="e1")
        await sent(through(port), effect_id="e1")
        await sent(through(port), effect_id="e2")
    found = [mail["Message-ID"] for mail in mailbox.mails]
    assert found == ["<e1@example.org>", "<e1@example.org>", "<e2@example.org>"]


@pytest.mark.parametrize(
    "effect_id", ["a b", "e>1", "e1\r\nBcc: eve@example.org", "e:1", "", "ü", ".e", "a@b", "=?utf-8?q?a?="]
)
async def test_an_effect_id_that_cannot_stand_in_a_message_id_has_another_in_its_place(effect_id: str) -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port), effect_id=effect_id)
    (mail,) = mailbox.mails
    assert mail["Message-ID"] == f"<{ids.derived(effect_id)}@example.org>"
    assert mail["Bcc"] is None


async def test_a_long_id_stays_on_one_line() -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port), effect_id="e" * 200)
    assert mailbox.mails[0]["Message-ID"] == f"<{'e' * 200}@example.org>"


async def test_a_server_that_is_away_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f"The mail server 127.0.0.1:{port}: Error connecting" in await not_sent(through(port))


async def test_a_server_that_hangs_is_an_error_within_the_deadline() -> None:
    with hanging() as port:
        began = monotonic()
        said = await not_sent(through(port, SOON))
        assert SOON <= monotonic() - began < PATIENCE
        assert said == f"The mail server 127.0.0.1:{port} did not take the mail within 0.2 s."


async def test_a_server_that_hangs_on_the_mail_itself_is_an_error_within_the_deadline() -> None:
    async with serving(HangingAtData()) as port:
        assert "did not take the mail within 0.2 s" in await not_sent(through(port, SOON))


async def test_a_server_that_takes_the_mail_and_then_hangs_is_no_error() -> None:
    mailbox = HangingAtQuit()
    async with serving(mailbox) as port:
        await sent(through(port, PATIENCE))
    assert len(mailbox.mails) == 1


async def test_a_recipient_who_is_refused_is_an_error_that_does_not_tell_the_address() -> None:
    mailbox = Refusing()
    async with serving(mailbox) as port:
        said = await not_sent(through(port))
    assert said.endswith(": the recipient is refused, 550 5.1.1 No such user: a***@example.org")
    assert mailbox.mails == []


async def test_a_mail_that_is_refused_for_now_is_an_error_with_the_server_s_words() -> None:
    async with serving(Full()) as port:
        assert (await not_sent(through(port))).endswith(": 452 Disk full, try again later")


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00", "\n\n", " \n "])
async def test_a_subject_begins_no_header_and_no_body(gap: str) -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port), SendMail(to=HELLO.to, subject=f"Hi{gap}Bcc: eve@example.org{gap}", text="Text"))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Hi Bcc: eve@example.org"
    assert mail["Bcc"] is None
    assert mailbox.recipients == [["anna@example.org"]]
    assert mail.get_content().strip() == "Text"


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?a=0D=0ABcc:_eve@example.org?=",
        "=\n?utf-8?q?a=0ABcc:_eve@example.org?=",
        "==??=?",
        "ü" * 300,
        "a" * 3000,
        "x " * 500 + "é",
    ],
)
async def test_no_subject_breaks_the_mail(subject: str) -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        await sent(through(port), SendMail(to=HELLO.to, subject=subject, text="Text"))
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["To"] == HELLO.to
    assert mail.get_content().strip() == "Text"


@pytest.mark.parametrize(
    "to",
    [
        "anna@example.org\nBcc: eve@example.org",
        "anna@example.org\r\nDATA",
        "anna@example.org, eve@example.org",
        "anna@example.org; eve@example.org",
        "anna@example.org> NOTIFY=NEVER",
        "Anna <anna@example.org>",
        "anna@example.org (eve@example.org)",
        " anna@example.org",
        "anna@example.org\x00",
        "anna@example.org\u2028",
        "anna",
        "anna@",
        "@example.org",
        "änna@example.org",
        "=?utf-8?q?anna=0D=0ADATA?=@example.org",
        "anna@=?utf-8?q?example.org=0D=0ADATA?=",
    ],
)
async def test_a_recipient_is_one_address_or_the_mail_is_not_sent(to: str) -> None:
    mailbox = Mailbox()
    async with serving(mailbox) as port:
        with pytest.raises(MailNotSent, match=r"^The recipient is not one plain address\.$"):
            await sent(through(port), SendMail(to=to, subject="Hi", text="Text"))
    assert mailbox.recipients == []


@pytest.mark.parametrize("gap", ["\n.\n", "\r\n.\r\n", "\r.\r", "\n.\r", "\r\n\x00.\r\n"])
async def test_a_text_ends_where_it_ends(gap: str) -> None:
    mailbox = Mailbox()
    text = f"a{gap}MAIL FROM:<eve@example.org>\r\n..\n"
    async with serving(mailbox) as port:
        await sent(through(port), SendMail(to=HELLO.to, subject="Hi", text=text))
    (mail,) = mailbox.mails
    assert mail.get_content().splitlines() == text.splitlines()


async def test_a_host_name_beyond_ascii_needs_a_server_that_knows_such_names() -> None:
    abroad, mailbox = SendMail(to="anna@bücher.example", subject="Hi", text="Text"), Mailbox()
    async with serving(mailbox) as port:
        assert "SMTPUTF8" in await not_sent(through(port), abroad)
    assert mailbox.recipients == []
    async with serving(mailbox, enable_SMTPUTF8=True) as port:
        await sent(through(port), abroad)
    assert mailbox.recipients == [["anna@bücher.example"]]


async def test_who_we_are_is_proven_by_the_password_in_the_url() -> None:
    mailbox = Mailbox()
    async with serving(mailbox, auth_require_tls=False) as port:
        await sent(through(port, url="smtp://sh%40p:p%40ss%2Fword@127.0.0.1"))
        assert mailbox.logins == [(b"sh@p", b"p@ss/word")]
        said = await not_sent(through(port, url="smtp://shop:wrong@127.0.0.1"))
    assert ": 535 " in said
    assert "wrong" not in said
    assert len(mailbox.mails) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh certificate with its key, which nobody trusts."""
    program = services.program("openssl", "to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    made = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail -keyout {path}.key -out {path}"
    names = "subjectAltName=IP:127.0.0.1,IP:0.0.0.0"
    subprocess.run([program, *made.split(), "-addext", names], check=True, capture_output=True)
    return path


@pytest.fixture
def secure(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


ANYWHERE = "0.0.0.0"
"Reaches this machine, and is no loopback address."


@pytest.mark.usefixtures("trusted")
async def test_smtps_is_encrypted_from_the_start(secure: ssl.SSLContext) -> None:
    mailbox = Mailbox()
    async with serving(mailbox, secure=secure) as port:
        await sent(through(port, url="smtps://127.0.0.1"))
    assert len(mailbox.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_is_an_error(secure: ssl.SSLContext) -> None:
    mailbox = Mailbox()
    async with serving(mailbox, secure=secure) as port:
        assert "certificate verify failed" in await not_sent(through(port, url="smtps://127.0.0.1"))
    async with serving(mailbox, ANYWHERE, tls_context=secure) as port:
        assert "certificate verify failed" in await not_sent(through(port, url=f"smtp://{ANYWHERE}"))
    assert mailbox.mails == []


@pytest.mark.usefixtures("trusted")
async def test_encryption_that_is_offered_is_taken_but_on_this_machine(secure: ssl.SSLContext) -> None:
    mailbox = Mailbox()
    async with serving(mailbox, ANYWHERE, tls_context=secure) as port:
        await sent(through(port, url=f"smtp://{ANYWHERE}"))
        await sent(through(port, url="smtp://127.0.0.1"))
        await sent(through(port, url="smtp://localhost"))
    assert mailbox.encrypted == [True, False, False]


async def test_a_mail_goes_in_the_clear_where_nothing_else_is_offered_and_a_password_does_not() -> None:
    mailbox = Mailbox()
    async with serving(mailbox, ANYWHERE, auth_require_tls=False) as port:
        await sent(through(port, url=f"smtp://{ANYWHERE}"))
        await not_sent(through(port, url=f"smtp://shop:p%40ss%2Fword@{ANYWHERE}"))
    assert (mailbox.encrypted, mailbox.logins) == ([False], [])


@pytest.mark.usefixtures("trusted")
async def test_a_password_goes_over_an_encrypted_connection(secure: ssl.SSLContext) -> None:
    mailbox = Mailbox()
    async with serving(mailbox, ANYWHERE, tls_context=secure) as port:
        await sent(through(port, url=f"smtp://shop:p%40ss%2Fword@{ANYWHERE}"))
    assert (mailbox.encrypted, mailbox.logins) == ([True], [(b"shop", b"p@ss/word")])


async def test_without_a_server_a_mail_is_a_line_that_tells_no_address_and_no_text() -> None:
    with capture_logs() as lines:
        await mailing(mailer("", SENDER))(HELLO, "e1")
    assert lines == [
        {"event": "mail", "log_level": "info", "to": "a***@example.org", "subject": HELLO.subject, "id": "e1"}
    ]


def test_the_url_decides_where_mail_goes() -> None:
    assert isinstance(mailer("", SENDER), LogMailer)
    assert isinstance(mailer("smtp://mail.example.org", SENDER), SmtpMailer)
    assert isinstance(mailer("smtps://shop:secret@[::1]:4650/", SENDER), SmtpMailer)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://hunter2@mail.example.org",
        "smtp://",
        "smtp://:25",
        "smtp://shop:hunter2@",
        "smtp://mail.example.org:mail",
        "smtp://mail.example.org:65536",
        "smtp://shop:hunter2/x@mail.example.org",
        "smtp://mail.example.org/inbox",
        "smtp://mail.example.org?tls=no",
        "smtp://mail.example.org#a",
        "smtp://mail.exa\nmple.org",
        "smtp://[::1",
    ],
)
def test_a_wrong_url_is_a_sentence_that_does_not_tell_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^SMTP_URL must be smtp://host:port or smtps://host:port, .*\.$") as caught:
        mailer(url, SENDER)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "shop",
        "@example.org",
        "shop@",
        "a@b.org, c@d.org",
        "Shop <>",
        "shop@bücher.example",
        "a@b.org\nBcc: c@d.org",
        "=?utf-8?q?a=0ABcc:_c@d.org?= <a@b.org>",
    ],
)
def test_a_wrong_sender_is_a_sentence_that_names_it(sender: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"MAIL_FROM={sender!r} is refused: must be one address")):
        mailer("smtp://127.0.0.1", sender)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("anna@example.org", "a***@example.org"),
        ("a@b", "a***@b"),
        ("anna", "***@anna"),
        ("", "***@"),
        ("a@b@c", "a***@c"),
    ],
)
def test_an_address_is_masked_but_for_its_first_letter_and_its_host(address: str, shown: str) -> None:
    assert masked(address) == shown
