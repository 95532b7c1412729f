"""Every operation, with something odd in every place that takes a value: an answer, and never a fault."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLNonNull, get_named_type, is_leaf_type, is_list_type

from schema.permissions import operations
from tests.running import Client, built, opened

SILENT = [("Subscription", "command"), ("Subscription", "events")]
"They say nothing before something happens."
OPERATIONS = [(root, name) for root, name, _ in operations(built()._schema) if (root, name) not in SILENT]
FIELDS = {(root, name): field for root, name, field in operations(built()._schema)}
TEXTS = ["", " ", "\x00", "' OR 1=1 --", "x" * 5000, "event_1", "inventory_", "notification_x", "é🍊\u202e", "-", "a-b"]
NUMBERS = [0, -1, 2**31 - 1]
OTHERS: dict[str, list[Any]] = {
    "Int": NUMBERS,
    "Boolean": [True, False],
    "Decimal": ["0", "-1", "1e400", "1e999999999999999999", "1e-999999999", "0.001", "9999999999.99"],
    "Position": ["0"],  # one that is still to come is waited for
}


def odd(type_: Any, number: int, place: str = "") -> Any:
    """The odd value with a number, where this type is asked for."""
    inner: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if is_list_type(inner):
        return [odd(inner.of_type, number + each, place) for each in range(number % 3)]
    named: Any = get_named_type(inner)
    if isinstance(named, GraphQLEnumType):
        values = list(named.values)
        return values[number % len(values)]
    if isinstance(named, GraphQLInputObjectType):
        return {name: odd(field.type, number + place, name) for place, (name, field) in enumerate(named.fields.items())}
    values = OTHERS.get(named.name, TEXTS)
    if place == "expectedVersion":
        return None
    return values[number % len(values)]


def document(root: str, name: str, number: int) -> tuple[str, dict[str, Any]]:
    field = FIELDS[root, name]
    # A page is asked for from the start or from the end.
    arguments = {key: each for key, each in field.args.items() if key not in ("last", "before")}
    given = {key: odd(each.type, number + place, key) for place, (key, each) in enumerate(arguments.items())}
    declared = ", ".join(f"${key}: {each.type}" for key, each in arguments.items())
    passed = ", ".join(f"{key}: ${key}" for key in arguments)
    head, call = (f"({declared})", f"({passed})") if arguments else ("", "")
    selection = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    return f"{root.lower()}{head} {{ {name}{call} {selection} }}", given


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(world_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Client]]:
    async with opened(tmp_path_factory.mktemp("shop")) as shop:
        yield [await shop.viewer("admin"), await shop.viewer("customer")]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("root", "name"), OPERATIONS)
async def test_nothing_odd_makes_an_operation_fail(root: str, name: str, clients: list[Client]) -> None:
    for number in range(len(TEXTS)):
        query, variables = document(root, name, number)
        for client in clients:
            if root == "Subscription":
                async with client.follow(query, **variables) as stream:
                    text = str(await stream.message())
            else:
                text = (await client.post(query, **variables)).text
            assert "INTERNAL" not in text, (variables, text)
            assert "GRAPHQL_VALIDATION_FAILED" not in text, text
            assert '"code":"UNAVAILABLE"' not in text, (variables, text)
