"""Money goes through the gateway to its order, and back when the order cannot keep it."""

import pytest

from domain.gateway import ChargePayment, RefundCharge
from domain.order import MarkOrderPaid, RecordRefund
from domain.payment import RefundPayment
from domain.payment_method import PaymentMethod
from domain.settlement import SETTLEMENT, Source
from engine.shapes import Command, Effect
from engine.testing import followed, reactions
from tests.domain.test_order import FROM_CANCELLED, FROM_PAID, FROM_VALIDATED
from tests.domain.test_payment import CREATED, REFUNDED, SUCCEEDED, TOTAL


@pytest.mark.parametrize(
    ("event", "wishes"),
    [
        (
            CREATED,
            [ChargePayment(payment_id="p1", order_number="20300101-7K2M", amount=TOTAL, method=PaymentMethod.CARD)],
        ),
        (SUCCEEDED, [MarkOrderPaid(order_id="o1", payment_id="p1", amount=TOTAL)]),
        (
            FROM_CANCELLED.declined(),
            [RefundPayment(payment_id="p1", reason="The order is cancelled; 12.58 of 12.58 came.")],
        ),
        (
            FROM_PAID.cancelled(payment_id="p1"),
            [RefundPayment(payment_id="p1", reason="The order was cancelled.")],
        ),
        (FROM_VALIDATED.cancelled(), []),
        (
            REFUNDED,
            [
                RefundCharge(payment_id="p1", amount=TOTAL),
                RecordRefund(order_id="o1", payment_id="p1", reason="broken"),
            ],
        ),
    ],
)
def test_each_step_follows_from_the_event_alone(event: Source, wishes: list[Command | Effect]) -> None:
    assert reactions(SETTLEMENT, event) == wishes
    assert followed(SETTLEMENT, event) == SETTLEMENT.initial
    assert SETTLEMENT.key(event) == "o1"
