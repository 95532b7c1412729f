"""A shop's life, made up: customers who order and pay or do not, staff who ship, price and stock; all from one seed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cli.demo_sending import Person, Sender
from cli.demo_views import View
from engine import clock
from engine.ids import Seeded

Act = Callable[[], Awaitable[None]]
Row = dict[str, Any]

FATES = {
    "completed": 66,
    "never paid": 7,
    "given up": 6,
    "declined": 7,
    "cancelled when paid": 4,
    "refunded": 5,
    "refunded on arrival": 5,
}
"What becomes of an order, and how often."
OVER = {"REJECTED", "CANCELLED", "REFUNDED", "COMPLETED"}
BY_ITSELF = {"VALIDATED", "REJECTED", "PAID", "PAYMENT DECLINED", "CANCELLED", "REFUNDED"}
"Where an order can come to without a command of ours that says so."
DECLINED = "13.13"
"The amount that the built-in gateway declines: an order over just this is one that cannot be paid."
PLENTY = 30
METHODS = ("CARD", "CASH", "TRANSFER")
SCARCE = 8
"What is left of a medicine before a rush on it."
RUSH = 14
"Orders of a rush: more than there is."
LONGEST_RUSH = 5.0
"Seconds after which more comes in any case."
FASTER = 4
"How much faster a rush is than an ordinary hour."
AT_ONCE = 48
"Commands under way at a time."


@dataclass
class Shop:
    """Does one thing after another, at a rate, each with what the followed views show at that moment."""

    staff: Person
    customers: Sequence[Person]
    views: dict[str, View]
    sender: Sender
    random: Seeded
    rate: float
    fates: dict[str, str] = field(default_factory=dict)
    "By order; only those of this run."
    owners: dict[str, Person] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    "How often somebody tried to pay an order."
    open: dict[str, Row] = field(default_factory=dict)
    "The orders that are not over, as they are."
    told: dict[str, str] = field(default_factory=dict)
    "The status of each order of ours that was told last."
    busy: set[str] = field(default_factory=set)
    "What a command is under way for."
    waiting: list[Act] = field(default_factory=list)
    "What comes next, whatever else could be done."
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def live(self, seconds: float) -> None:
        """Do things for so many seconds. Raises what a command raises."""
        began = clock.monotonic()
        rushes = [seconds * part for part in ((0.4,) if seconds < 100 else (0.3, 0.7))]
        while (elapsed := clock.monotonic() - began) < seconds:
            await self.staff.session.connected()
            if rushes and elapsed > rushes[0]:
                rushes.pop(0)
                self._rush()
            rate = self.rate * FASTER if self.waiting else self.rate
            await asyncio.sleep(min(self.random.expovariate(rate), seconds - elapsed))
            if len(self._tasks) < AT_ONCE:
                self._begin(self.waiting.pop(0) if self.waiting else self._chosen())
            _raise_first(self._tasks)

    async def ended(self) -> None:
        """Wait until all that was begun is done. Raises what a command raises."""
        await asyncio.gather(*self._tasks)
        await self.sender.told()

    def note(self, order: Row) -> None:
        """Take in what a frame says of an order."""
        id = order["id"]
        self.open.pop(id, None)
        if order["status"] not in OVER:
            self.open[id] = order
        payment = order["payment"]
        state = "PAYMENT DECLINED" if payment and payment["status"] == "FAILED" else order["status"]
        if id in self.fates and self.told.get(id) != state and state in BY_ITSELF:
            style = "red" if state in ("REJECTED", "PAYMENT DECLINED") else ""
            reason = f": {order['statusReason']}" if order["statusReason"] else ""
            self.sender.story.outcome(f"{_number(order)} is {state}{reason}", style)
            self.told[id] = state

    def _begin(self, act: Act) -> None:
        task = asyncio.ensure_future(act())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._tasks.discard(done) if not done.exception() else None)

    def _chosen(self) -> Act:
        acts = list(self._acts())
        return self.random.choices([act for _, act in acts], [weight for weight, _ in acts])[0]

    def _acts(self) -> Iterator[tuple[float, Act]]:
        """What could be done now, and how likely it is: the more orders wait for a step, the likelier."""
        yield 3.0, self._arrive
        yield 0.2, self._change_a_price
        yield 0.2, self._receive_stock
        steps = ("VALIDATED", self._pay_or_not), ("PAID", self._ship_or_not), ("SHIPPED", self._hand_over)
        for status, step in steps:
            orders = [
                order for id, order in self.open.items() if order["status"] == status and self._is_to_do(id, order)
            ]
            if orders:
                order = self.random.choice(orders)
                yield min(len(orders), 8), lambda order=order, step=step: self._alone(order["id"], step, order)  # type: ignore[misc]

    def _is_to_do(self, id: str, order: Row) -> bool:
        payment = order["payment"]
        is_ours = id in self.owners or order["status"] != "VALIDATED"
        # What follows from a payment or a refund has not come to the order yet.
        passing = {"CREATED", "SUCCEEDED", "REFUNDED"} if order["status"] == "VALIDATED" else {"REFUNDED"}
        is_on_its_way = payment and payment["status"] in passing
        return is_ours and not is_on_its_way and id not in self.busy and self.fates.get(id) != "never paid"

    async def _alone(self, id: str, step: Callable[[Row], Awaitable[None]], order: Row) -> None:
        if id in self.busy:
            return
        self.busy.add(id)
        try:
            await step(order)
        finally:
            self.busy.discard(id)

    # ------------------------------------------------------------ customers

    async def _arrive(self) -> None:
        fate = self.random.choices(list(FATES), list(FATES.values()))[0]
        usual = [each for each in self._for_sale(PLENTY) if each["price"]["amount"] != DECLINED]
        chosen = self.random.sample(usual, min(len(usual), self.random.randint(1, 4)))
        lines = [{"medicineId": each["id"], "quantity": self.random.randint(1, 3)} for each in chosen]
        if fate == "declined":
            dear = [each for each in self._for_sale(1) if each["price"]["amount"] == DECLINED]
            if not dear:
                return await self._price(self.random.choice(usual), DECLINED)
            lines = [{"medicineId": dear[0]["id"], "quantity": 1}]
        if lines:
            await self._order(self.random.choice(self.customers), fate, lines)
        return None

    async def _order(self, customer: Person, fate: str, lines: Sequence[Row]) -> str:
        # A client may choose the id of what is new, and so knows its order before the answer is there.
        id = f"{self.sender.run}-{len(self.fates)}"

        def about() -> str:
            return _number(self.views["orders"].rows.get(id))

        self.fates[id], self.owners[id] = fate, customer
        await self.sender.send(customer, "placeOrder", about, {"id": id, "lines": list(lines)})
        return id

    async def _pay_or_not(self, order: Row) -> None:
        id, owner = order["id"], self.owners[order["id"]]
        tried = self.tried.get(id, 0)
        if self.fates[id] == "given up" or tried == 2:
            reason = "No money came." if tried else "Ordered by mistake."
            await self.sender.send(owner, "cancelOrder", _number(order), {"orderId": id, "reason": reason})
            return
        # Another method than the last time; the built-in gateway declines the amount by any.
        self.tried[id] = tried + 1
        method = METHODS[(len(self.fates) + tried) % len(METHODS)]
        pay = {"orderId": id, "amount": order["total"]["amount"], "method": method}
        await self.sender.send(owner, "processPayment", f"{_number(order)} {method} {pay['amount']}", pay)

    # ------------------------------------------------------------ staff

    async def _ship_or_not(self, order: Row) -> None:
        fate, id = self.fates.get(order["id"]), order["id"]
        if fate == "cancelled when paid":
            reason = {"orderId": id, "reason": "The customer moved away."}
            await self.sender.send(self.staff, "cancelOrder", _number(order), reason)
        elif fate == "refunded":
            await self._refund(order, "Out of date.")
        else:
            ship = {"orderId": id, "trackingCode": f"DEMO-{self.random.randint(1000, 9999)}"}
            await self.sender.send(self.staff, "shipOrder", _number(order), ship)

    async def _hand_over(self, order: Row) -> None:
        if self.fates.get(order["id"]) == "refunded on arrival":
            await self._refund(order, "The box was broken.")
        else:
            await self.sender.send(self.staff, "completeOrder", _number(order), {"orderId": order["id"]})

    async def _refund(self, order: Row, reason: str) -> None:
        refund = {"paymentId": order["payment"]["id"], "reason": reason}
        await self.sender.send(self.staff, "refundPayment", _number(order), refund)

    async def _change_a_price(self) -> None:
        medicine = self.random.choice([each for each in self._for_sale(0) if each["price"]["amount"] != DECLINED])
        change = Decimal(self.random.choice(("0.9", "0.95", "1.05", "1.1")))
        twentieths = (Decimal(medicine["price"]["amount"]) * change * 20).quantize(Decimal(1), ROUND_HALF_UP)
        await self._price(medicine, f"{max(twentieths, Decimal(1)) / 20:.2f}")

    async def _price(self, medicine: Row, price: str) -> None:
        was = medicine["price"]["amount"]
        about = f"{medicine['name']} {was} -> {price}"
        await self.sender.send(self.staff, "changeMedicinePrice", about, {"medicineId": medicine["id"], "price": price})

    async def _receive_stock(self) -> None:
        low = [each for each in self.views["inventory"].rows.values() if each["lowStockAlert"]]
        sold = {each["id"] for each in self._for_sale(0)}
        wanted = [each for each in low if each["medicineId"] in sold]
        if wanted:
            await self._receive(self.random.choice(wanted)["medicineId"], self.random.randint(5, 20) * 10)

    async def _receive(self, medicine_id: str, quantity: int) -> None:
        about = f"{self.views['medicines'].rows[medicine_id]['name']} +{quantity}"
        await self.sender.send(self.staff, "receiveStock", about, {"medicineId": medicine_id, "quantity": quantity})

    # ------------------------------------------------------------ a rush

    def _rush(self) -> None:
        """Everybody wants the same, and there is too little of it; then more of it comes."""
        medicine = self.random.choice(self._for_sale(PLENTY))
        id, name = medicine["id"], medicine["name"]
        self.sender.story.say(f"-- everybody wants {name}, and {SCARCE} are left", "bold yellow")

        async def count() -> None:
            adjust = {"medicineId": id, "quantity": medicine["reservedQuantity"] + SCARCE, "reason": "Counted."}
            await self.sender.send(self.staff, "adjustStock", f"{name} to {adjust['quantity']}", adjust)

        placed: list[str] = []

        async def want() -> None:
            lines = [{"medicineId": id, "quantity": self.random.randint(1, 2)}]
            placed.append(await self._order(self.random.choice(self.customers), "completed", lines))

        async def receive() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_RUSH):
                    while len(placed) < RUSH or any(self._is_undecided(each) for each in placed):
                        await self.views["orders"].changed()
            await self._receive(id, 200)

        self.waiting += [count, *[want] * RUSH, receive]

    def _is_undecided(self, order_id: str) -> bool:
        return self.open.get(order_id, {}).get("status") == "INITIATED"

    def _for_sale(self, least: int) -> list[Row]:
        """Medicines of which at least so many can be ordered."""
        return [
            each
            for each in self.views["medicines"].rows.values()
            if not each["isDiscontinued"]
            and each["price"]["currency"] == "USD"
            and each["stockQuantity"] - each["reservedQuantity"] >= least
        ]


def _number(order: Row | None) -> str:
    """What people call an order by, without its day."""
    return f"#{order['number'].partition('-')[2]}" if order else ""


def _raise_first(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
