"""Each aggregate against a model of a few lines, with any commands in any order."""

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.medicine import MEDICINE, ChangeMedicinePrice, DiscontinueMedicine, RegisterMedicine
from domain.money import Money
from domain.order import (
    ORDER,
    CancelOrder,
    CompleteOrder,
    ExpireOrder,
    MarkOrderPaid,
    OrderPaymentDeclined,
    PlaceOrder,
    RecordRefund,
    RejectOrder,
    ShipOrder,
    ValidateOrder,
)
from domain.order_line import OrderLine
from domain.payment import PAYMENT, ConfirmPayment, FailPayment, ProcessPayment, RefundPayment
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus
from domain.stock import AdjustStock, DispatchStock, ReceiveStock, ReleaseStock, ReserveStock, StockRanLow
from domain.user import (
    USER,
    ChangeUserEmail,
    DeleteUser,
    LogIn,
    RegisterUser,
    ReinstateUser,
    SuspendUser,
)
from engine.refusals import AlreadyTaken, NotAllowedNow, NotFound, Refusal
from engine.shapes import Command, Secret
from tests.memory_shop import Shop

EFFORT = settings(max_examples=100, stateful_step_count=30, deadline=None, derandomize=False, print_blob=True)


class Machine(RuleBasedStateMachine):
    """A shop of which only the aggregates work."""

    shop: Shop

    def send(self, command: Command) -> tuple[list[Any], type[Refusal] | None]:
        """The events that came of it, and the kind of refusal."""
        before = len(self.shop.log)
        refusal = self.shop.send(command)
        return [entry.event for entry in self.shop.log[before:]], type(refusal) if refusal else None


SPELLINGS = {
    "ana@example.org": "ana",
    "Ana@Example.org": "ana",
    "\uff21na@example.org": "ana",
    "stra\u00dfe@example.org": "straße",
    "STRASSE@example.org": "straße",
    "bob@example.org": "bob",
}
some_user = st.sampled_from(["u1", "u2", "u3"])
some_spelling = st.sampled_from(sorted(SPELLINGS))


class Users(Machine):
    """The model: who has which address, who holds it, and who is suspended."""

    @initialize()
    def nobody(self) -> None:
        self.shop = Shop([USER], [])
        self.spelling: dict[str, str | None] = {}
        self.holders: dict[str, str] = {}
        self.suspended: set[str] = set()

    def _may_act(self, user: str) -> type[Refusal] | None:
        return NotFound if user not in self.spelling else NotAllowedNow if self.spelling[user] is None else None

    def _hold(self, user: str, email: str) -> None:
        self._let_go(user)
        self.spelling[user] = email
        self.holders[SPELLINGS[email]] = user

    def _let_go(self, user: str) -> None:
        self.holders = {address: holder for address, holder in self.holders.items() if holder != user}

    @rule(user=some_user, email=some_spelling)
    def register(self, user: str, email: str) -> None:
        events, refusal = self.send(
            RegisterUser(user_id=user, email=email, first_name="A", last_name="B", password=Secret("hash"))
        )
        is_free = user not in self.spelling and SPELLINGS[email] not in self.holders
        assert (len(events), refusal) == ((1, None) if is_free else (0, AlreadyTaken))
        if is_free:
            self._hold(user, email)

    @rule(user=some_user, email=some_spelling)
    def move(self, user: str, email: str) -> None:
        events, refusal = self.send(ChangeUserEmail(user_id=user, email=email))
        expected = self._may_act(user)
        if not expected and self.holders.get(SPELLINGS[email], user) != user:
            expected = AlreadyTaken
        assert refusal is expected
        if not refusal:
            assert len(events) == (self.spelling[user] != email)
            self._hold(user, email)

    @rule(user=some_user)
    def delete(self, user: str) -> None:
        events, refusal = self.send(DeleteUser(user_id=user))
        assert refusal is (None if user in self.spelling else NotFound)
        assert len(events) == (self.spelling.get(user) is not None)
        if not refusal:
            self._let_go(user)
            self.spelling[user] = None

    @rule(user=some_user, is_on=st.booleans())
    def suspend_or_reinstate(self, user: str, is_on: bool) -> None:
        events, refusal = self.send(
            SuspendUser(user_id=user, reason="does not pay") if is_on else ReinstateUser(user_id=user)
        )
        assert refusal is self._may_act(user)
        if not refusal:
            assert len(events) == (is_on is not (user in self.suspended))
            (self.suspended.add if is_on else self.suspended.discard)(user)

    @rule(user=some_user)
    def log_in(self, user: str) -> None:
        _, refusal = self.send(LogIn(user_id=user))
        assert refusal is (self._may_act(user) or (NotAllowedNow if user in self.suspended else None))

    @invariant()
    def claims_are_held_by_those_who_use_them(self) -> None:
        if hasattr(self, "holders"):
            addresses = [stream for (scope, _), stream in self.shop.claims.items() if scope == "email"]
            assert sorted(addresses) == sorted(f"user-{user}" for user in self.holders.values())
            assert {user: self.shop.state(USER, user).email or None for user in self.spelling} == self.spelling


