"""The shop's enumerations in the API: what each of them, and each of their values, means."""

from enum import Enum

import strawberry

from domain.notices import NotificationKind
from domain.payment_method import PaymentMethod
from domain.standing import Role, UserStatus
from domain.status import OrderStatus, PaymentStatus

# Slices take them from here: a type that names one before it is described would get it without.
__all__ = ["NotificationKind", "OrderStatus", "PaymentMethod", "PaymentStatus", "Role", "UserStatus"]


def _describe(kind: type[Enum], description: str, **values: str) -> None:
    """Make an enumeration known to GraphQL. Raises KeyError for a value without a description."""
    strawberry.enum(kind, description=description)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = values[value.name]


_describe(
    Role,
    "What a user may do here.",
    CUSTOMER="Orders and pays for themselves.",
    STAFF="Runs the shop: catalogue, stock, orders and payments of everybody.",
    ADMIN="What staff may, and decides who may what.",
)
_describe(
    UserStatus,
    "Whether a user may do anything.",
    ACTIVE="May sign in.",
    SUSPENDED="May not sign in until reinstated.",
    DELETED="Is gone; what they ordered stays.",
)
_describe(
    OrderStatus,
    "Where an order stands.",
    INITIATED="Placed; its stock is being reserved.",
    VALIDATED="Everything is reserved; it waits for its payment.",
    REJECTED="Too little was left of something.",
    PAID="Paid, and not yet on its way.",
    SHIPPED="On its way.",
    COMPLETED="With the customer.",
    CANCELLED="Given up by the customer, by staff, or because it was not paid in time.",
    REFUNDED="The money went back.",
)
_describe(
    PaymentMethod,
    "How a payment is made.",
    CARD="By card.",
    CASH="In cash.",
    TRANSFER="By bank transfer.",
)
_describe(
    PaymentStatus,
    "Where a payment stands.",
    CREATED="On its way through the gateway.",
    SUCCEEDED="The money has come.",
    FAILED="The gateway declined; another may be tried.",
    REFUNDED="The money went back.",
)
_describe(
    NotificationKind,
    "What a notification is about.",
    WELCOME="A new account.",
    EMAIL_CHANGED="A new email address.",
    USER_SUSPENDED="A suspension, told to the administrators.",
    LOW_STOCK="A medicine that runs low, told to the administrators.",
    ORDER_STATUS="An order's next step.",
    PAYMENT_STATUS="A payment's outcome.",
)
