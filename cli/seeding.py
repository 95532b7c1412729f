"""What `serve --demo` puts into an empty shop: accounts and a day of orders, by the commands that the API sends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import click

from cli import accounts
from cli.planning import DECLINED, Planned, planned
from cli.settings import ShopSettings
from domain.contact import same_email
from domain.mail import SendMail
from domain.medicine import ChangeMedicinePrice, RegisterMedicine
from domain.order import CancelOrder, CompleteOrder, PlaceOrder, ShipOrder
from domain.order_line import OrderLine
from domain.payment import ProcessPayment, RefundPayment
from domain.record import RECORD, WriteRecord
from domain.standing import Role
from domain.user import RegisterUser
from engine import ids
from engine.app import App
from engine.faults import Unavailable
from engine.history import Matching
from engine.passwords import Passwords
from engine.refusals import Refusal
from engine.shapes import Command, Effect, Secret
from engine.wishes import Performer
from readmodels.medicines import MEDICINES, MedicineRow
from readmodels.orders import ORDERS, OrderRow

MARK = "demo"
"The record that says that all of it is there."
PATIENCE = 60.0
"Seconds that the shop gets to take each step of all orders."
UNPAID = {"awaiting payment", "rejected", "given up"}
SENT = {"completed", "shipped", "refunded on arrival"}


# ---------------------------------------------------------------- who may be let in


def refuse_elsewhere(settings: ShopSettings) -> None:
    """Raise Unavailable where others than those at this machine could use a password that everybody knows."""
    if not is_loopback(settings.host):
        raise Unavailable(
            f"HOST={settings.host!r} is refused: the demo's accounts have a password that everybody knows, "
            "so it listens on loopback only, 127.0.0.1 for example."
        )


async def refuse_known_password(app: App, settings: ShopSettings, passwords: Passwords) -> None:
    """Raise Unavailable when others could use one of the demo's accounts that may do more than buy."""
    if is_loopback(settings.host):
        return
    for account in (accounts.ADMINISTRATOR, *accounts.STAFF):
        stream = await app.log.claimant("email", same_email(account.email))
        kept = await app.log.secret(stream, "password") if stream else None
        if kept and await passwords.verify(kept, accounts.PASSWORD):
            raise Unavailable(
                f"{settings.log_name} holds the demo's account {account.email}, whose password everybody knows, and "
                f"HOST={settings.host!r} is open to others. Delete such accounts first, or use another log."
            )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


# ---------------------------------------------------------------- the seeding


@dataclass
class Hush:
    """Keeps mail back while the shop is filled: nobody is to be written to about what is made up."""

    is_on: bool = False
    kept: int = 0

    def over(self, performers: Mapping[type[Effect], Performer]) -> Mapping[type[Effect], Performer]:
        send = performers[SendMail]

        async def mail(wish: Any, effect_id: str) -> Sequence[Command]:
            if not self.is_on:
                return await send(wish, effect_id)
            self.kept += 1
            return []

        return {**performers, SendMail: mail}

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False


async def is_demo(app: App) -> bool:
    """Whether this shop is the demo's, or nobody's yet. It is told on stderr when it has users of its own."""
    if await _is_seeded(app) or await _is_nobodys(app):
        return True
    click.echo("No demo accounts and orders: this shop has users of its own, and they stay by themselves.", err=True)
    return False


async def seed(
    app: App, settings: ShopSettings, passwords: Passwords, catalogue: Sequence[RegisterMedicine], hush: Hush
) -> None:
    """Fill the demo's shop, unless that was done before; what an earlier start began is gone on with.

    Raises Unavailable when it takes too long.
    """
    if not await _is_seeded(app):
        with hush.keeping():
            await Seeding(app, settings.payment_minutes * 60, catalogue).run(await passwords.hash(accounts.PASSWORD))


async def _is_seeded(app: App) -> bool:
    return bool((await app.history.page(Matching(stream=RECORD.stream(MARK)), limit=1)).events)


async def _is_nobodys(app: App) -> bool:
    """Whether all users are the demo's. Asked of the log, which does not have to catch up."""
    known = {account.user_id for account in accounts.ALL}
    page = await app.history.page(Matching(types=("UserRegistered",)), limit=len(known) + 1)
    return all(getattr(each.event, "user_id", None) in known for each in page.events)


