"""What holds the table of access: every root field asks it before it does anything, and resolvers ask for more."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import GraphQLField, GraphQLSchema

from engine.graphql.guard import Guard
from schema.access import ANYONE, SIGNED_IN, TABLE, Access, Forbidden
from schema.context import Info

NOT_YOURS = "This belongs to somebody else."


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
            raise ValueError(f"schema/access.py does not say who may use {root}.{name}; add it to the table.")
        if access is ANYONE:
            continue
        if root == "Subscription":
            field.subscribe = _held(access, field.subscribe)
        else:
            field.resolve = _held(access, field.resolve)


def _held(access: Access, resolve: Callable[..., Any] | None) -> Guard:
    assert resolve is not None
    return Guard(lambda context: access.check(context.viewer), resolve)


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
