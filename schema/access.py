"""Who may do what: one table of every operation, and as whom each is seen."""

from enum import Enum

from engine.graphql.errors import ProtocolError
from schema.viewers import ANONYMOUS, Unauthenticated, Viewer

SIGN_IN = "Sign in to do this."


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
NOBODY_IN_PARTICULAR = ""
"In place of a user's id: that of somebody who is signed in, whoever it is."

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
        "refreshToken": SIGNED_IN,
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
        "deadLetters": STAFF,
    },
}

PERSONAL = frozenset({"command"})
"Subscriptions that are open to anyone, and yet show something else to each."


def seen_as(viewer: Viewer, field: str) -> Viewer:
    """A viewer without all that a subscription to this field does not depend on.

    Those who come to the same one are shown the same. What anyone may see is seen as by one who is not signed in, what
    staff see as by anybody of that role; everything else is seen by one alone.
    """
    if TABLE["Subscription"][field] is ANYONE and field not in PERSONAL:
        return ANONYMOUS
    return Viewer(NOBODY_IN_PARTICULAR if viewer.is_staff else viewer.user_id, viewer.role)
