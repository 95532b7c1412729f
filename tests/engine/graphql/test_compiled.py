"""Compiled operations on a small schema: what goes wrong anywhere goes as wrong as without a plan, and runs once."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import strawberry
from structlog.testing import capture_logs

from engine.graphql.compiled import plan as plans
from engine.graphql.execution import Executor, Request
from engine.graphql.guard import Guard
from engine.graphql.result import Result
from tests.engine.graphql import odd_toy
from tests.engine.graphql.both_ways import BothWays, plain
from tests.engine.graphql.odd_toy import GIVEN, SCHEMA, Bolt, Colour, Context, Leaves, Nut, Screw, leaves

LEAVES = """
    text number ratio flag name colour place amount at anything maybeText maybeColour maybeAt texts maybeTexts grid
    thing { __typename id ... on Bolt { length } ... on Nut { width } }
    things { id ...Nuts }
    part { __typename ... on Bolt { id length } ... on Screw { pitch } }
    inner { number inner { text } }
    bolts { id length }
"""
NUTS = "fragment Nuts on Nut { width }"
ALL = f"{{ leaves {{ {LEAVES} }} }} {NUTS}"


async def same(query: str, variables: dict[str, Any] | None = None, *, is_compiled: bool = True) -> Any:
    """The answer of an operation, which is the same both ways, after the same calls."""
    ways, request = BothWays(SCHEMA), Request(query, variables)
    contexts: list[Context] = []

    def context() -> Context:
        contexts.append(Context())
        return contexts[-1]

    with capture_logs():
        ordinary, compiled = await ways.answers(request, context)
    assert compiled == ordinary
    assert contexts[1].ran == contexts[0].ran
    assert (ways.compiled == 1) is is_compiled
    return json.loads(compiled)


async def test_everything_plain_is_answered_by_the_plan_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    GIVEN[:] = [leaves(inner=leaves(number=2))]
    expected = (await same(ALL))["data"]["leaves"]
    executor, request = Executor(SCHEMA), Request(ALL)
    await executor.execute(request, Context())
    monkeypatch.setattr(executor, "_build", None)
    result = await executor.execute(request, Context())
    assert result.data == {"leaves": expected}
    assert expected["colour"] == "LEAF"
    assert " ".join(expected) == (
        "text number ratio flag name colour place amount at anything maybeText maybeColour maybeAt texts maybeTexts "
        "grid thing things part inner bolts"
    )


ODD: dict[str, list[Any]] = {
    "text": [None, 1, 1.5, True, b"bytes", "\ud800", Colour.RED, ValueError("as a value"), object()],
    "number": [None, True, 2**31, -(2**31) - 1, 1.0, 1.5, "12", "x", Decimal(3), float("nan")],
    "ratio": [None, 3, True, float("inf"), float("nan"), "1.5", "x", Decimal("0.1")],
    "flag": [None, 0, 1, "true", 0.0, [], float("nan")],
    "name": [None, 7, 1.0, 1.5, True, object()],
    "colour": [None, "r", "g", "RED", 1, Bolt],
    "place": [None, "12", -1, ValueError("as a value")],
    "amount": [None, 1, "x", Decimal("NaN"), Decimal("1E+3")],
    "at": [None, "2026-01-01", date(2026, 1, 1), 0],
    "anything": [None, [], {"a": float("nan")}, 2**70, {1: 2}, object(), "\ud800", {"deep": [[[None]]]}],
    "maybe_text": [1, "given"],
    "maybe_colour": [Colour.RED, "x"],
    "maybe_at": [odd_toy.AT, "x"],
    "texts": [None, (), ("a",), {"a"}, "ab", 3, [None], [1], {"a": 1}.keys(), {"a": 1}, [ValueError("as an item")]],
    "maybe_texts": [[None, "a"], [1, None], []],
    "grid": [[[None]], [None], [[2**40]], [(1,), [2]], [["1"]]],
    "thing": [None, Screw(id=strawberry.ID("s"), pitch=1.0), {"id": "x"}, 3, ValueError("as a value")],
    "things": [[None], [Screw(id=strawberry.ID("s"), pitch=1.0)], [], [Nut(id=strawberry.ID("n"), width=float("inf"))]],
    "part": [None, Bolt(id=strawberry.ID("b"), length=2**40), Nut(id=strawberry.ID("n"), width=1.0), "x"],
    "inner": [leaves(number=None), leaves(text=3), Bolt(id=strawberry.ID("b"), length=1), 3],
    "bolts": [[None], [Bolt(id=strawberry.ID("b"), length="x")], [Nut(id=strawberry.ID("n"), width=1.0)]],  # type: ignore[arg-type]  # odd
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD.items() for value in values])
async def test_an_odd_value_gives_the_same_answer_as_without_a_plan(name: str, value: Any) -> None:
    GIVEN[:] = [leaves(**{name: value})]
    await same(ALL)


async def test_an_object_that_is_cast_to_another_type_is_of_that_type() -> None:
    GIVEN[:] = [leaves(thing=strawberry.cast(Nut, Bolt(id=strawberry.ID("b"), length=1)))]
    await same(ALL)


async def test_a_subclass_without_a_place_in_the_schema_is_dealt_with_as_without_a_plan() -> None:
    class Special(Leaves):
        pass

    class Unknown(Bolt):
        pass

    GIVEN[:] = [Special(**vars(leaves()))]
    await same(ALL)
    GIVEN[:] = [leaves(thing=Unknown(id=strawberry.ID("u"), length=1))]
    await same(ALL)


@pytest.mark.parametrize(
    "query",
    [
        '{ leaves { a: later(how: "coded") b: atOnce c: later(wait: 2) } }',
        '{ leaves { a: atOnce(how: "coded") b: later(wait: 1) } }',
        '{ leaves { a: surely(how: "coded", wait: 1) b: later(wait: 3) text } }',
        '{ leaves { a: surely(wait: 6, how: "coded") b: surely(how: "protocol", wait: 1) } }',
        '{ leaves { a: later(wait: 6, how: "coded") b: later(how: "protocol", wait: 1) } }',
        '{ a: leaves { later } later(how: "coded") b: leaves { atOnce(how: "protocol") } }',
        '{ surely(how: "coded") later(wait: 3) }',
        '{ many { child { number later child { surely(how: "protocol", wait: 1) } } } later(how: "coded", wait: 4) }',
        "{ many(count: 3) { number child { later child(number: 9) { number atOnce } } later } }",
        "{ leaves { aCoroutine } }",
        "{ leaves { text: later text2: text child { inner { later } ... { number } } } }",
        '{ many { x: later(how: "coded") } leaves { surely } }',
    ],
)
async def test_resolvers_that_raise_anywhere_give_the_same_errors_and_run_once(query: str) -> None:
    GIVEN[:] = [leaves()]
    await same(query)


async def test_a_mutation_that_cannot_be_answered_ran_once() -> None:
    GIVEN[:] = [leaves()]
    answer = await same(
        """mutation {
            write(number: 1) { number }
            odd: write(number: 99999999) { number place inner { number } surely(how: "coded") }
            never: write(number: 2) { number }
        }"""
    )
    assert answer["data"] is None


async def test_mutations_run_in_turn_also_when_one_of_them_fails() -> None:
    answer = await same(
        """mutation {
            a: write(number: 1) { number later child { later } }
            failing(how: "protocol")
            b: write(number: 2) { number later }
        }"""
    )
    assert [answer["data"]["a"]["number"], answer["data"]["b"]["number"]] == [1, 2]


async def test_arguments_may_have_any_name_also_where_a_plan_gives_up() -> None:
    @strawberry.type
    class Named:
        @strawberry.field
        def failing(self) -> str | None:
            raise ValueError

        @strawberry.field
        def said(self, resolve: str, source: str) -> str | None:
            return resolve + source

    schema = strawberry.Schema(query=Named)
    said = schema._schema.query_type.fields["said"]  # type: ignore[union-attr]  # there is one
    said.resolve = Guard(lambda context: None, said.resolve)
    ways = BothWays(schema)
    with capture_logs():
        ordinary, compiled = await ways.answers(Request('{ failing said(resolve: "a", source: "b") }'), Context)
    assert compiled == ordinary
    assert json.loads(compiled)["data"] == {"failing": None, "said": "ab"}


WISH = """query Wish($wish: Wish!, $ids: [ID!], $ratio: Float! = 2.5, $flag: Boolean) {
    wish(wish: $wish, ids: $ids, ratio: $ratio, flag: $flag)
}"""


@pytest.mark.parametrize(
    "variables",
    [
        {"wish": {"text": "t"}},
        {"wish": {"text": "t"}, "more": 1},
        {
            "wish": {
                "text": "t",
                "number": 4,
                "colour": "LEAF",
                "inner": [{"place": "3", "words": []}, {"words": ["a"]}],
            }
        },
        {"wish": {"text": "t", "colour": None, "inner": None}, "ids": ["a", 3], "ratio": 3, "flag": None},
        {"wish": {"text": "t", "inner": [{"place": None, "words": "x"}]}, "ids": None, "flag": False},
        {"wish": {"text": "t", "inner": {"place": "1", "words": ["y"]}}, "ids": "one"},
        {"wish": {"text": None}},
        {"wish": {"text": "t", "number": None}},
        {"wish": {"text": "t", "number": 2**31}},
        {"wish": {"text": "t", "number": "1"}},
        {"wish": {"text": "t", "colour": "GREEN"}},
        {"wish": {"text": "t", "colour": 1}},
        {"wish": {"text": "t", "unknown": 1}},
        {"wish": {"text": "t", "inner": [{"place": -1, "words": []}]}},
        {"wish": {"text": "t"}, "ids": [None]},
        {"wish": {"text": "t"}, "ids": {"0": "a"}},
        {"wish": {"text": "t"}, "ratio": None},
        {"wish": {"text": "t"}, "ratio": True},
        {"wish": []},
        {"wish": None},
        {},
        None,
    ],
)
async def test_variables_reach_the_resolver_as_they_would_without_a_plan(variables: dict[str, Any] | None) -> None:
    await same(WISH, variables)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('query Q { wish(wish: {text: "t", inner: [{place: "1", words: "w"}]}, ids: 3, flag: null) }', None),
        (
            "query Q($t: String!, $p: Position) { wish(wish: {text: $t, inner: [{place: $p, words: []}]}, ids: []) }",
            {"t": "x"},
        ),
        ('query Q($t: String!, $i: ID!) { wish(wish: {text: $t, colour: RED}, ids: [$i, "b"]) }', {"t": "x", "i": 4}),
        ('query Q($n: Int = 5) { wish(wish: {text: "t", number: $n}) }', {}),
        ('query Q($n: Int = 5) { wish(wish: {text: "t", number: $n}) }', {"n": None}),
        ('query Q($r: Float) { wish(wish: {text: "t"}, ratio: $r) }', {}),
        ('query Q($r: Float) { wish(wish: {text: "t"}, ratio: $r) }', {"r": None}),
        ('query Q($w: Wish = {text: "d"}) { wish(wish: $w) }', {}),
        ('query Q($w: Wish! = {text: "d", number: 1}) { wish(wish: $w) }', {"w": None}),
    ],
)
async def test_literals_and_defaults_reach_the_resolver_as_they_would_without_a_plan(
    query: str, variables: dict[str, Any] | None
) -> None:
    await same(query, variables)


@pytest.mark.parametrize("variables", [{"a": a, "b": b} for a in (True, False) for b in (True, False)] + [{}, {"a": 1}])
async def test_fields_are_skipped_and_included_by_variables(variables: dict[str, Any]) -> None:
    GIVEN[:] = [leaves()]
    await same(
        """query($a: Boolean!, $b: Boolean = true) {
            leaves {
                text @skip(if: $a) ... @include(if: $b) { number text } ...More @skip(if: $b) flag @include(if: false)
            }
        }
        fragment More on Leaves { ratio text @include(if: $a) }""",
        variables,
    )


async def test_a_field_that_is_given_twice_is_merged() -> None:
    GIVEN[:] = [leaves()]
    await same(
        "{ leaves { thing { id } text } leaves { text thing { __typename ... on Nut { w: width } } bolts { id } } }"
    )


@pytest.mark.parametrize("query", ["{ __schema { queryType { name } } }", "query @skip(if: false) { leaves { text } }"])
async def test_what_is_not_compiled_is_answered_all_the_same(query: str) -> None:
    GIVEN[:] = [leaves()]
    await same(query, is_compiled=False)


async def test_what_a_subscription_gives_is_answered_as_without_a_plan() -> None:
    query = f"subscription($count: Int!) {{ leaves(count: $count) {{ {LEAVES} later child {{ number }} }} }} {NUTS}"
    request = Request(query, {"count": 2})
    for given in (leaves(), leaves(number=2**40), leaves(things=[None]), None, leaves(text=3), 3):
        GIVEN[:] = [given]  # type: ignore[list-item]  # odd ones
        answers: list[list[bytes]] = []
        ran: list[list[str]] = []
        for executor in (Executor(SCHEMA, compiles=False), Executor(SCHEMA)):
            for _ in range(2):
                context = Context()
                with capture_logs():
                    stream = await executor.subscribe(request, context)
                    assert not isinstance(stream, Result)
                    answers.append([plain(result.encode()) async for result in stream])
                ran.append(context.ran)
        assert answers[1:] == answers[:-1]
        assert len(answers[0]) == 2
        assert ran[1:] == ran[:-1]


async def test_an_operation_is_compiled_when_it_is_seen_again_and_no_sooner() -> None:
    GIVEN[:] = [leaves()]
    executor, request = Executor(SCHEMA), Request("{ leaves { text } }")
    operation = executor.plan(request)
    assert not isinstance(operation, Result)
    found = []
    for _ in range(3):
        await executor.execute(request, Context())
        found.append(operation.compiled)
    assert found[0] is None
    assert isinstance(found[1], plans.Compiled)
    assert found[2] is found[1]


async def test_plans_are_forgotten_with_their_documents() -> None:
    GIVEN[:] = [leaves()]
    executor, request = Executor(SCHEMA), Request("{ leaves { text } }")
    for _ in range(2):
        await executor.execute(request, Context())
    for number in range(600):
        await executor.execute(Request(f"{{ a{number}: leaves {{ text }} }}"), Context())
    operation = executor.plan(request)
    assert not isinstance(operation, Result)
    assert operation.compiled is None
    assert len(executor.documents) == 512


async def test_an_answer_of_many_fields_is_not_compiled() -> None:
    GIVEN[:] = [leaves()]
    fields = " ".join(f"a{number}: number" for number in range(1001))
    await same(f"{{ leaves {{ {fields} }} }}", is_compiled=False)


async def test_a_plan_that_is_cancelled_leaves_no_resolver_running() -> None:
    GIVEN[:] = [leaves()]
    ways, request = BothWays(SCHEMA), Request("{ leaves { a: later(wait: 100000) b: later(wait: 100000) } }")
    assert ways.compile(request)
    before, context = asyncio.all_tasks(), Context()
    task = asyncio.create_task(ways.compiling.execute(request, context))
    for _ in range(10):
        await asyncio.sleep(0)
    assert context.ran == ["leaves", "later 100000", "later 100000"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
