"""People are told of what happens in words."""

import pytest

from domain.money import Money
from domain.notices import Notice, NotificationKind, Told, notice
from domain.stock import StockRanLow
from engine.shapes import replace
from tests.domain.test_order import FROM_INITIATED, FROM_PAID, FROM_SHIPPED, FROM_VALIDATED, INITIATED
from tests.domain.test_payment import FAILED, REFUNDED, SUCCEEDED
from tests.domain.test_user import ANA, MOVED, SUSPENDED

RAN_LOW = StockRanLow(medicine_id="m1", name="Aspirin", available_quantity=4, low_stock_threshold=5)
ORDER, PAYMENT = "Order 20300101-7K2M", "Payment for order 20300101-7K2M"
YOUR_ORDER = "Your order 20300101-7K2M"
YOUR_PAYMENT = "Your payment of 12.58 USD for order 20300101-7K2M"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (INITIATED, f"{YOUR_ORDER} over 12.58 USD has come in."),
        (FROM_INITIATED.validated(), f"{YOUR_ORDER} is reserved for you and waits for your payment."),
        (FROM_INITIATED.rejected(), f"{YOUR_ORDER} was rejected: too few"),
        (FROM_VALIDATED.paid(), f"{YOUR_ORDER} is paid."),
        (FROM_PAID.shipped(), f"{YOUR_ORDER} is on its way. Tracking code: T1."),
        (replace(FROM_PAID.shipped(), tracking_code=None), f"{YOUR_ORDER} is on its way."),
        (FROM_SHIPPED.completed(), f"{YOUR_ORDER} is completed."),
        (FROM_VALIDATED.cancelled("Not paid in time."), f"{YOUR_ORDER} was cancelled: Not paid in time."),
        (FROM_PAID.refunded(), f"{YOUR_ORDER} is refunded."),
    ],
)
def test_a_customer_is_told_how_far_the_order_is(event: Told, message: str) -> None:
    assert notice(event) == Notice(NotificationKind.ORDER_STATUS, "u1", ORDER, message)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (SUCCEEDED, f"{YOUR_PAYMENT} has arrived."),
        (FAILED, f"{YOUR_PAYMENT} failed: no funds"),
        (REFUNDED, f"{YOUR_PAYMENT} was refunded: broken"),
        (replace(SUCCEEDED, amount=Money(5, "EUR")), "Your payment of 0.05 EUR for order 20300101-7K2M has arrived."),
    ],
)
def test_a_customer_is_told_what_became_of_the_money(event: Told, message: str) -> None:
    assert notice(event) == Notice(NotificationKind.PAYMENT_STATUS, "u1", PAYMENT, message)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ANA, Notice(NotificationKind.WELCOME, "u1", "Welcome", "Welcome, Ana. Your account is ready.")),
        (
            MOVED,
            Notice(
                NotificationKind.EMAIL_CHANGED,
                "u1",
                "Your email address was changed",
                "Your email address is now ana@example.com; it was Ana@example.org.",
            ),
        ),
        (
            SUSPENDED,
            Notice(
                NotificationKind.USER_SUSPENDED,
                None,
                "A user was suspended",
                "Ana@example.org was suspended: does not pay",
            ),
        ),
        (
            RAN_LOW,
            Notice(
                NotificationKind.LOW_STOCK,
                None,
                "Low stock: Aspirin",
                "4 of Aspirin are left to sell. The threshold is 5.",
            ),
        ),
    ],
)
def test_users_and_administrators_are_told_what_concerns_them(event: Told, expected: Notice) -> None:
    assert notice(event) == expected
