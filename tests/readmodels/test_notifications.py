"""The notifications: one row for each event that somebody is told of."""

from datetime import timedelta

import pytest

from domain.notices import NotificationKind, Told
from domain.standing import Role
from domain.status import OrderStatus
from domain.stock import StockRanLow
from domain.user import UserEmailChanged, UserRegistered, UserSuspended
from engine.shapes import equals, replace
from engine.testing import NOW, recorded, rows
from readmodels.notifications import NOTIFICATIONS, NotificationRow, where
from tests.readmodels.examples import (
    cancelled,
    completed,
    paid,
    payment_created,
    payment_failed,
    payment_refunded,
    payment_succeeded,
    placed,
    refunded,
    rejected,
    shipped,
    validated,
)

ORDER = placed()
ANN = UserRegistered(user_id="u1", email="u1@example.org", first_name="Ann", last_name="Lee", role=Role.CUSTOMER)
MOVED = UserEmailChanged(user_id="u1", email="ann@example.org", previous_email="u1@example.org")
SUSPENDED = UserSuspended(user_id="u1", email="u1@example.org", reason="fraud")
LOW = StockRanLow(medicine_id="m1", name="Aspirin", available_quantity=5, low_stock_threshold=10)

WELCOME = NotificationRow(
    id="1",
    kind=NotificationKind.WELCOME,
    recipient_id="u1",
    about_id="u1",
    subject="Welcome",
    message="Welcome, Ann. Your account is ready.",
    position=1,
    version=0,
    created_at=NOW,
    updated_at=NOW,
)


def test_each_event_makes_a_notification_of_its_own() -> None:
    first, second = recorded(ANN, validated(ORDER))
    later = NOW + timedelta(days=1)
    assert rows(NOTIFICATIONS, first, replace(second, recorded_at=later)) == {
        "1": WELCOME,
        "2": NotificationRow(
            id="2",
            kind=NotificationKind.ORDER_STATUS,
            recipient_id="u1",
            about_id="o1",
            subject="Order 20300101-o1",
            message="Your order 20300101-o1 is reserved for you and waits for your payment.",
            position=2,
            version=0,
            created_at=later,
            updated_at=later,
        ),
    }


def test_each_says_what_it_is_about() -> None:
    about = [row.about_id for row in rows(NOTIFICATIONS, LOW, SUSPENDED, paid(ORDER)).values()]
    assert about == ["m1", "u1", "o1"]


def test_the_same_told_twice_is_two_notifications() -> None:
    assert list(rows(NOTIFICATIONS, LOW, LOW)) == ["1", "2"]


@pytest.mark.parametrize(
    ("event", "kind", "recipient_id", "message"),
    [
        (ANN, NotificationKind.WELCOME, "u1", "Welcome, Ann. Your account is ready."),
        (
            MOVED,
            NotificationKind.EMAIL_CHANGED,
            "u1",
            "Your email address is now ann@example.org; it was u1@example.org.",
        ),
        (SUSPENDED, NotificationKind.USER_SUSPENDED, None, "u1@example.org was suspended: fraud"),
        (LOW, NotificationKind.LOW_STOCK, None, "5 of Aspirin are left to sell. The threshold is 10."),
        (ORDER, NotificationKind.ORDER_STATUS, "u1", "Your order 20300101-o1 over 15.00 USD has come in."),
        (
            rejected(ORDER, "Too few are left."),
            NotificationKind.ORDER_STATUS,
            "u1",
            "Your order 20300101-o1 was rejected: Too few are left.",
        ),
        (paid(ORDER), NotificationKind.ORDER_STATUS, "u1", "Your order 20300101-o1 is paid."),
        (
            shipped(ORDER, "RR123"),
            NotificationKind.ORDER_STATUS,
            "u1",
            "Your order 20300101-o1 is on its way. Tracking code: RR123.",
        ),
        (completed(ORDER), NotificationKind.ORDER_STATUS, "u1", "Your order 20300101-o1 is completed."),
        (
            cancelled(ORDER, OrderStatus.VALIDATED, "Not paid in time."),
            NotificationKind.ORDER_STATUS,
            "u1",
            "Your order 20300101-o1 was cancelled: Not paid in time.",
        ),
        (
            refunded(ORDER, OrderStatus.PAID, "broken"),
            NotificationKind.ORDER_STATUS,
            "u1",
            "Your order 20300101-o1 is refunded.",
        ),
        (
            payment_succeeded(ORDER),
            NotificationKind.PAYMENT_STATUS,
            "u1",
            "Your payment of 15.00 USD for order 20300101-o1 has arrived.",
        ),
        (
            payment_failed(ORDER, "card expired"),
            NotificationKind.PAYMENT_STATUS,
            "u1",
            "Your payment of 15.00 USD for order 20300101-o1 failed: card expired",
        ),
        (
            payment_refunded(ORDER, "broken"),
            NotificationKind.PAYMENT_STATUS,
            "u1",
            "Your payment of 15.00 USD for order 20300101-o1 was refunded: broken",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_is_told_what(event: Told, kind: NotificationKind, recipient_id: str | None, message: str) -> None:
    row = rows(NOTIFICATIONS, event)["1"]
    assert (row.kind, row.recipient_id, row.message) == (kind, recipient_id, message)


def test_nobody_is_told_of_what_they_just_did_themselves() -> None:
    assert rows(NOTIFICATIONS, payment_created(ORDER)) == {}


def test_the_notifications_of_one_person_can_be_chosen() -> None:
    assert where(recipient_id="u1") == (equals("recipient_id", "u1"),)
    assert where() == ()
