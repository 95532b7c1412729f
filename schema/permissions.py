"""Who may do what: one table of every operation, and what holds it."""

from collections.abc import Callable, Iterator
from enum import Enum
from functools import wraps
from typing import Any

from graphql import GraphQLField, GraphQLSchema

from engine.graphql.errors import ProtocolError
from schema.context import Info
from schema.viewers import Unauthenticated, Viewer

SIGN_IN = "Sign in to do this."
NOT_YOURS = "This belongs to somebody else."


class Access(Enum):
    """Who an operation is open to. What SIGNED_IN opens is often one's own only: resolvers see to it."""

    ANYONE = "anyone"
    SIGNED_IN = "whoever is signed in"
    STAFF = "staff"
    ADMIN = "administrators"

    def admits(self, viewer: Viewer) -> bool:
        match self:
            case Access.ANYONE:
                return True
            case Access.SIGNED_IN:
                return viewer.is_signed_in
            case Access.STAFF:
                return viewer.is_staff
            case Access.ADMIN:
                return viewer.is_admin

    def check(self, viewer: Viewer) -> None:
        """Raise ProtocolError (UNAUTHENTICATED, FORBIDDEN) for a viewer who may not."""
        if self.admits(viewer):
            return
        if not viewer.is_signed_in:
            raise Unauthenticated(SIGN_IN)
        raise Forbidden(f"Only {self.value} may do this.")


class Forbidden(ProtocolError):
    """The viewer is known, and may not do it."""

    def __init__(self, message: str) -> None:
        super().__init__("FORBIDDEN", message)


ANYONE, SIGNED_IN, STAFF, ADMIN = Access

TABLE: dict[str, dict[str, Access]] = {
    "Query": {
        "node": ANYONE,  # each type's `find` gives only what the viewer may see
        "medicine": ANYONE,
        "medicines": ANYONE,
        "searchMedicines": ANYONE,
        "inventoryItem": STAFF,
        "inventory": STAFF,
        "me": ANYONE,  # null for one who is not signed in
        "user": SIGNED_IN,
        "users": STAFF,
        "order": SIGNED_IN,
        "orders": SIGNED_IN,
        "payment": SIGNED_IN,
        "payments": SIGNED_IN,
        "record": ANYONE,
        "records": ANYONE,
        "recordStatistics": ANYONE,
        "orderStatistics": STAFF,
        "notifications": SIGNED_IN,
        "events": STAFF,
        "command": ANYONE,  # whoever sent it, which one who registers does before signing in
        "projections": STAFF,
        "deadLetters": STAFF,
    },
    "Mutation": {
        "registerMedicine": STAFF,
        "changeMedicinePrice": STAFF,
        "receiveStock": STAFF,
        "adjustStock": STAFF,
        "discontinueMedicine": STAFF,
        "registerUser": ANYONE,
        "updateUserProfile": SIGNED_IN,
        "updateUserContact": SIGNED_IN,
        "changeUserEmail": SIGNED_IN,
        "changeUserPassword": SIGNED_IN,
        "grantRole": ADMIN,
        "suspendUser": ADMIN,
        "reinstateUser": ADMIN,
        "deleteUser": SIGNED_IN,
        "logIn": ANYONE,
        "placeOrder": SIGNED_IN,
        "cancelOrder": SIGNED_IN,
        "shipOrder": STAFF,
        "completeOrder": STAFF,
        "processPayment": SIGNED_IN,
        "refundPayment": STAFF,
        "writeRecord": STAFF,
        "deleteRecord": STAFF,
        "retryDeadLetter": STAFF,
        "discardDeadLetter": STAFF,
    },
    "Subscription": {
        "medicine": ANYONE,
        "medicines": ANYONE,
        "inventoryItem": STAFF,
        "inventory": STAFF,
        "user": SIGNED_IN,
        "users": STAFF,
        "order": SIGNED_IN,
        "orders": SIGNED_IN,
        "payment": SIGNED_IN,
        "payments": SIGNED_IN,
        "record": ANYONE,
        "records": ANYONE,
        "notifications": SIGNED_IN,
        "orderStatistics": STAFF,
        "recordStatistics": ANYONE,
        "events": STAFF,
        "command": ANYONE,
        "projections": STAFF,
    },
}


# ---------------------------------------------------------------- held at the root


def operations(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    """Every root field, with the name of its type and its own."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        for name, field in root.fields.items() if root else ():
            yield root.name if root else "", name, field


def hold(schema: GraphQLSchema) -> None:
    """Let every root field check who asks before it does anything. Raises ValueError for one that the table lacks."""
    for root, name, field in operations(schema):
        access = TABLE.get(root, {}).get(name)
        if access is None:
            raise ValueError(f"schema/permissions.py does not say who may use {root}.{name}; add it to the table.")
        if access is ANYONE:
            continue
        if root == "Subscription":
            field.subscribe = _held(access, field.subscribe)
        else:
            field.resolve = _held(access, field.resolve)


def _held(access: Access, resolve: Callable[..., Any] | None) -> Callable[..., Any]:
    assert resolve is not None

    @wraps(resolve)
    def held(source: Any, info: Any, **arguments: Any) -> Any:
        access.check(info.context.viewer)
        return resolve(source, info, **arguments)

    return held


# ---------------------------------------------------------------- for resolvers


def require_self(info: Info, user_id: str) -> None:
    """Raise ProtocolError (UNAUTHENTICATED, FORBIDDEN) unless the viewer is this user."""
    _require(info, info.context.viewer.user_id == user_id)


def require_self_or_admin(info: Info, user_id: str) -> None:
    """Raise ProtocolError (UNAUTHENTICATED, FORBIDDEN) unless the viewer is this user or an administrator."""
    _require(info, info.context.viewer.user_id == user_id or info.context.viewer.is_admin)


def require_self_or_staff(info: Info, user_id: str | None) -> None:
    """Raise ProtocolError (UNAUTHENTICATED, FORBIDDEN) unless the viewer is this user or staff; None is nobody's."""
    _require(info, info.context.viewer.sees(user_id))


def _require(info: Info, is_allowed: bool) -> None:
    SIGNED_IN.check(info.context.viewer)
    if not is_allowed:
        raise Forbidden(NOT_YOURS)
