"""Users: one row per user, with how often they ordered and what they spent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeAlias, assert_never

from domain.order import (
    OrderCancelled,
    OrderCompleted,
    OrderInitiated,
    OrderPaid,
    OrderPaymentDeclined,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
)
from domain.payment import PaymentCreated, PaymentFailed, PaymentRefunded, PaymentSucceeded
from domain.standing import Role, UserStatus
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
from engine.shapes import SEARCH, Conditions, ReadModel, Recorded, Row, equals, one_of, replace, those_given
from readmodels.figures import added

Ordering: TypeAlias = OrderInitiated | OrderPaid | OrderRefunded
Step: TypeAlias = OrderValidated | OrderRejected | OrderPaymentDeclined | OrderShipped | OrderCompleted | OrderCancelled
Paying: TypeAlias = PaymentCreated | PaymentSucceeded | PaymentFailed | PaymentRefunded
Standing: TypeAlias = UserSuspended | UserReinstated | UserDeleted | RoleGranted
Detail: TypeAlias = UserLoggedIn | UserPasswordChanged | UserRenamed | UserContactChanged | UserEmailChanged
Source: TypeAlias = Ordering | Step | Paying | Detail | UserRegistered | Standing


class UserRow(Row):
    id: str
    email: Annotated[str, SEARCH]
    first_name: Annotated[str, SEARCH]
    last_name: Annotated[str, SEARCH]
    role: Role
    status: UserStatus = UserStatus.ACTIVE
    phone: str | None = None
    address: str | None = None
    last_login_at: datetime | None = None
    order_count: int = 0
    spent: dict[str, int] = {}  # noqa: RUF012  # msgspec gives each row its own
    "In hundredths, by currency, without what was refunded."
    ordered_at: int = 0
    "The position of the last event of their orders and payments: who follows a user follows those too."
    suspended_at: int = 0
    "The position of the last suspension. What was signed in before is out for good."


def keys(event: Source) -> tuple[str, ...]:
    return (event.user_id,)


def apply(row: UserRow | None, event: Source, recorded: Recorded) -> UserRow | None:
    if isinstance(event, UserRegistered):
        return UserRow(
            id=event.user_id,
            email=event.email,
            first_name=event.first_name,
            last_name=event.last_name,
            role=event.role,
        )
    if row is None:
        return None
    match event:
        case OrderInitiated() | OrderPaid() | OrderRefunded():
            return _ordered(row, event)
        case UserSuspended() | UserReinstated() | UserDeleted() | RoleGranted():
            return _stands(row, event, recorded.position)
        case OrderValidated() | OrderRejected() | OrderShipped() | OrderCompleted() | OrderCancelled():
            return replace(row, ordered_at=recorded.position)
        case OrderPaymentDeclined() | PaymentCreated() | PaymentSucceeded() | PaymentFailed() | PaymentRefunded():
            return replace(row, ordered_at=recorded.position)
        case UserLoggedIn() | UserPasswordChanged() | UserRenamed() | UserContactChanged() | UserEmailChanged():
            return _detailed(row, event, recorded.recorded_at)
        case _:
            assert_never(event)


def _ordered(row: UserRow, event: Ordering) -> UserRow:
    match event:
        case OrderInitiated():
            return replace(row, order_count=row.order_count + 1)
        case OrderPaid():
            return replace(row, spent=added(row.spent, event.total.currency, event.total.units))
        case OrderRefunded():
            return replace(row, spent=added(row.spent, event.total.currency, -event.total.units))
        case _:
            assert_never(event)


def _stands(row: UserRow, event: Standing, position: int) -> UserRow:
    match event:
        case UserSuspended():
            return replace(row, status=UserStatus.SUSPENDED, suspended_at=position)
        case UserReinstated():
            return replace(row, status=UserStatus.ACTIVE)
        case UserDeleted():
            # What they ordered stays part of the shop's figures; who they were does not.
            nobody = replace(row, email="", first_name="", last_name="", phone=None, address=None)
            return replace(nobody, status=UserStatus.DELETED)
        case RoleGranted():
            return replace(row, role=event.role)
        case _:
            assert_never(event)


def _detailed(row: UserRow, event: Detail, at: datetime) -> UserRow:
    match event:
        case UserLoggedIn():
            return replace(row, last_login_at=at)
        case UserPasswordChanged():
            return row
        case UserRenamed():
            return replace(row, first_name=event.first_name, last_name=event.last_name)
        case UserContactChanged():
            return replace(row, phone=event.phone, address=event.address)
        case UserEmailChanged():
            return replace(row, email=event.email)
        case _:
            assert_never(event)


def where(
    *, ids: Sequence[str] | None = None, status: UserStatus | None = None, role: Role | None = None
) -> Conditions:
    """The users that a filter means: every condition given must hold."""
    return those_given(
        one_of("id", ids),
        equals("status", status),
        equals("role", role),
    )


USERS = ReadModel(
    "users",
    row=UserRow,
    keys=keys,
    apply=apply,
    version=3,
    of="user",
    order=("last_name", "first_name"),
    indexes=("status", "role"),
)
