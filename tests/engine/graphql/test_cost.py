"""What operations cost, and that those which cost too much never run."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query
from strawberry.schema.config import StrawberryConfig

from engine.graphql.connection import Connection, connect
from engine.graphql.cost import INTROSPECTION, MAX_COST, sized
from engine.graphql.execution import Executor, Request
from engine.graphql.result import Result
from engine.graphql.scalars import SCALARS


@strawberry.type
class Book:
    title: str
    tags: list[str]
    pages: list[str] = strawberry.field(metadata=sized(300))

    @strawberry.field
    def author(self) -> "Author":
        raise AssertionError("nothing of this is to run")

    @strawberry.field
    def parts(self, first: int) -> list["Book"]:
        raise AssertionError("nothing of this is to run")


@strawberry.type
class Author:
    name: str

    @strawberry.field
    def books(self, first: int | None = None, last: int | None = None) -> Connection[Book]:
        raise AssertionError("nothing of this is to run")


@strawberry.type
class Query:
    @strawberry.field
    def books(self, first: int | None = None, last: int | None = None) -> Connection[Book]:
        return connect([], lambda book: book, lambda book: (), has_next=False, has_previous=False, position=1)

    @strawberry.field
    def author(self) -> Author | None:
        return None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self) -> str:
        return "written"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def written(self) -> AsyncGenerator[str, None]:
        yield "one"
        yield "two"


SCHEMA = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))


async def run(query: str, **variables: Any) -> Result:
    return await Executor(SCHEMA).execute(Request(query, variables), None)


async def requested(query: str, **variables: Any) -> int:
    extensions = (await run(query, **variables)).extensions
    assert extensions is not None
    found: int = extensions["cost"]["requested"]
    return found


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 1),
        ("{ author { name } }", 2),
        ("{ a: author { name } b: author { name } }", 4),
        ("{ author { ...F ...F } } fragment F on Author { ... { name } }", 3),
        ("{ author { name @skip(if: true) } }", 2),
        ("{ books { nodes { title } } }", 1 + 50 * 2),
        ("{ books(first: 7) { nodes { title } } }", 1 + 7 * 2),
        ("{ books(last: 7) { nodes { title } } }", 1 + 7 * 2),
        ("{ books(first: 0) { nodes { title } } }", 1),
        ("{ books(first: -1) { nodes { title } } }", 1),
        ("{ books(first: 2000000000) { nodes { title } } }", 1 + 100 * 2),
        ("{ books(first: 7) { nodes { title } edges { node { title } cursor } } }", 1 + 7 * 2 + 7 * 4),
        ("{ books(first: 7) { ...F } } fragment F on BookConnection { ... { nodes { title } } }", 1 + 7 * 2),
        ("{ books(first: 7) { pageInfo { endCursor } position } }", 4),
        ("{ books(first: 7) { nodes { tags } } }", 1 + 7 * 6),
        ("{ books(first: 7) { nodes { pages } } }", 1 + 7 * 301),
        ("{ books(first: 7) { nodes { parts(first: 3) { title } } } }", 1 + 7 * (1 + 3 * 2)),
        ("{ books(first: 7) { nodes { author { books(first: 3) { nodes { title } } } } } }", 1 + 7 * (3 + 3 * 2)),
        ("mutation { write }", 10),
        ("mutation { a: write b: write }", 20),
        ("{ __schema { directives { name } } }", 1 + 5 * 2),
        ('{ __type(name: "Book") { kind ofType { kind ofType { kind } } } }', 2 + 1 + 1),
    ],
)
async def test_an_operation_costs_the_values_that_its_answer_may_hold(query: str, cost: int) -> None:
    assert await requested(query) == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [
        ({"n": 7}, 1 + 7 * 2),
        ({"n": 0}, 1),
        ({"n": -1}, 1),
        ({"n": 10**30}, 1 + 100 * 2),
        ({"n": "7"}, 1 + 100 * 2),
        ({"n": 1e308}, 1 + 100 * 2),
        ({"n": []}, 1 + 100 * 2),
        ({}, 1 + 9 * 2),
        ({"n": None}, 1 + 50 * 2),
    ],
)
async def test_the_size_of_a_page_may_come_with_the_request(variables: dict[str, Any], cost: int) -> None:
    query = "query($n: Int = 9) { books(first: $n) { nodes { title } } }"
    executor = Executor(SCHEMA)
    for _ in range(2):  # the second time from the kept document
        extensions = (await executor.execute(Request(query, variables), None)).extensions
        assert extensions == {"cost": {"requested": cost, "limit": MAX_COST}}


async def test_pages_inside_pages_multiply() -> None:
    query = """query($n: Int, $m: Int) {
      books(first: $n) { nodes { author { books(last: $m) { nodes { title } } } } }
    }"""
    assert await requested(query, n=10, m=20) == 1 + 10 * (1 + 1 + 1 + 20 * 2)
    assert await requested(query, n=1, m=1) == 1 + 1 * (1 + 1 + 1 + 1 * 2)


async def test_what_costs_too_much_is_refused_with_its_cost_and_the_limit_and_does_not_run() -> None:
    query = "query($n: Int) { books(first: $n) { nodes { author { books(first: 100) { nodes { title } } } } } }"
    cost = 1 + 100 * (3 + 100 * 2)
    assert await run(query, n=100) == Result(
        None,
        (
            {
                "message": f"The operation asks for up to {cost} values; at most {MAX_COST} are allowed.",
                "extensions": {"requested": cost, "limit": MAX_COST, "code": "TOO_COMPLEX"},
            },
        ),
        "refused",
        {"cost": {"requested": cost, "limit": MAX_COST}},
    )
    assert (await run(query, n=1)).kind == "executed"


async def test_the_answer_to_wrong_variables_tells_the_cost_too() -> None:
    result = await run("query($n: Int!) { books(first: $n) { nodes { title } } }")
    assert (result.kind, result.extensions) == ("refused", {"cost": {"requested": 101, "limit": MAX_COST}})


async def test_the_operation_that_is_chosen_counts() -> None:
    query = "query A { author { name } } mutation B { write }"
    executor = Executor(SCHEMA)
    for name, cost in (("A", 2), ("B", 10)):
        result = await executor.execute(Request(query, None, name), None)
        assert result.extensions == {"cost": {"requested": cost, "limit": MAX_COST}}


async def test_a_subscription_tells_its_cost_once() -> None:
    stream = await Executor(SCHEMA).subscribe(Request("subscription { written }"), None)
    assert not isinstance(stream, Result)
    assert [result async for result in stream] == [
        Result({"written": "one"}, extensions={"cost": {"requested": 1, "limit": MAX_COST}}),
        Result({"written": "two"}),
    ]


@pytest.mark.parametrize(("size", "uses"), [(1, 2), (100, 1)])
async def test_a_costly_operation_is_compiled_at_its_first_use_any_other_at_its_second(size: int, uses: int) -> None:
    executor = Executor(SCHEMA)
    request = Request(f"{{ books(first: {size}) {{ nodes {{ title tags a: tags b: tags }} }} }}")
    for number in range(1, 4):
        assert (await executor.execute(request, None)).data == {"books": {"nodes": []}}
        operation = executor.plan(request)
        assert not isinstance(operation, Result)
        assert (operation.compiled is not None) == (number >= uses)


ALL = {"specified_by_url": True, "directive_is_repeatable": True, "input_value_deprecation": True}


async def test_the_question_for_the_whole_schema_has_a_limit_by_the_size_of_the_schema() -> None:
    result = await run(get_introspection_query(**ALL))
    assert result.errors == ()
    assert result.extensions is not None
    assert result.extensions["cost"]["limit"] == INTROSPECTION * len(SCHEMA._schema.type_map)


async def test_introspection_beside_something_else_has_the_ordinary_limit() -> None:
    result = await run("{ __schema { types { name } } author { name } }")
    assert result.extensions is not None
    assert result.extensions["cost"]["limit"] == MAX_COST


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "{" + " ".join(f"a{n}: __schema {{ types {{ fields {{ name type {{ name }} }} }} }}" for n in range(30)) + "}",
        "{ __schema {" + " ".join(f"a{n}: types {{ fields {{ args {{ name }} name }} }}" for n in range(90)) + "} }",
    ],
)
async def test_an_introspection_that_repeats_itself_is_refused(query: str) -> None:
    (error,) = (await run(query)).errors
    assert error["extensions"]["code"] in ("TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED")
