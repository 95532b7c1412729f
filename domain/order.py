"""An order: what a customer wants, at the prices of that moment, and how far it has come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias, assert_never

from domain.money import Money
from domain.order_line import OrderLine, amiss, total
from domain.status import OrderStatus
from domain.text import characters, identifier, named, text, whole
from engine.refusals import AlreadyTaken, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Claim, Command, Erase, Event, Personal, Release, State, replace

MOST_SECONDS = 365 * 24 * 3600

UNPAID = (OrderStatus.INITIATED, OrderStatus.VALIDATED)
REFUNDABLE = (OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.COMPLETED, OrderStatus.CANCELLED)


class PlaceOrder(Command):
    order_id: str
    code: str
    "What makes the order's number its own among those of a day."
    user_id: str
    user_email: str
    lines: tuple[OrderLine, ...]
    pay_within: int
    "Seconds after which an unpaid order is cancelled."

    def __post_init__(self) -> None:
        check(identifier("id", self.order_id), whole("pay_within", self.pay_within, 1, MOST_SECONDS), amiss(self.lines))


class ValidateOrder(Command):
    """Everything in it is reserved."""

    order_id: str


class RejectOrder(Command):
    order_id: str
    reason: str


class MarkOrderPaid(Command):
    order_id: str
    payment_id: str
    amount: Money


class ShipOrder(Command):
    order_id: str
    tracking_code: str | None = None

    def __post_init__(self) -> None:
        check(characters("tracking_code", self.tracking_code or "", 100))


class CompleteOrder(Command):
    order_id: str


class CancelOrder(Command):
    order_id: str
    reason: str
    by_staff: bool
    "Only staff may cancel what is paid."

    def __post_init__(self) -> None:
        check(text("reason", self.reason))


class ExpireOrder(Command):
    """The time to pay is over."""

    order_id: str


class RecordRefund(Command):
    """The money of a payment went back."""

    order_id: str
    payment_id: str
    reason: str


Advance: TypeAlias = ValidateOrder | RejectOrder | ShipOrder | CompleteOrder
Withdrawal: TypeAlias = CancelOrder | ExpireOrder | RecordRefund
OrderCommand: TypeAlias = PlaceOrder | MarkOrderPaid | Advance | Withdrawal


class OrderInitiated(Event):
    order_id: str
    number: str
    user_id: str
    user_email: Personal[str]
    lines: tuple[OrderLine, ...]
    total: Money
    pay_before: datetime


class OrderStep(Event):
    """What every later event of an order tells, so that nobody has to look it up."""

    order_id: str
    number: str
    user_id: str
    total: Money
    was: OrderStatus
    "The status it had before."
    reached: ClassVar[OrderStatus | None] = None
    "The status it has from now on, unless it keeps the one it had."


class OrderValidated(OrderStep):
    reached = OrderStatus.VALIDATED


class OrderRejected(OrderStep):
    reached = OrderStatus.REJECTED
    reason: str


class OrderPaid(OrderStep):
    reached = OrderStatus.PAID
    payment_id: str
    lines: tuple[OrderLine, ...]


class OrderPaymentDeclined(OrderStep):
    """A payment came that the order cannot take; it is to go back."""

    payment_id: str
    reason: str


class OrderShipped(OrderStep):
    reached = OrderStatus.SHIPPED
    tracking_code: str | None


class OrderCompleted(OrderStep):
    reached = OrderStatus.COMPLETED


class OrderCancelled(OrderStep):
    reached = OrderStatus.CANCELLED
    reason: Personal[str]
    payment_id: str | None
    "What was paid, and is to go back."


class OrderRefunded(OrderStep):
    reached = OrderStatus.REFUNDED
    payment_id: str
    reason: Personal[str]
    lines: tuple[OrderLine, ...]


OrderEvent: TypeAlias = (
    OrderInitiated
    | OrderValidated
    | OrderRejected
    | OrderPaid
    | OrderPaymentDeclined
    | OrderShipped
    | OrderCompleted
    | OrderCancelled
    | OrderRefunded
)


class Order(State):
    status: OrderStatus | None = None
    number: str = ""
    user_id: str = ""
    lines: tuple[OrderLine, ...] = ()
    total: Money = Money(0)
    payment_id: str | None = None
    tracking_code: str | None = None


def decide(order: Order, command: OrderCommand, now: datetime) -> Sequence[OrderEvent]:
    if isinstance(command, PlaceOrder):
        return _place(order, command, now)
    if order.status is None:
        raise NotFound(f"There is no order {named(command.order_id)}.", ["order_id"])
    match command:
        case CancelOrder() | ExpireOrder() | RecordRefund():
            return _withdraw(order, order.status, command)
        case MarkOrderPaid():
            return _pay(order, order.status, command)
        case ValidateOrder() | RejectOrder() | ShipOrder() | CompleteOrder():
            return _advance(order, order.status, command)
        case _:
            assert_never(command)


def _place(order: Order, command: PlaceOrder, now: datetime) -> Sequence[OrderEvent]:
    if order.status is not None:
        raise AlreadyTaken(f"There is already an order {named(command.order_id)}.", ["id"])
    return [
        OrderInitiated(
            order_id=command.order_id,
            number=f"{now:%Y%m%d}-{command.code}",
            user_id=command.user_id,
            user_email=command.user_email,
            lines=command.lines,
            total=total(command.lines),
            pay_before=now + timedelta(seconds=command.pay_within),
        )
    ]


def _pay(order: Order, status: OrderStatus, command: MarkOrderPaid) -> Sequence[OrderEvent]:
    if order.payment_id == command.payment_id:
        return []
    told = _told(command.order_id, order, status)
    if status is OrderStatus.VALIDATED and command.amount == order.total:
        return [OrderPaid(**told, payment_id=command.payment_id, lines=order.lines)]
    # A fact and not a refusal: the money has come, and what follows from that must not depend on who asked.
    reason = f"The order is {status.value.lower()}; {command.amount.amount} of {order.total.amount} came."
    return [OrderPaymentDeclined(**told, payment_id=command.payment_id, reason=reason)]


def _advance(order: Order, status: OrderStatus, command: Advance) -> Sequence[OrderEvent]:
    told = _told(command.order_id, order, status)
    event: OrderEvent
    match command:
        case ValidateOrder():
            event, needed = OrderValidated(**told), OrderStatus.INITIATED
            is_done = status in (OrderStatus.VALIDATED, OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.COMPLETED)
        case RejectOrder():
            event, needed = OrderRejected(**told, reason=command.reason), OrderStatus.INITIATED
            is_done = status is OrderStatus.REJECTED
        case ShipOrder():
            event, needed = OrderShipped(**told, tracking_code=command.tracking_code), OrderStatus.PAID
            is_done = status is OrderStatus.SHIPPED and command.tracking_code == order.tracking_code
        case CompleteOrder():
            event, needed = OrderCompleted(**told), OrderStatus.SHIPPED
            is_done = status is OrderStatus.COMPLETED
        case _:
            assert_never(command)
    return [event] if status is needed else _already(is_done, status)


def _withdraw(order: Order, status: OrderStatus, command: Withdrawal) -> Sequence[OrderEvent]:
    told = _told(command.order_id, order, status)
    match command:
        case CancelOrder():
            if status in UNPAID or (status is OrderStatus.PAID and command.by_staff):
                return [OrderCancelled(**told, reason=command.reason, payment_id=order.payment_id)]
            return _already(status is OrderStatus.CANCELLED, status)
        case ExpireOrder():
            is_due = status in UNPAID
            return [OrderCancelled(**told, reason="Not paid in time.", payment_id=None)] if is_due else []
        case RecordRefund():
            if status not in REFUNDABLE or order.payment_id != command.payment_id:
                return []  # the payment of an order that never took it
            return [OrderRefunded(**told, payment_id=command.payment_id, reason=command.reason, lines=order.lines)]
        case _:
            assert_never(command)


def _already(done: bool, status: OrderStatus) -> Sequence[OrderEvent]:
    if done:
        return []
    raise NotAllowedNow(f"The order is {status.value.lower()}.", status.value)


def _told(order_id: str, order: Order, was: OrderStatus) -> dict[str, Any]:
    told = {name: getattr(order, name) for name in ("number", "user_id", "total")}
    return {"order_id": order_id, "was": was, **told}


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderInitiated():
            return Order(
                status=OrderStatus.INITIATED,
                number=event.number,
                user_id=event.user_id,
                lines=event.lines,
                total=event.total,
            )
        case OrderPaid():
            return replace(order, status=OrderStatus.PAID, payment_id=event.payment_id)
        case OrderShipped():
            return replace(order, status=OrderStatus.SHIPPED, tracking_code=event.tracking_code)
        case OrderStep():
            return replace(order, status=event.reached or order.status)
        case _:
            assert_never(event)


def claims(event: OrderEvent) -> Sequence[Claim | Release | Erase]:
    return [Claim("id", event.order_id), Claim("number", event.number)] if isinstance(event, OrderInitiated) else []


ORDER = Aggregate("order", identity="order_id", initial=Order(), decide=decide, evolve=evolve, claims=claims)
