"""The payment gateway: its rule, its deadline, and what becomes of its outcomes."""

import asyncio
import csv
import re
from pathlib import Path

import pytest

from domain.gateway import ChargePayment, RefundCharge
from domain.money import Money
from domain.payment_method import PaymentMethod
from engine.lane import Manner
from engine.shapes import Command
from ports.gateway import TIMEOUT, Approved, Declined, DeterministicGateway, Outcome, charging, refunding

GATEWAY = DeterministicGateway(delay=0)
REFUND = RefundCharge(payment_id="p1", amount=Money(1999))
each_method = pytest.mark.parametrize("method", PaymentMethod)


class Confirm(Command):
    payment_id: str


class Fail(Command):
    payment_id: str
    reason: str


def charge(units: int, method: PaymentMethod = PaymentMethod.CARD, currency: str = "USD") -> ChargePayment:
    return ChargePayment(payment_id="p1", order_number="2024-1", amount=Money(units, currency), method=method)


class Silent:
    """A gateway that never answers."""

    async def charge(self, wish: ChargePayment) -> Outcome:
        await asyncio.Event().wait()
        return Approved()

    async def refund(self, wish: RefundCharge) -> None:
        await asyncio.Event().wait()


class Broken:
    """A gateway whose own connection fails."""

    async def charge(self, wish: ChargePayment) -> Outcome:
        raise TimeoutError("bank is away")

    async def refund(self, wish: RefundCharge) -> None:
        raise ConnectionError("bank is away")


@each_method
@pytest.mark.parametrize("units", [0, 1, 13, 1312, 1314, 1999, 13_130, 13_13_00, 10**12])
async def test_an_amount_is_approved_however_it_is_paid(units: int, method: PaymentMethod) -> None:
    assert await GATEWAY.charge(charge(units, method)) == Approved()


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (PaymentMethod.CARD, "Card declined."),
        (PaymentMethod.CASH, "Cash not received."),
        (PaymentMethod.TRANSFER, "Transfer not received."),
    ],
)
@pytest.mark.parametrize("units", [13_13, 1_13_13, 20_13_13, 9_999_913_13])
async def test_an_amount_that_ends_in_13_13_is_declined(units: int, method: PaymentMethod, reason: str) -> None:
    assert await GATEWAY.charge(charge(units, method)) == Declined(reason)
    assert await GATEWAY.charge(charge(units, method, "EUR")) == Declined(reason)


@each_method
@pytest.mark.parametrize("units", [1999, 13_13])
async def test_a_repeat_has_the_same_outcome_from_a_gateway_that_remembers_nothing(
    units: int, method: PaymentMethod
) -> None:
    first = await GATEWAY.charge(charge(units, method))
    assert await GATEWAY.charge(charge(units, method)) == first
    assert await DeterministicGateway(delay=0).charge(charge(units, method)) == first


async def test_an_approved_charge_is_confirmed_and_a_declined_one_fails_with_the_reason() -> None:
    perform = charging(GATEWAY, Confirm, Fail)
    assert await perform(charge(1999), "e1") == [Confirm("p1")]
    assert await perform(charge(1999), "e1") == [Confirm("p1")]
    assert await perform(charge(13_13), "e2") == [Fail("p1", "Card declined.")]


async def test_nothing_follows_a_refund_however_often_it_is_asked_for() -> None:
    perform = refunding(GATEWAY)
    assert [await perform(REFUND, "e1"), await perform(REFUND, "e1")] == [[], []]


async def test_a_gateway_that_is_silent_raises_within_the_deadline() -> None:
    said = re.escape("The payment gateway said nothing about payment p1 in 0.01 s.")
    with pytest.raises(TimeoutError, match=said):
        await charging(Silent(), Confirm, Fail, timeout=0.01)(charge(1999), "e1")
    with pytest.raises(TimeoutError, match=said):
        await refunding(Silent(), timeout=0.01)(REFUND, "e1")


def test_a_silent_gateway_is_named_before_the_engine_loses_patience() -> None:
    # Two deadlines at one moment: the engine's would win, and its TimeoutError names nobody.
    assert Manner().timeout > TIMEOUT


async def test_the_artificial_delay_is_waited_for() -> None:
    with pytest.raises(TimeoutError):
        await charging(DeterministicGateway(delay=60), Confirm, Fail, timeout=0.01)(charge(1999), "e1")
    with pytest.raises(TimeoutError):
        await refunding(DeterministicGateway(delay=60), timeout=0.01)(REFUND, "e1")


async def test_what_a_gateway_raises_is_neither_an_outcome_nor_a_silence() -> None:
    with pytest.raises(TimeoutError, match=r"^bank is away$"):
        await charging(Broken(), Confirm, Fail)(charge(1999), "e1")
    with pytest.raises(ConnectionError, match=r"^bank is away$"):
        await refunding(Broken())(REFUND, "e1")


def test_no_single_price_of_the_demo_is_declined_by_accident() -> None:
    with (Path(__file__).parents[2] / "demo" / "catalogue.csv").open(newline="") as file:
        prices = [row["price"] for row in csv.DictReader(file)]
    assert len(prices) > 300
    assert [price for price in prices if price.endswith("13.13")] == []
