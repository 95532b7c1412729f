"""A payment is made once for an order, over its total, and succeeds, fails or is refunded."""

import pytest

from domain.money import Money
from domain.payment import (
    PAYMENT,
    ConfirmPayment,
    FailPayment,
    PaymentCommand,
    PaymentCreated,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    ProcessPayment,
    RefundPayment,
    claims,
)
from domain.payment_method import PaymentMethod
from domain.status import OrderStatus
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound
from engine.shapes import Claim, Release, replace
from engine.testing import given

TOTAL = Money(1258)
PROCESS = ProcessPayment(
    payment_id="p1",
    order_id="o1",
    order_number="20300101-7K2M",
    order_status=OrderStatus.VALIDATED,
    order_total=TOTAL,
    user_id="u1",
    amount=TOTAL,
    method=PaymentMethod.CARD,
)
CREATED = PaymentCreated(
    payment_id="p1",
    order_id="o1",
    order_number="20300101-7K2M",
    user_id="u1",
    amount=TOTAL,
    method=PaymentMethod.CARD,
)
SUCCEEDED = PaymentSucceeded(payment_id="p1", order_id="o1", order_number="20300101-7K2M", user_id="u1", amount=TOTAL)
FAILED = PaymentFailed(
    payment_id="p1", order_id="o1", order_number="20300101-7K2M", user_id="u1", amount=TOTAL, reason="no funds"
)
REFUNDED = PaymentRefunded(
    payment_id="p1", order_id="o1", order_number="20300101-7K2M", user_id="u1", amount=TOTAL, reason="broken"
)

CONFIRM = ConfirmPayment(payment_id="p1")
FAIL = FailPayment(payment_id="p1", reason="no funds")
REFUND = RefundPayment(payment_id="p1", reason="broken")

PATHS: dict[str, tuple[PaymentEvent, ...]] = {
    "created": (CREATED,),
    "succeeded": (CREATED, SUCCEEDED),
    "failed": (CREATED, FAILED),
    "refunded": (CREATED, SUCCEEDED, REFUNDED),
}
NOTHING, REFUSED = "nothing", "refused"
TABLE: dict[PaymentCommand, dict[str, PaymentEvent | str]] = {
    CONFIRM: {"created": SUCCEEDED, "succeeded": NOTHING, "failed": REFUSED, "refunded": NOTHING},
    FAIL: {"created": FAILED, "succeeded": REFUSED, "failed": NOTHING, "refunded": REFUSED},
    REFUND: {"created": REFUSED, "succeeded": REFUNDED, "failed": REFUSED, "refunded": NOTHING},
}


@pytest.mark.parametrize(
    ("path", "command"),
    [(path, command) for command in TABLE for path in PATHS],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_each_step_is_legal_from_some_statuses_only(path: str, command: PaymentCommand) -> None:
    answer = TABLE[command][path]
    decided = given(PAYMENT, *PATHS[path]).when(command)
    if isinstance(answer, str):
        if answer == REFUSED:
            decided.then_refused(NotAllowedNow, state=path.upper(), message=f"The payment is {path}.")
        else:
            decided.then()
    else:
        decided.then(answer)


@pytest.mark.parametrize("command", TABLE, ids=lambda each: type(each).__name__)
def test_nothing_can_be_done_with_a_payment_that_was_never_made(command: PaymentCommand) -> None:
    given(PAYMENT).when(command).then_refused(NotFound, path=("payment_id",), message="There is no payment 'p1'.")


def test_a_payment_of_the_total_of_a_validated_order_is_attempted() -> None:
    given(PAYMENT).when(PROCESS).then(CREATED)


@pytest.mark.parametrize("status", [status for status in OrderStatus if status is not OrderStatus.VALIDATED])
def test_only_a_validated_order_is_paid(status: OrderStatus) -> None:
    given(PAYMENT).when(replace(PROCESS, order_status=status)).then_refused(
        NotAllowedNow,
        state=status.value,
        path=("order_id",),
        message=f"The order is {status.value.lower()}; only a validated one is paid.",
    )


@pytest.mark.parametrize("amount", [Money(1257), Money(1259), Money(0), Money(1258, "EUR")])
def test_a_payment_is_over_the_total_of_its_order(amount: Money) -> None:
    given(PAYMENT).when(replace(PROCESS, amount=amount)).then_refused(
        InvalidInput, path=("amount",), message=f"The order comes to 12.58 USD; this is {amount}."
    )


@pytest.mark.parametrize("path", PATHS)
def test_an_id_is_used_for_one_payment_only(path: str) -> None:
    given(PAYMENT, *PATHS[path]).when(PROCESS).then_refused(AlreadyTaken, path=("id",))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            CREATED,
            [Claim("order_id", "o1", "Order 20300101-7K2M is being paid, or is paid already."), Claim("id", "p1")],
        ),
        (FAILED, [Release("order_id", "o1")]),
        (SUCCEEDED, []),
        (REFUNDED, []),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_order_has_one_payment_until_it_fails(event: PaymentEvent, expected: list[Claim | Release]) -> None:
    assert claims(event) == expected


def test_a_payment_has_an_id_and_a_refund_a_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(PROCESS, payment_id="p 1")
    assert refused.value.path == ("id",)
    with pytest.raises(InvalidInput) as refused:
        replace(REFUND, reason=" ")
    assert refused.value.path == ("reason",)