@dataclass
class Seeding:
    """One filling. Every command is known by a fixed name, so that a repeat has no second effect."""

    app: App
    pay_within: int
    catalogue: Sequence[RegisterMedicine]
    refused: list[str] = field(default_factory=list)

    async def run(self, hash: str) -> None:
        dear, orders = planned(self.catalogue)
        await self._all(self._register(account, hash) for account in accounts.ALL)
        clerk = accounts.STAFF[0]
        await self._send(f"price {dear}", clerk, ChangeMedicinePrice(medicine_id=dear, price=DECLINED))
        await self._done()
        medicines = await self.app.rows.load(MEDICINES, sorted({id for each in orders for id, _ in each.wants}))
        await self._step(orders, lambda each, _: self._place(each, medicines))
        for step in (self._pay, self._send_or_end, self._arrive):
            await self._step(orders, step)
        told = f"{len(orders)} orders of {len(accounts.CUSTOMERS)} customers."
        await self._send("mark", clerk, WriteRecord(key=MARK, value=told))
        click.echo(f"{told[:-1]} seeded.", err=True)

    async def _step(
        self, orders: Sequence[Planned], step: Callable[[Planned, OrderRow | None], Awaitable[None]]
    ) -> None:
        """Take one step of every order, and wait for all that follows from it."""
        rows = await self.app.rows.load(ORDERS, [each.order_id for each in orders])
        await self._all(step(each, rows.get(each.order_id)) for each in orders)
        await self._done()

    async def _all(self, steps: Iterable[Awaitable[None]]) -> None:
        await asyncio.gather(*steps)

    async def _done(self) -> None:
        if not await self.app.drained(timeout=PATIENCE):
            raise Unavailable(f"The demo was not ready within {PATIENCE:g} s; start it again, and it goes on.")

    # ------------------------------------------------------------ the steps

    async def _register(self, account: accounts.Account, hash: str) -> None:
        command = RegisterUser(
            user_id=account.user_id,
            email=account.email,
            first_name=account.first_name,
            last_name=account.last_name,
            password=Secret(hash),
            role=Role[account.role],
        )
        await self._send(f"account {account.user_id}", account, command)

    async def _place(self, order: Planned, medicines: Mapping[str, MedicineRow]) -> None:
        lines = [(medicines[id], quantity) for id, quantity in order.wants if id in medicines]
        command = PlaceOrder(
            order_id=order.order_id,
            code=ids.code(order.order_id),
            user_id=order.customer.user_id,
            user_email=order.customer.email,
            lines=tuple(
                OrderLine(medicine_id=each.id, name=each.name, quantity=quantity, unit_price=each.price)
                for each, quantity in lines
            ),
            pay_within=self.pay_within,
        )
        await self._send(f"place {order.number}", order.customer, command)

    async def _pay(self, order: Planned, row: OrderRow | None) -> None:
        if order.fate == "given up":
            command = CancelOrder(order_id=order.order_id, reason="Ordered by mistake.", by_staff=False)
            await self._send(f"cancel {order.number}", order.customer, command)
        if row is None or order.fate in UNPAID:
            return
        payment = ProcessPayment(
            payment_id=order.payment_id,
            order_id=row.id,
            order_number=row.number,
            order_status=row.status,
            order_total=row.total,
            user_id=row.user_id,
            amount=row.total,
            method=order.method,
        )
        await self._send(f"pay {order.number}", order.customer, payment)

    async def _send_or_end(self, order: Planned, row: OrderRow | None) -> None:
        clerk = accounts.STAFF[order.number % len(accounts.STAFF)]
        if order.fate in SENT:
            await self._send(
                f"ship {order.number}",
                clerk,
                ShipOrder(order_id=order.order_id, tracking_code=f"DEMO-{order.number:03}"),
            )
        elif order.fate == "refunded":
            await self._refund(order, clerk, "Out of date.")
        elif order.fate == "cancelled when paid":
            command = CancelOrder(order_id=order.order_id, reason="The customer moved away.", by_staff=True)
            await self._send(f"cancel {order.number}", clerk, command)

    async def _arrive(self, order: Planned, row: OrderRow | None) -> None:
        clerk = accounts.STAFF[order.number % len(accounts.STAFF)]
        if order.fate in SENT - {"shipped"}:
            await self._send(f"complete {order.number}", clerk, CompleteOrder(order_id=order.order_id))
        if order.fate == "refunded on arrival":
            await self._refund(order, clerk, "The box was broken.")

    async def _refund(self, order: Planned, clerk: accounts.Account, reason: str) -> None:
        await self._send(f"refund {order.number}", clerk, RefundPayment(payment_id=order.payment_id, reason=reason))

    async def _send(self, name: str, actor: accounts.Account, command: Command) -> None:
        """Send a command under its name. A refusal is what an interrupted start can leave: an order that expired."""
        outcome = await self.app.send(
            command, command_id=f"demo-seed {name}", expected_version=None, actor_id=actor.user_id, said=name
        )
        if isinstance(outcome, Refusal):
            self.refused.append(outcome.message)
