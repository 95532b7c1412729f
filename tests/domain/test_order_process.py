"""Orders, payments and stock agree in the end, whatever is sent, delayed, repeated, or lost in a crash."""

from decimal import Decimal
from typing import Any, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.correspondence import CORRESPONDENCE
from domain.fulfilment import FULFILMENT
from domain.mail import ADMINISTRATORS
from domain.medicine import MEDICINE, ChangeMedicinePrice, DiscontinueMedicine, RegisterMedicine
from domain.money import Money
from domain.notices import Told
from domain.order import ORDER, CancelOrder, CompleteOrder, PlaceOrder, ShipOrder
from domain.order_line import OrderLine
from domain.payment import PAYMENT, ProcessPayment, RefundPayment
from domain.payment_method import PaymentMethod
from domain.settlement import SETTLEMENT
from domain.status import OrderStatus, PaymentStatus
from domain.stock import AdjustStock, ReceiveStock, StockRanLow
from domain.user import (
    USER,
    ChangeUserEmail,
    DeleteUser,
    RegisterUser,
    ReinstateUser,
    SuspendUser,
    UserDeleted,
    UserEmailChanged,
    UserRegistered,
    UserSuspended,
)
from engine.shapes import Secret
from tests.domain.ledger import KEPT, Ledger
from tests.memory_shop import Shop

USERS, MEDICINES = ["u1", "u2"], ["m1", "m2", "m3"]
EMAILS = ["ana@example.org", "ANA@example.org", "bob@example.org", "eve@example.org"]
PICK = st.integers(0, 7)
BACK = st.integers(0, 5)
"How many orders ago."
some_user, some_medicine, some_email = (st.sampled_from(each) for each in (USERS, MEDICINES, EMAILS))
some_way_on = st.sampled_from(["ship", "ship", "ship", "complete", "refund", "cancel"])
some_lines = st.dictionaries(some_medicine, st.integers(1, 4), min_size=1)


def has_orders(process: Any) -> bool:
    return bool(process.placed)


