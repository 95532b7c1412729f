"""The payment gateway: charges and refunds, each safe to repeat."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar, assert_never

from domain.gateway import ChargePayment, RefundCharge
from domain.payment_method import PaymentMethod
from engine.shapes import Command, Value

T = TypeVar("T")


class Approved(Value):
    """The money is the shop's."""


class Declined(Value):
    """The money stays where it was; the customer may read the reason."""

    reason: str


Outcome: TypeAlias = Approved | Declined


class Gateway(Protocol):
    """Whoever moves the money.

    Both are asked again for the same `payment_id` after a crash or a lost answer. The money must then move no second
    time, and the outcome must be that of the first time. "No" is an outcome; an exception means "ask me again later".
    """

    async def charge(self, wish: ChargePayment) -> Outcome: ...

    async def refund(self, wish: RefundCharge) -> None: ...


DECLINED_ENDING = 13_13
"The last four digits of an amount, in hundredths, that is declined."
REASONS = {
    PaymentMethod.CARD: "Card declined.",
    PaymentMethod.CASH: "Cash not received.",
    PaymentMethod.TRANSFER: "Transfer not received.",
}


class DeterministicGateway:
    """Moves no money: an amount that ends in 13.13 is declined (13.13, 113.13, 2013.13, ...), any other is approved.

    That is so for every method and currency; only the reason differs. One amount in ten thousand ends this way. The
    outcome follows from the wish alone and nothing is kept, so a repeat cannot have another one. `delay` is how many
    seconds an answer takes, so that a person can see a payment wait for it.
    """

    def __init__(self, delay: float = 0.2) -> None:
        self._delay = delay

    async def charge(self, wish: ChargePayment) -> Outcome:
        await asyncio.sleep(self._delay)
        if wish.amount.units % 100_00 == DECLINED_ENDING:
            return Declined(REASONS[wish.method])
        return Approved()

    async def refund(self, wish: RefundCharge) -> None:
        await asyncio.sleep(self._delay)


TIMEOUT = 30.0
"Seconds after which a gateway counts as silent: longer than a bank takes to decide, so that few are asked twice."


async def _answer(asked: Awaitable[T], payment_id: str, seconds: float) -> T:
    """What the gateway says. Raises TimeoutError, naming the payment."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await asked
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise TimeoutError(f"The payment gateway said nothing about payment {payment_id} in {seconds:g} s.") from error


def charging(
    gateway: Gateway,
    approved: Callable[[str], Command],
    declined: Callable[[str, str], Command],
    timeout: float = TIMEOUT,
) -> Callable[[ChargePayment, str], Awaitable[Sequence[Command]]]:
    """What performs ChargePayment: the outcome becomes `approved(payment_id)` or `declined(payment_id, reason)`.

    The gateway recognizes a repeat by the payment's id, so the effect's is not used. Raises what the gateway raises,
    and TimeoutError.
    """

    async def perform(wish: ChargePayment, effect_id: str) -> Sequence[Command]:
        outcome = await _answer(gateway.charge(wish), wish.payment_id, timeout)
        match outcome:
            case Approved():
                return [approved(wish.payment_id)]
            case Declined():
                return [declined(wish.payment_id, outcome.reason)]
            case _:
                assert_never(outcome)

    return perform


def refunding(
    gateway: Gateway, timeout: float = TIMEOUT
) -> Callable[[RefundCharge, str], Awaitable[Sequence[Command]]]:
    """What performs RefundCharge; no command follows. Raises what the gateway raises, and TimeoutError."""

    async def perform(wish: RefundCharge, effect_id: str) -> Sequence[Command]:
        await _answer(gateway.refund(wish), wish.payment_id, timeout)
        return []

    return perform
