"""The GraphQL API: every file beside this one is a slice of it, and `build` puts them together."""

import sys
from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLArgument, GraphQLObjectType
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from engine.discovery import modules
from engine.graphql.scalars import SCALARS
from schema import permissions

ARGUMENTS = {
    "after": "Only what follows this: a cursor of the list, or for a subscription a position to go on from.",
    "atLeast": "Wait until the read model shows this position, at most READ_TIMEOUT_MS; then STALE_READ.",
    "before": "Only what precedes this cursor.",
    "currency": "The currency to count in: amounts in others are left out.",
    "filter": "Only what meets this.",
    "first": "How many from the start, at most 100; 50 if neither `first` nor `last` is given.",
    "id": "Which one.",
    "input": "What to do.",
    "key": "Which record.",
    "last": "How many from the end, at most 100.",
    "medicineId": "Which medicine.",
    "number": "The order with this number.",
    "orderNumber": "The newest payment for the order with this number.",
    "process": "Only of this process.",
    "prefix": "Only keys that start with this.",
    "text": "Words, or the beginnings of words.",
}
"What arguments mean, wherever they occur; `strawberry.argument(description=...)` says it for one place."


def build() -> strawberry.Schema:
    """The schema: Query, Mutation and Subscription of every slice, merged."""
    slices = modules(sys.modules[__name__])

    def merged(name: str, description: str) -> type[Any]:
        root = merge_types(name, tuple(vars(each)[name] for each in slices if name in vars(each)))
        root.__strawberry_definition__.description = description  # type: ignore[attr-defined]  # set by merge_types
        return root

    built = strawberry.Schema(
        query=merged("Query", "What can be read."),
        mutation=merged("Mutation", "What can be done: each mutation is a command."),
        subscription=merged("Subscription", "What can be followed."),
        types=[type for each in slices for type in vars(each).get("TYPES", ())],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    for name, argument in _arguments(built):
        argument.description = argument.description or ARGUMENTS.get(name)
        if argument.description is None:
            raise ValueError(f"The argument {name!r} has no description; give it one with strawberry.argument.")
    permissions.hold(built._schema)
    return built


def _arguments(built: strawberry.Schema) -> Iterator[tuple[str, GraphQLArgument]]:
    for kind in built._schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                yield from field.args.items()