class OrderProcess(RuleBasedStateMachine):
    payments: Bundle[str] = Bundle("payments")

    @initialize(stock=st.tuples(*[st.integers(0, 20)] * len(MEDICINES)))
    def open(self, stock: tuple[int, ...]) -> None:
        self.shop = Shop([MEDICINE, USER, ORDER, PAYMENT], [FULFILMENT, SETTLEMENT, CORRESPONDENCE])
        self.ledger, self.read = Ledger(), 0
        self.made, self.placed = 0, list[str]()
        for id, quantity in zip(MEDICINES, stock, strict=True):
            self.shop.send(
                RegisterMedicine(
                    medicine_id=id,
                    name=f"Medicine {id}",
                    generic_name="acid",
                    manufacturer="Bayer",
                    strength="5 mg",
                    price=Money(100 + quantity),
                    stock_quantity=quantity,
                    low_stock_threshold=2,
                )
            )
        for id, email in zip(USERS, ["ana@example.org", "bob@example.org"], strict=True):
            self._register(id, email)

    def _register(self, id: str, email: str) -> None:
        self.shop.send(RegisterUser(user_id=id, email=email, first_name="A", last_name="B", password=Secret("hash")))

    def _id(self, kind: str) -> str:
        self.made += 1
        return f"{kind}{self.made}"

    # ------------------------------------------------------------------ customers and staff

    @rule(user=some_user, lines=some_lines, seconds=st.sampled_from([5, 3600]))
    def place(self, user: str, lines: dict[str, int], seconds: int) -> None:
        id = self._id("o")
        wanted = tuple(
            OrderLine(
                medicine_id=medicine_id,
                name=f"Medicine {medicine_id}",
                quantity=quantity,
                unit_price=self.shop.state(MEDICINE, medicine_id).price,
            )
            for medicine_id, quantity in lines.items()
        )
        email = self.shop.state(USER, user).email
        place = PlaceOrder(order_id=id, code=id, user_id=user, user_email=email, lines=wanted, pay_within=seconds)
        assert self.shop.send(place) is None
        self.placed.append(id)

    def _order(self, back: int) -> str:
        return self.placed[-1 - back % len(self.placed)]

    @precondition(has_orders)
    @rule(
        target=payments,
        back=BACK,
        is_declined=st.booleans(),
        is_stale=st.booleans(),
        off=st.sampled_from([0, 0, 0, 1]),
    )
    def pay(self, back: int, is_declined: bool, is_stale: bool, off: int) -> Any:
        """As the order was when it was looked up, which may be long ago."""
        id, order = self._id("p"), self._order(back)
        found = self.shop.state(ORDER, order)
        refusal = self.shop.send(
            ProcessPayment(
                payment_id=id,
                order_id=order,
                order_number=found.number,
                order_status=OrderStatus.VALIDATED if is_stale and self._was_validated(order) else found.status,
                order_total=found.total,
                user_id=found.user_id,
                amount=Money(found.total.units + off),
                method=PaymentMethod.CARD,
            )
        )
        assert refusal or not off
        if is_declined:
            self.shop.outside.declines.add(id)
        return multiple() if refusal else id

    def _was_validated(self, order: str) -> bool:
        events = [entry.event for entry in self.shop.log if entry.stream == f"order-{order}"]
        return any(getattr(event, "reached", None) is OrderStatus.VALIDATED for event in events)

    @rule(target=payments, user=some_user, lines=some_lines, is_declined=st.sampled_from([False, False, True]))
    def buy(self, user: str, lines: dict[str, int], is_declined: bool) -> Any:
        """Order, wait for the answer, and pay."""
        self.place(user, lines, 60)
        while self.shop.consumers[0].step(0):
            pass
        return self.pay(0, is_declined, False, 0)

    @rule(payment=payments, steps=st.sampled_from([20, 20, 3, 1, 0]), what=some_way_on)
    def go_on_with(self, payment: str, steps: int, what: str) -> None:
        """Perhaps after the money has come, perhaps while it is on its way."""
        order = self.shop.state(PAYMENT, payment).order_id
        for _ in range(steps):
            self.shop.consumers[1].step(0)
        match what:
            case "ship":
                self.shop.send(ShipOrder(order_id=order, tracking_code=None))
            case "complete":
                self.shop.send(CompleteOrder(order_id=order))
            case "refund":
                self.shop.send(RefundPayment(payment_id=payment, reason="broken"))
            case _:
                self.shop.send(CancelOrder(order_id=order, reason="no need", by_staff=True))

    @precondition(has_orders)
    @rule(back=BACK, by_staff=st.booleans())
    def cancel(self, back: int, by_staff: bool) -> None:
        self.shop.send(CancelOrder(order_id=self._order(back), reason="no need", by_staff=by_staff))

    @rule(
        medicine=some_medicine, quantity=st.integers(0, 20), what=st.sampled_from(["receive", "count", "price", "end"])
    )
    def stock(self, medicine: str, quantity: int, what: str) -> None:
        match what:
            case "receive":
                self.shop.send(ReceiveStock(medicine_id=medicine, quantity=quantity + 1))
            case "count":
                self.shop.send(AdjustStock(medicine_id=medicine, quantity=quantity, reason="counted"))
            case "price":
                self.shop.send(ChangeMedicinePrice(medicine_id=medicine, price=Decimal(quantity)))
            case _ if medicine == MEDICINES[0]:
                self.shop.send(DiscontinueMedicine(medicine_id=medicine, reason="old"))

    @rule(user=some_user, email=some_email, what=st.sampled_from(["move", "suspend", "reinstate", "delete", "new"]))
    def look_after(self, user: str, email: str, what: str) -> None:
        match what:
            case "move":
                self.shop.send(ChangeUserEmail(user_id=user, email=email))
            case "suspend":
                self.shop.send(SuspendUser(user_id=user, reason="does not pay"))
            case "reinstate":
                self.shop.send(ReinstateUser(user_id=user))
            case "delete":
                self.shop.send(DeleteUser(user_id=user))
            case _:
                self._register(self._id("u"), email)

    # ------------------------------------------------------------------ time, order and luck

    @rule(seconds=st.sampled_from([1, 5, 60]), picks=st.lists(PICK, max_size=3))
    def let_time_pass(self, seconds: int, picks: list[int]) -> None:
        self.shop.pass_time(seconds)
        for pick in picks:
            self.shop.consumers[0].step(pick)

    @rule(which=st.integers(0, 2), picks=st.lists(PICK, min_size=1, max_size=12))
    def let_one_consumer_go_on(self, which: int, picks: list[int]) -> None:
        """Or be in the middle of something, for as long as nobody lets it go on."""
        for pick in picks:
            self.shop.consumers[which].step(pick)

    @rule(which=st.integers(0, 2), is_saved=st.booleans())
    def save_or_crash(self, which: int, is_saved: bool) -> None:
        consumer = self.shop.consumers[which]
        consumer.save() if is_saved else consumer.crash()

    @precondition(lambda self: self.shop.sent)
    @rule(back=st.integers(1, 30))
    def send_again(self, back: int) -> None:
        command, id = self.shop.sent[-min(back, len(self.shop.sent))]
        was_accepted, before = id in self.shop.answers, len(self.shop.log)
        self.shop.send(command, id)
        assert not was_accepted or len(self.shop.log) == before

    # ------------------------------------------------------------------ what holds

    @invariant()
    def every_event_may_follow_those_before(self) -> None:
        """At every position of the log: see the ledger."""
        if not hasattr(self, "shop"):
            return
        for entry in self.shop.log[self.read :]:
            self.ledger.take(entry.event)
        self.read = len(self.shop.log)
        for id, shelf in self.ledger.shelves.items():
            stock = self.shop.state(MEDICINE, id).stock
            assert (stock.quantity, stock.reserved, stock.reservations) == (
                shelf.quantity,
                sum(shelf.aside.values()),
                shelf.aside,
            )
            assert shelf.told == shelf.crossings
        assert len({effect.payment_id for effect in self.shop.outside.charges.values()}) == len(
            self.shop.outside.charges
        )
        assert len({effect.payment_id for effect in self.shop.outside.refunds.values()}) == len(
            self.shop.outside.refunds
        )

    @rule()
    def settle(self) -> None:
        self.shop.drain()
        self.every_event_may_follow_those_before()
        self._orders_are_settled()
        self._money_is_where_it_belongs()
        self._everybody_was_told_once()
        self._nothing_is_remembered_in_vain()

    def _orders_are_settled(self) -> None:
        aside = self.ledger.aside()
        for id, status in self.ledger.status.items():
            state = self.shop.state(ORDER, id)
            assert state.status is status
            assert status is not OrderStatus.INITIATED
            waits = status in (OrderStatus.VALIDATED, OrderStatus.PAID)
            assert aside.pop(id, {}) == (self.ledger.wanted(id) if waits else {})
            if status is OrderStatus.VALIDATED:
                assert self.ledger.orders[id].pay_before > self.shop.now
            if status is OrderStatus.CANCELLED:
                assert state.payment_id is None
            for medicine_id, quantity in self.ledger.wanted(id).items():
                left = self.ledger.dispatched[medicine_id, id]
                assert left == (quantity if id in self.ledger.shipped else 0)
        assert aside == {}

    def _money_is_where_it_belongs(self) -> None:
        for id, payment in self.ledger.payments.items():
            assert payment.reached is not PaymentStatus.CREATED
            is_kept = self.ledger.paid_by.get(payment.order_id) == id and self.ledger.status[payment.order_id] in KEPT
            assert (payment.reached is PaymentStatus.SUCCEEDED) is is_kept
        revenue = [self.ledger.orders[id].total.units for id, status in self.ledger.status.items() if status in KEPT]
        assert self.shop.outside.balance() == sum(revenue)

    def _everybody_was_told_once(self) -> None:
        addresses: dict[str, str] = {}
        expected: list[str] = []
        for entry in self.shop.log:
            event: Any = entry.event
            if isinstance(event, UserRegistered | UserEmailChanged):
                addresses[event.user_id] = event.email
            if isinstance(event, UserDeleted):
                del addresses[event.user_id]
            if isinstance(event, UserSuspended | StockRanLow):
                expected.append(ADMINISTRATORS)
            elif isinstance(event, get_args(Told)) and event.user_id in addresses:
                expected.append(addresses[event.user_id])
        assert sorted(mail.to for mail in self.shop.outside.mails.values()) == sorted(expected)

    def _nothing_is_remembered_in_vain(self) -> None:
        fulfilment, settlement, correspondence = (consumer.states for consumer in self.shop.consumers)
        waiting = (OrderStatus.VALIDATED, OrderStatus.PAID)
        assert set(fulfilment) == {id for id, status in self.ledger.status.items() if status in waiting}
        assert settlement == {}
        assert set(correspondence) == set(self.ledger.addresses)

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.settle()
            self.shop.pass_time(10_000)
            self.settle()
            assert OrderStatus.VALIDATED not in self.ledger.status.values()


def test_orders_payments_and_stock_agree_in_the_end() -> None:
    effort = settings(max_examples=200, stateful_step_count=50, deadline=None, derandomize=False, print_blob=True)
    run_state_machine_as_test(OrderProcess, settings=effort)
