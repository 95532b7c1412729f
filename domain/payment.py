"""A payment: money for one order, from its attempt to its outcome."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeAlias, assert_never

from domain.money import Money
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus, PaymentStatus
from domain.text import identifier, named, text
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Claim, Command, Erase, Event, Personal, Release, State, replace


class ProcessPayment(Command):
    """`order_…`: what the order was like when it was looked up."""

    payment_id: str
    order_id: str
    order_number: str
    order_status: OrderStatus
    order_total: Money
    user_id: str
    amount: Money
    method: PaymentMethod

    def __post_init__(self) -> None:
        check(identifier("id", self.payment_id))


class ConfirmPayment(Command):
    """The gateway has the money."""

    payment_id: str


class FailPayment(Command):
    """The gateway declined."""

    payment_id: str
    reason: str


class RefundPayment(Command):
    payment_id: str
    reason: str

    def __post_init__(self) -> None:
        check(text("reason", self.reason))


PaymentCommand: TypeAlias = ProcessPayment | ConfirmPayment | FailPayment | RefundPayment


class PaymentStep(Event):
    """What every event of a payment tells, so that nobody has to look it up."""

    payment_id: str
    order_id: str
    order_number: str
    user_id: str
    amount: Money
    reached: ClassVar[PaymentStatus]
    "The status it has from now on."


class PaymentCreated(PaymentStep):
    reached = PaymentStatus.CREATED
    method: PaymentMethod


class PaymentSucceeded(PaymentStep):
    reached = PaymentStatus.SUCCEEDED


class PaymentFailed(PaymentStep):
    reached = PaymentStatus.FAILED
    reason: Personal[str]


class PaymentRefunded(PaymentStep):
    reached = PaymentStatus.REFUNDED
    reason: Personal[str]


PaymentEvent: TypeAlias = PaymentCreated | PaymentSucceeded | PaymentFailed | PaymentRefunded


class Payment(State):
    status: PaymentStatus | None = None
    order_id: str = ""
    order_number: str = ""
    user_id: str = ""
    amount: Money = Money(0)


def decide(payment: Payment, command: PaymentCommand, now: datetime) -> Sequence[PaymentEvent]:
    if isinstance(command, ProcessPayment):
        return _process(payment, command)
    if payment.status is None:
        raise NotFound(f"There is no payment {named(command.payment_id)}.", ["payment_id"])
    return _conclude(payment, payment.status, command)


def _conclude(
    payment: Payment, status: PaymentStatus, command: ConfirmPayment | FailPayment | RefundPayment
) -> Sequence[PaymentEvent]:
    told = _told(command.payment_id, payment)
    event: PaymentEvent
    match command:
        case ConfirmPayment():
            event, needed = PaymentSucceeded(**told), PaymentStatus.CREATED
            is_done = status in (PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED)
        case FailPayment():
            event, needed = PaymentFailed(**told, reason=command.reason), PaymentStatus.CREATED
            is_done = status is PaymentStatus.FAILED
        case RefundPayment():
            event, needed = PaymentRefunded(**told, reason=command.reason), PaymentStatus.SUCCEEDED
            is_done = status is PaymentStatus.REFUNDED
        case _:
            assert_never(command)
    if status is needed:
        return [event]
    if is_done:
        return []
    raise NotAllowedNow(f"The payment is {status.value.lower()}.", status.value)


def _process(payment: Payment, command: ProcessPayment) -> Sequence[PaymentEvent]:
    if payment.status is not None:
        raise AlreadyTaken(f"There is already a payment {named(command.payment_id)}.", ["id"])
    if command.order_status is not OrderStatus.VALIDATED:
        status = command.order_status.value
        raise NotAllowedNow(f"The order is {status.lower()}; only a validated one is paid.", status, ["order_id"])
    if command.amount != command.order_total:
        raise InvalidInput(f"The order comes to {command.order_total}; this is {command.amount}.", ["amount"])
    return [
        PaymentCreated(
            payment_id=command.payment_id,
            order_id=command.order_id,
            order_number=command.order_number,
            user_id=command.user_id,
            amount=command.amount,
            method=command.method,
        )
    ]


def _told(payment_id: str, payment: Payment) -> dict[str, Any]:
    told = {name: getattr(payment, name) for name in ("order_id", "order_number", "user_id", "amount")}
    return {"payment_id": payment_id, **told}


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    match event:
        case PaymentCreated():
            return Payment(
                status=event.reached,
                order_id=event.order_id,
                order_number=event.order_number,
                user_id=event.user_id,
                amount=event.amount,
            )
        case PaymentSucceeded() | PaymentFailed() | PaymentRefunded():
            return replace(payment, status=event.reached)
        case _:
            assert_never(event)


def claims(event: PaymentEvent) -> Sequence[Claim | Release | Erase]:
    """An order has one payment at a time; another may be tried once it has failed."""
    match event:
        case PaymentCreated():
            taken = f"Order {event.order_number} is being paid, or is paid already."
            return [Claim("order_id", event.order_id, taken), Claim("id", event.payment_id)]
        case PaymentFailed():
            return [Release("order_id", event.order_id)]
        case _:
            return []


PAYMENT = Aggregate("payment", identity="payment_id", initial=Payment(), decide=decide, evolve=evolve, claims=claims)