some_order = st.sampled_from(["o1", "o2", "o3"])
some_quantity = st.integers(1, 8)


class Stock(Machine):
    """The model: how many there are, and how many of them are set aside for whom."""

    @initialize(quantity=st.integers(0, 15), threshold=st.integers(0, 5))
    def register(self, quantity: int, threshold: int) -> None:
        self.shop = Shop([MEDICINE], [])
        self.quantity, self.threshold, self.is_ended = quantity, threshold, False
        self.aside: dict[str, int] = {}
        self.shop.send(
            RegisterMedicine(
                medicine_id="m1",
                name="Aspirin",
                generic_name="acid",
                manufacturer="Bayer",
                strength="5 mg",
                price=Money(100),
                stock_quantity=quantity,
                low_stock_threshold=threshold,
            )
        )

    def _available(self) -> int:
        return self.quantity - sum(self.aside.values())

    def _told(self, command: Command, before: int) -> type[Refusal] | None:
        """Send it; it must tell of low stock exactly when the threshold is crossed. To be called after the change."""
        events, refusal = self.send(command)
        crossed = before > self.threshold >= self._available() and not self.is_ended
        assert [type(event) is StockRanLow for event in events].count(True) == crossed
        return refusal

    @rule(order=some_order, quantity=some_quantity)
    def reserve(self, order: str, quantity: int) -> None:
        before = self._available()
        if order not in self.aside and quantity <= before and not self.is_ended:
            self.aside[order] = quantity
        assert self._told(ReserveStock(medicine_id="m1", order_id=order, quantity=quantity), before) is None

    @rule(order=some_order)
    def release(self, order: str) -> None:
        before = self._available()
        self.aside.pop(order, None)
        assert self._told(ReleaseStock(medicine_id="m1", order_id=order), before) is None

    @rule(order=some_order)
    def dispatch(self, order: str) -> None:
        before = self._available()
        self.quantity -= self.aside.pop(order, 0)
        assert self._told(DispatchStock(medicine_id="m1", order_id=order), before) is None

    @rule(quantity=some_quantity)
    def receive(self, quantity: int) -> None:
        before = self._available()
        self.quantity += 0 if self.is_ended else quantity
        refusal = self._told(ReceiveStock(medicine_id="m1", quantity=quantity), before)
        assert refusal is (NotAllowedNow if self.is_ended else None)

    @rule(quantity=st.integers(0, 15))
    def count(self, quantity: int) -> None:
        before = self._available()
        is_enough = quantity >= sum(self.aside.values())
        self.quantity = quantity if is_enough else self.quantity
        refusal = self._told(AdjustStock(medicine_id="m1", quantity=quantity, reason="counted"), before)
        assert (refusal is None) is is_enough

    @rule(price=st.integers(0, 3))
    def reprice(self, price: int) -> None:
        _, refusal = self.send(ChangeMedicinePrice(medicine_id="m1", price=Decimal(price)))
        assert refusal is (NotAllowedNow if self.is_ended else None)

    @rule(luck=st.integers(0, 3))
    def discontinue(self, luck: int) -> None:
        if luck == 3:
            self.send(DiscontinueMedicine(medicine_id="m1", reason="old"))
            self.is_ended = True

    @invariant()
    def stock_is_what_the_model_says(self) -> None:
        if hasattr(self, "aside"):
            stock = self.shop.state(MEDICINE, "m1").stock
            assert (stock.quantity, stock.reservations) == (self.quantity, self.aside)
            assert stock.reserved == sum(self.aside.values())
            assert stock.reserved + stock.available == stock.quantity
            assert stock.available >= 0


INITIATED, VALIDATED, REJECTED, PAID, SHIPPED, COMPLETED, CANCELLED, REFUNDED = (each.value for each in OrderStatus)
LINE = OrderLine(medicine_id="m1", name="Aspirin", quantity=3, unit_price=Money(419))
STEPS: dict[str, tuple[Command, dict[str, str]]] = {
    "validate": (ValidateOrder(order_id="o1"), {INITIATED: VALIDATED}),
    "reject": (RejectOrder(order_id="o1", reason="few"), {INITIATED: REJECTED}),
    "ship": (ShipOrder(order_id="o1"), {PAID: SHIPPED}),
    "complete": (CompleteOrder(order_id="o1"), {SHIPPED: COMPLETED}),
    "cancel": (
        CancelOrder(order_id="o1", reason="no need", by_staff=False),
        {INITIATED: CANCELLED, VALIDATED: CANCELLED},
    ),
    "cancel by staff": (
        CancelOrder(order_id="o1", reason="no need", by_staff=True),
        {INITIATED: CANCELLED, VALIDATED: CANCELLED, PAID: CANCELLED},
    ),
    "expire": (ExpireOrder(order_id="o1"), {INITIATED: CANCELLED, VALIDATED: CANCELLED}),
}


