"""What `serve --demo` puts into an empty shop: all of it once, whatever interrupts it; into another, nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cli import accounts, importing, seeding
from cli.application import DECLARATIONS, performers
from cli.planning import FATES
from domain.standing import Role
from domain.status import OrderStatus, PaymentStatus
from domain.user import RegisterUser
from engine.app import App
from engine.faults import Unavailable
from engine.feed import LOG
from engine.passwords import Passwords
from engine.shapes import Receipt, Secret
from readmodels.notifications import NOTIFICATIONS
from readmodels.orders import ORDERS
from readmodels.payments import PAYMENTS
from readmodels.users import USERS
from tests.e2e.process import ROOT, run
from tests.running import PATIENCE, settings

CATALOGUE = ROOT / "demo" / "catalogue.csv"


@dataclass
class Filled:
    """A shop with the demo's catalogue."""

    app: App
    folder: Path
    hush: seeding.Hush
    passwords: Passwords

    async def seed(self) -> bool:
        """Fill the shop, if it is one for the demo."""
        if not await seeding.is_demo(self.app):
            return False
        medicines = importing.commands(CATALOGUE)
        await seeding.seed(self.app, settings(self.folder), self.passwords, medicines, self.hush)
        return True

    async def fates(self) -> Counter[tuple[OrderStatus, PaymentStatus | None]]:
        page = await self.app.rows.page(ORDERS, (), limit=100)
        return Counter((row.status, row.payment.status if row.payment else None) for row in page.rows)


@asynccontextmanager
async def filled(folder: Path) -> AsyncIterator[Filled]:
    hush, chosen, passwords = seeding.Hush(), settings(folder), Passwords.cheap()
    async with App.running(chosen, DECLARATIONS, hush.over(performers(chosen))) as app:
        await importing.into(app, CATALOGUE, importing.commands(CATALOGUE))
        yield Filled(app, folder, hush, passwords)
    await passwords.close()


WANTED = {
    (OrderStatus.COMPLETED, PaymentStatus.SUCCEEDED): FATES["completed"],
    (OrderStatus.SHIPPED, PaymentStatus.SUCCEEDED): FATES["shipped"],
    (OrderStatus.PAID, PaymentStatus.SUCCEEDED): FATES["paid"],
    (OrderStatus.VALIDATED, None): FATES["awaiting payment"],
    (OrderStatus.REJECTED, None): FATES["rejected"],
    (OrderStatus.CANCELLED, None): FATES["given up"],
    (OrderStatus.REFUNDED, PaymentStatus.REFUNDED): FATES["cancelled when paid"]
    + FATES["refunded"]
    + FATES["refunded on arrival"],
    (OrderStatus.VALIDATED, PaymentStatus.FAILED): FATES["declined"],
}


async def test_a_seeded_shop_has_accounts_of_all_roles_and_orders_of_every_fate(tmp_path: Path) -> None:
    async with filled(tmp_path) as shop:
        with capture_logs() as lines:
            assert await shop.seed()
        assert await shop.fates() == WANTED
        roles = Counter(row.role for row in (await shop.app.rows.page(USERS, (), limit=100)).rows)
        assert roles == {Role.ADMIN: 1, Role.STAFF: 2, Role.CUSTOMER: 20}
        for account in accounts.EXAMPLES:
            kept = await shop.app.log.secret(f"user-{account.user_id}", "password")
            assert await shop.passwords.verify(kept, accounts.PASSWORD)
        # Nobody was written to, and nothing said so: one notification is one mail that was kept back.
        notified = (await shop.app.rows.page(NOTIFICATIONS, (), limit=1000)).rows
        assert shop.hush.kept == len(notified) > 200
        assert [line for line in lines if line["event"] == "mail"] == []


async def test_a_second_start_seeds_nothing_twice(tmp_path: Path) -> None:
    async with filled(tmp_path) as shop:
        await shop.seed()
        head = shop.app.log.position
    async with filled(tmp_path) as shop:
        assert await shop.seed()
        assert await shop.app.drained()
        assert shop.app.log.position == head


@pytest.mark.parametrize("events", [5, 60, 300, 600])
async def test_an_interrupted_seeding_is_gone_on_with(tmp_path: Path, events: int) -> None:
    async with filled(tmp_path) as shop:
        wanted = shop.app.log.position + events
        task = asyncio.create_task(shop.seed())
        assert await shop.app.feed.reached(LOG, wanted, PATIENCE)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with filled(tmp_path) as shop:
        assert await shop.seed()
        assert await shop.fates() == WANTED
        payments = Counter(row.order_id for row in (await shop.app.rows.page(PAYMENTS, (), limit=100)).rows)
        assert set(payments.values()) == {1}


async def test_a_shop_with_users_of_its_own_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with filled(tmp_path) as shop:
        stranger = RegisterUser(
            user_id="stranger", email="s@example.org", first_name="S", last_name="T", password=Secret("")
        )
        registered = await shop.app.send(stranger, command_id=None, expected_version=None, actor_id=None)
        assert isinstance(registered, Receipt)
        assert not await shop.seed()
        assert shop.app.log.position == registered.position
    assert "this shop has users of its own" in capsys.readouterr().err


async def test_a_seeded_shop_that_got_users_of_its_own_still_is_the_demo(tmp_path: Path) -> None:
    async with filled(tmp_path) as shop:
        await shop.seed()
        stranger = RegisterUser(
            user_id="stranger", email="s@example.org", first_name="S", last_name="T", password=Secret("")
        )
        await shop.app.send(stranger, command_id=None, expected_version=None, actor_id=None)
        assert await shop.seed()


async def test_accounts_whose_password_everybody_knows_are_not_shown_to_others(tmp_path: Path) -> None:
    refused = await run(tmp_path, "serve", "--demo", HOST="0.0.0.0")
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert refused.err.startswith("HOST='0.0.0.0' is refused: the demo's accounts have a password")
    assert list(tmp_path.iterdir()) == []
    async with filled(tmp_path) as shop:
        await seeding.refuse_known_password(shop.app, settings(tmp_path, host="0.0.0.0"), shop.passwords)
        await shop.seed()
        await seeding.refuse_known_password(shop.app, settings(tmp_path, host="::1"), shop.passwords)
        with pytest.raises(Unavailable, match=r"ada@example\.org, whose password everybody knows"):
            await seeding.refuse_known_password(shop.app, settings(tmp_path, host="0.0.0.0"), shop.passwords)


@pytest.mark.parametrize(("host", "is_open"), [("127.0.0.1", False), ("localhost", False), ("::", True), ("a.b", True)])
def test_only_loopback_is_not_open_to_others(host: str, is_open: bool) -> None:
    assert seeding.is_loopback(host) is not is_open
