"""The users: one row per user, with how often they ordered and what they spent."""

from datetime import UTC, datetime

from domain.money import Money
from domain.order_line import OrderLine
from domain.standing import Role, UserStatus
from domain.status import OrderStatus
from domain.user import (
    RoleGranted,
    UserContactChanged,
    UserDeleted,
    UserEmailChanged,
    UserLoggedIn,
    UserPasswordChanged,
    UserRegistered,
    UserReinstated,
    UserRenamed,
    UserSuspended,
)
from engine.shapes import Event, equals, one_of, replace
from engine.testing import NOW, recorded, rows
from readmodels.users import USERS, UserRow, where
from tests.readmodels.examples import cancelled, paid, placed, refunded, shipped, validated

ANN = UserRegistered(user_id="u1", email="ann@example.org", first_name="Ann", last_name="Lee", role=Role.CUSTOMER)
REACHED = UserContactChanged(user_id="u1", phone="+49 30 1234", address="1 Main Street")
SUSPENDED = UserSuspended(user_id="u1", email="ann@example.org", reason="fraud")
DELETED = UserDeleted(user_id="u1", email="ann@example.org")
ORDER = placed()
IN_EUROS = placed("o2", lines=(OrderLine("m3", "Ibuprofen", 2, Money(100, "EUR")),))
ROW = UserRow(
    id="u1",
    email="ann@example.org",
    first_name="Ann",
    last_name="Lee",
    role=Role.CUSTOMER,
    status=UserStatus.ACTIVE,
    phone=None,
    address=None,
    last_login_at=None,
    order_count=0,
    spent={},
    position=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


def row_after(*events: Event) -> UserRow:
    return rows(USERS, ANN, *events)["u1"]


def test_a_registered_user_has_a_row() -> None:
    assert rows(USERS, ANN) == {"u1": ROW}


def test_names_contact_and_email_are_the_latest() -> None:
    renamed = UserRenamed(user_id="u1", first_name="Anna", last_name="Li")
    moved = UserEmailChanged(user_id="u1", email="anna@example.org", previous_email="ann@example.org")
    known = replace(ROW, first_name="Anna", last_name="Li", phone="+49 30 1234", address="1 Main Street")
    assert row_after(renamed, REACHED, moved) == replace(known, email="anna@example.org", position=4, version=4)
    removed = UserContactChanged(user_id="u1", phone=None, address="1 Main Street")
    assert row_after(REACHED, removed) == replace(ROW, address="1 Main Street", position=3, version=3)


def test_a_user_may_be_granted_another_role() -> None:
    granted = RoleGranted(user_id="u1", role=Role.STAFF, previous_role=Role.CUSTOMER)
    assert row_after(granted) == replace(ROW, role=Role.STAFF, position=2, version=2)


def test_a_suspended_user_is_active_again_once_reinstated() -> None:
    assert row_after(SUSPENDED) == replace(ROW, status=UserStatus.SUSPENDED, suspended_at=2, position=2, version=2)
    again = row_after(SUSPENDED, UserReinstated(user_id="u1"))
    assert again == replace(ROW, suspended_at=2, position=3, version=3), "but not for what was signed in before"


def test_the_row_tells_of_the_last_login() -> None:
    registered, first, second = recorded(ANN, UserLoggedIn(user_id="u1"), UserLoggedIn(user_id="u1"))
    monday, tuesday = datetime(2030, 1, 7, 9, tzinfo=UTC), datetime(2030, 1, 8, 9, tzinfo=UTC)
    log = registered, replace(first, recorded_at=monday), replace(second, recorded_at=tuesday)
    assert rows(USERS, *log) == {
        "u1": replace(ROW, last_login_at=tuesday, position=3, version=3, created_at=NOW, updated_at=tuesday)
    }


def test_a_new_password_shows_in_nothing_but_the_version() -> None:
    assert row_after(UserPasswordChanged(user_id="u1")) == replace(ROW, position=2, version=2)


def test_orders_are_counted_when_placed_and_their_money_when_paid() -> None:
    assert row_after(ORDER) == replace(ROW, order_count=1, position=2)
    events = (ORDER, IN_EUROS, validated(ORDER), paid(ORDER), validated(IN_EUROS), paid(IN_EUROS, "p2"))
    assert row_after(*events) == replace(ROW, order_count=2, spent={"USD": 1500, "EUR": 200}, ordered_at=6, position=7)


def test_what_was_refunded_is_not_spent_but_the_order_still_counts() -> None:
    events = (ORDER, validated(ORDER), paid(ORDER), shipped(ORDER), refunded(ORDER, OrderStatus.SHIPPED, "broken"))
    assert row_after(*events[:4]) == replace(ROW, order_count=1, spent={"USD": 1500}, ordered_at=5, position=5)
    assert row_after(*events) == replace(ROW, order_count=1, spent={}, ordered_at=5, position=6)


def test_an_order_cancelled_before_it_was_paid_leaves_what_was_spent() -> None:
    end = cancelled(ORDER, OrderStatus.VALIDATED, "Not paid in time.")
    assert row_after(ORDER, validated(ORDER), end) == replace(ROW, order_count=1, ordered_at=4, position=4)


def test_a_deleted_user_stays_in_the_table_without_what_tells_who_it_was() -> None:
    events = (REACHED, ORDER, validated(ORDER), paid(ORDER), DELETED)
    assert row_after(*events) == replace(
        ROW,
        email="",
        first_name="",
        last_name="",
        phone=None,
        address=None,
        status=UserStatus.DELETED,
        order_count=1,
        spent={"USD": 1500},
        ordered_at=4,
        position=6,
        version=3,
    )


def test_a_refund_reaches_a_deleted_user_too() -> None:
    back = refunded(ORDER, OrderStatus.PAID, "broken")
    row = row_after(ORDER, validated(ORDER), paid(ORDER), DELETED, back)
    assert (row.status, row.email, row.spent, row.position) == (UserStatus.DELETED, "", {}, 6)


def test_what_is_known_of_no_registered_user_makes_no_row() -> None:
    assert rows(USERS, SUSPENDED, REACHED, ORDER, paid(ORDER), UserLoggedIn(user_id="u1"), DELETED) == {}


def test_a_filter_without_conditions_means_every_user() -> None:
    assert where() == ()


def test_every_condition_of_a_filter_must_hold() -> None:
    assert where(ids=["u1"], status=UserStatus.SUSPENDED, role=Role.ADMIN) == (
        one_of("id", ("u1",)),
        equals("status", UserStatus.SUSPENDED),
        equals("role", Role.ADMIN),
    )


def test_an_empty_list_of_ids_means_no_user() -> None:
    assert where(ids=[]) == (one_of("id", ()),)