class Order(Machine):
    """The model: a status, the payment it took, and those it sent back."""

    @initialize()
    def place(self) -> None:
        self.shop = Shop([ORDER], [])
        self.status, self.paid_by = INITIATED, ""
        lines = (LINE,)
        self.shop.send(
            PlaceOrder(order_id="o1", code="A", user_id="u1", user_email="a@b.cc", lines=lines, pay_within=60)
        )

    @rule(name=st.sampled_from(sorted(STEPS)))
    def step(self, name: str) -> None:
        command, ways = STEPS[name]
        events, _ = self.send(command)
        assert len(events) == (self.status in ways)
        self.status = ways.get(self.status, self.status)

    @rule(payment=st.sampled_from(["p1", "p2"]), units=st.sampled_from([1257, 1257, 1256]))
    def pay(self, payment: str, units: int) -> None:
        events, refusal = self.send(MarkOrderPaid(order_id="o1", payment_id=payment, amount=Money(units)))
        assert refusal is None
        if payment == self.paid_by:
            assert events == []
        elif self.status == VALIDATED and units == 1257:
            self.status, self.paid_by = PAID, payment
        else:
            assert [type(event) for event in events] == [OrderPaymentDeclined]

    @rule(payment=st.sampled_from(["p1", "p2"]))
    def refund(self, payment: str) -> None:
        events, refusal = self.send(RecordRefund(order_id="o1", payment_id=payment, reason="broken"))
        goes_back = payment == self.paid_by and self.status != REFUNDED
        assert (len(events), refusal) == (goes_back, None)
        self.status = REFUNDED if goes_back else self.status

    @invariant()
    def the_order_is_where_the_model_is(self) -> None:
        if hasattr(self, "status"):
            order = self.shop.state(ORDER, "o1")
            assert (order.status.value, order.payment_id or "") == (self.status, self.paid_by)
            assert (order.lines, order.total) == ((LINE,), Money(1257))


some_payment = st.sampled_from(["p1", "p2", "p3"])


class Payments(Machine):
    """The model: the status of each payment, and its order."""

    @initialize()
    def none_yet(self) -> None:
        self.shop = Shop([PAYMENT], [])
        self.payments: dict[str, str] = {}
        self.orders: dict[str, str] = {}

    @rule(payment=some_payment, order=st.sampled_from(["o1", "o2"]))
    def process(self, payment: str, order: str) -> None:
        _, refusal = self.send(
            ProcessPayment(
                payment_id=payment,
                order_id=order,
                order_number="1",
                order_status=OrderStatus.VALIDATED,
                order_total=Money(5),
                user_id="u1",
                amount=Money(5),
                method=PaymentMethod.CARD,
            )
        )
        live = [self.orders[id] for id, status in self.payments.items() if status != "FAILED"]
        is_possible = payment not in self.payments and order not in live
        assert refusal is (None if is_possible else AlreadyTaken)
        if is_possible:
            self.payments[payment], self.orders[payment] = "CREATED", order

    @rule(payment=some_payment, what=st.sampled_from(["SUCCEEDED", "FAILED", "REFUNDED"]))
    def conclude(self, payment: str, what: str) -> None:
        command: Command = {
            "SUCCEEDED": ConfirmPayment(payment_id=payment),
            "FAILED": FailPayment(payment_id=payment, reason="no funds"),
            "REFUNDED": RefundPayment(payment_id=payment, reason="broken"),
        }[what]
        events, refusal = self.send(command)
        before = self.payments.get(payment)
        if before is None:
            assert refusal is NotFound
        elif before == ("SUCCEEDED" if what == "REFUNDED" else "CREATED"):
            assert len(events) == 1
            self.payments[payment] = what
        else:
            is_so = before == what or (before, what) == ("REFUNDED", "SUCCEEDED")
            assert (events, refusal) == ([], None if is_so else NotAllowedNow)

    @invariant()
    def payments_are_where_the_model_is(self) -> None:
        if hasattr(self, "payments"):
            assert {id: self.shop.state(PAYMENT, id).status.value for id in self.payments} == self.payments


def test_users_and_their_addresses() -> None:
    run_state_machine_as_test(Users, settings=EFFORT)


def test_the_stock_of_a_medicine() -> None:
    run_state_machine_as_test(Stock, settings=EFFORT)


def test_an_order() -> None:
    run_state_machine_as_test(Order, settings=EFFORT)


def test_the_payments_of_orders() -> None:
    run_state_machine_as_test(Payments, settings=EFFORT)
