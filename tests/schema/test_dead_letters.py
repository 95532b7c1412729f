"""Dead letters as operators deal with them: through the API and on the command line, with a real mail server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from cli import desk
from engine.deadletters import DiscardDeadLetter, RetryDeadLetter
from engine.faults import Unavailable
from engine.lane import Manner
from tests.ports.test_mail import Mailbox, serving
from tests.running import Shop, opened, settings
from tests.schema.test_medicines import register

LETTERS = "{ deadLetters { process position key attempts isDead retryAt error event { type } } }"
ONCE = Manner(attempts=1)


class Picky(Mailbox):
    """A mail server that does not know everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: set[str] = set()

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def subjects(self, address: str) -> list[str]:
        found = zip(self.recipients, self.mails, strict=True)
        return [str(mail["Subject"]).split()[0] for recipients, mail in found if recipients == [address]]


@asynccontextmanager
async def troubled(folder: Path) -> AsyncIterator[tuple[Shop, Picky]]:
    """A shop whose mails to Ann come back, after she has registered and ordered."""
    mailbox = Picky()
    mailbox.unknown.add("ann@example.org")
    async with serving(mailbox) as port, opened(folder, manner=ONCE, smtp_url=f"smtp://127.0.0.1:{port}") as shop:
        await register(shop, stockQuantity=20)
        for name in ("ann", "bob"):
            customer = await shop.viewer("customer", name)
            lines = [{"medicineId": "aspirin", "quantity": 1}]
            await customer.accepted("placeOrder", id=f"order-of-{name}", lines=lines)
        await shop.drained()
        yield shop, mailbox


async def letters(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await shop.data(LETTERS)
    return found


async def test_what_fails_is_shown_with_what_waits_behind_it_and_nobody_else_waits(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        first, *behind = await letters(shop)
        error = first.pop("error")
        assert "550 No such user" in error
        assert "ann@example.org" not in error
        assert first == {
            "process": "correspondence",
            "position": "2",
            "key": "ann",
            "attempts": 1,
            "isDead": True,
            "retryAt": None,
            "event": {"type": "UserRegistered"},
        }
        assert [(each["event"]["type"], each["attempts"], each["isDead"]) for each in behind] == [
            ("OrderInitiated", 0, False),
            ("OrderValidated", 0, False),
        ]
        assert mailbox.subjects("bob@example.org") == ["Welcome", "Order", "Order"]
        counts = {each["name"]: each["deadLetters"] for each in await shop.data("{ projections { name deadLetters } }")}
        assert {name: count for name, count in counts.items() if count} == {"correspondence": 3}
        order = await shop.data('{ order(id: "order-of-ann") { status } }')
        assert order == {"status": "VALIDATED"}, "what is set aside in one process holds up no other"


async def test_a_retry_does_it_all_in_order_and_says_who_wanted_it(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        mailbox.unknown.clear()
        await shop.accepted("retryDeadLetter", process="correspondence", position="2")
        await shop.drained()
        assert await letters(shop) == []
        assert mailbox.subjects("ann@example.org") == ["Welcome", "Order", "Order"]
        (event,) = (await shop.data('{ events(filter: {types: ["DeadLetterRetried"]}) { nodes { data actorId } } }'))[
            "nodes"
        ]
        assert event == {"data": {"process": "correspondence", "position": 2}, "actorId": shop.user_id}


async def test_what_is_set_aside_is_followed(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        asked = "subscription($process: String) " + LETTERS.replace("deadLetters", "deadLetters(process: $process)", 1)
        mailbox.unknown.clear()
        async with shop.follow(asked) as all_of_them, shop.follow(asked, process="fulfilment") as others:
            assert await all_of_them.next() == await letters(shop)
            assert await others.next() == []
            await shop.accepted("retryDeadLetter", process="correspondence", position="2")
            while await all_of_them.next():
                pass
            await others.stays_silent()
        assert await letters(shop) == []


async def test_a_retry_that_fails_is_a_dead_letter_again(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        before = await letters(shop)
        await shop.accepted("retryDeadLetter", process="correspondence", position="2")
        await shop.drained()
        assert await letters(shop) == before
        assert mailbox.subjects("ann@example.org") == []
        (error,) = await shop.errors("retryDeadLetter", process="correspondence", position=before[1]["position"])
        assert (error["code"], error["state"]) == ("NOT_ALLOWED_NOW", "WAITING")


async def test_what_is_discarded_is_left_undone_and_those_behind_it_go_on(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        mailbox.unknown.clear()
        await shop.accepted("discardDeadLetter", process="correspondence", position="2", reason="She knows.")
        await shop.drained()
        assert await letters(shop) == []
        assert mailbox.subjects("ann@example.org") == ["Order", "Order"]


async def test_only_what_is_set_aside_can_be_dealt_with(tmp_path: Path) -> None:
    async with troubled(tmp_path) as (shop, _):
        for process, position in (("correspondence", "1"), ("fulfilment", "2"), ("nobody", "2"), ("", "9999")):
            (error,) = await shop.errors("retryDeadLetter", process=process, position=position)
            assert (error["code"], error["path"]) == ("NOT_FOUND", ["position"])
        (error,) = await shop.errors("discardDeadLetter", process="correspondence", position="2", reason=" ")
        assert (error["code"], error["path"]) == ("INVALID", ["reason"])
        assert len(await letters(shop)) == 3


async def test_the_command_line_deals_with_them_through_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with troubled(tmp_path) as (shop, mailbox):
        url = f"http://127.0.0.1:{shop.port}/graphql"
        assert await desk.over_http(url, shop.token, None) == 1
        told = capsys.readouterr()
        assert "correspondence 2 UserRegistered of ann: given up\n  1 attempts, MailNotSent: " in told.out
        assert told.err == "3 set aside.\n"
        with pytest.raises(Unavailable, match="has not set the event at position 1 aside"):
            await desk.over_http(url, shop.token, RetryDeadLetter(process="correspondence", position=1))
        with pytest.raises(Unavailable, match="Sign in to do this"):
            await desk.over_http(url, None, None)
        mailbox.unknown.clear()
        discard = DiscardDeadLetter(process="correspondence", position=2, reason="She knows.")
        await desk.over_http(url, shop.token, discard)
        await shop.drained()
        assert await desk.over_http(url, shop.token, None) == 0
        assert mailbox.subjects("ann@example.org") == ["Order", "Order"]


async def test_the_command_line_deals_with_them_without_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    retry = RetryDeadLetter(process="correspondence", position=2)
    async with troubled(tmp_path):
        assert await desk.directly(settings(tmp_path), None) == 1, "looking disturbs nobody"
        with pytest.raises(Unavailable, match="add --url"):
            await desk.directly(settings(tmp_path), retry)
    assert await desk.directly(settings(tmp_path), None) == 1
    with pytest.raises(Unavailable, match="has not set the event at position 1 aside"):
        await desk.directly(settings(tmp_path), RetryDeadLetter(process="correspondence", position=1))
    # Without a mail server mails go into the log, so that this time it works.
    assert await desk.directly(settings(tmp_path), retry) == 0
    assert capsys.readouterr().err.endswith("Nothing is set aside.\n")
