"""What a log says about stock, orders, payments and addresses, counted by simpler means than the rules use."""

from collections import Counter
from typing import Any

from domain.contact import same_email
from domain.medicine import MedicineDiscontinued, MedicineRegistered
from domain.order import (
    OrderCancelled,
    OrderInitiated,
    OrderPaid,
    OrderStep,
)
from domain.payment import PaymentCreated, PaymentStep
from domain.status import OrderStatus, PaymentStatus
from domain.stock import StockAdjusted, StockDispatched, StockRanLow, StockReceived, StockReleased, StockReserved
from domain.user import UserDeleted, UserEmailChanged, UserRegistered
from engine.shapes import Event

INITIATED, VALIDATED, REJECTED, PAID, SHIPPED, COMPLETED, CANCELLED, REFUNDED = OrderStatus
KEPT = (PAID, SHIPPED, COMPLETED)
"An order that has the customer's money."
LEGAL = {
    (INITIATED, VALIDATED),
    (INITIATED, REJECTED),
    (INITIATED, CANCELLED),
    (VALIDATED, PAID),
    (VALIDATED, CANCELLED),
    (PAID, SHIPPED),
    (PAID, CANCELLED),
    (PAID, REFUNDED),
    (SHIPPED, COMPLETED),
    (SHIPPED, REFUNDED),
    (COMPLETED, REFUNDED),
    (CANCELLED, REFUNDED),
}


class Shelf:
    """One medicine: how many there are, and how many of them are set aside for which order."""

    def __init__(self, registered: MedicineRegistered) -> None:
        self.quantity = registered.stock_quantity
        self.threshold = registered.low_stock_threshold
        self.aside: dict[str, int] = {}
        self.is_discontinued = False
        self.crossings = self.told = 0

    def take(self, event: Any) -> None:
        before = self._available()
        match event:
            case StockReceived():
                self.quantity += event.quantity
            case StockAdjusted():
                self.quantity = event.stock_quantity
            case StockReserved():
                assert event.order_id not in self.aside
                self.aside[event.order_id] = event.quantity
            case StockReleased() | StockDispatched():
                assert self.aside.pop(event.order_id) == event.quantity
                self.quantity -= event.quantity if isinstance(event, StockDispatched) else 0
            case StockRanLow():
                self.told += 1
                assert event.available_quantity == before
            case MedicineDiscontinued():
                self.is_discontinued = True
            case _:
                pass  # a price, or somebody who got nothing
        assert 0 <= self._available() <= self.quantity
        assert getattr(event, "stock_quantity", self.quantity) == self.quantity
        assert getattr(event, "reserved_quantity", sum(self.aside.values())) == sum(self.aside.values())
        self.crossings += before > self.threshold >= self._available() and not self.is_discontinued

    def _available(self) -> int:
        return self.quantity - sum(self.aside.values())


class Ledger:
    """Takes the events one by one, and asserts of each that it may follow those before."""

    def __init__(self) -> None:
        self.shelves: dict[str, Shelf] = {}
        self.orders: dict[str, OrderInitiated] = {}
        self.status: dict[str, OrderStatus] = {}
        self.paid_by: dict[str, str] = {}
        self.to_refund: set[str] = set()
        self.payments: dict[str, PaymentStep] = {}
        self.shipped: set[str] = set()
        self.dispatched: Counter[tuple[str, str]] = Counter()
        self.addresses: dict[str, str] = {}

    def take(self, event: Event) -> None:
        match event:
            case MedicineRegistered():
                self.shelves[event.medicine_id] = Shelf(event)
            case OrderInitiated():
                assert event.order_id not in self.orders
                self.orders[event.order_id], self.status[event.order_id] = event, INITIATED
            case OrderStep():
                self._order(event)
            case PaymentStep():
                self._payment(event)
            case UserRegistered() | UserEmailChanged() | UserDeleted():
                self._user(event)
            case _ if medicine_id := getattr(event, "medicine_id", None):
                self.shelves[medicine_id].take(event)
                if isinstance(event, StockDispatched):
                    self.dispatched[medicine_id, event.order_id] += event.quantity
            case _:
                pass  # what a user did otherwise

    def _user(self, event: UserRegistered | UserEmailChanged | UserDeleted) -> None:
        if isinstance(event, UserDeleted):
            assert self.addresses.pop(event.user_id) == event.email
            return
        self.addresses[event.user_id] = event.email
        spellings = [same_email(each) for each in self.addresses.values()]
        assert len(set(spellings)) == len(spellings), "one address for two users"

    def _order(self, event: OrderStep) -> None:
        placed = self.orders[event.order_id]
        assert (event.number, event.user_id, event.total) == (placed.number, placed.user_id, placed.total)
        assert event.was is self.status[event.order_id]
        if event.reached is None:
            return
        assert (event.was, event.reached) in LEGAL
        self.status[event.order_id] = event.reached
        if isinstance(event, OrderPaid):
            payment = self.payments[event.payment_id]
            assert (payment.order_id, payment.amount, event.lines) == (event.order_id, placed.total, placed.lines)
            self.paid_by[event.order_id] = event.payment_id
        if isinstance(event, OrderCancelled):
            assert event.payment_id == self.paid_by.get(event.order_id)
        if event.reached is SHIPPED:
            self.shipped.add(event.order_id)

    def _payment(self, event: PaymentStep) -> None:
        before = self.payments.get(event.payment_id)
        assert (before is None) is isinstance(event, PaymentCreated)
        self.payments[event.payment_id] = event
        live = [each for each in self.payments.values() if each.reached is not PaymentStatus.FAILED]
        assert max(Counter(each.order_id for each in live).values(), default=0) <= 1, "two payments of one order"

    def aside(self) -> dict[str, dict[str, int]]:
        """How many of each medicine are set aside, by order."""
        found: dict[str, dict[str, int]] = {}
        for medicine_id, shelf in self.shelves.items():
            for order_id, quantity in shelf.aside.items():
                found.setdefault(order_id, {})[medicine_id] = quantity
        return found

    def wanted(self, order_id: str) -> dict[str, int]:
        return {line.medicine_id: line.quantity for line in self.orders[order_id].lines}
