"""What a document may hold, told before it is validated."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

from engine.graphql import bounds
from engine.graphql.bounds import TooComplex
from engine.graphql.documents import MAX_ERRORS, Documents
from engine.graphql.errors import Shaped
from engine.graphql.execution import Executor, Request
from engine.graphql.result import Result
from engine.graphql.uses import Uses
from tests.engine.graphql.toy import SCHEMA


def errors(text: str) -> tuple[Shaped, ...]:
    return Documents(SCHEMA._schema).find(text).errors


def many(unit: str, count: int) -> str:
    """The unit so many times, each with its number for a `#`."""
    return " ".join(unit.replace("#", str(number)) for number in range(count))


def chain(fragments: int, selection: str) -> str:
    """Fragments each of which uses the next one twice."""
    each = many("fragment F# on Query { ...F@ ...F@ }", fragments)
    for number in range(fragments):
        each = each.replace("F@", f"F{number + 1}", 2)
    return f"{{ ...F0 }} {each} fragment F{fragments} on Query {{ {selection} }}"


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("{ hello }" + " " * 65536, "65545 characters; at most 65536"),
        ("{ hello }" + "\n" * 4000, "4001 lines; at most 4000"),
        ("{ hello }" + "\r" * 4000, "4001 lines; at most 4000"),
        (many("query Q# { hello }", 101), "101 operations and fragments; at most 100"),
        ("{" + "a {" * 20 + "b" + "}" * 21, "21 fields inside one another; at most 20"),
        ("{" + "... {" * 60 + "b" + "}" * 61, "more than 60 selections inside one another."),
        (
            "{ ...F } fragment F on Query {" + "... {" * 59 + "b" + "}" * 60,
            "more than 60 selections inside one another.",
        ),
        ("{ a {" + many("a#: b", 251) + "} }", "251 aliases in an operation; at most 250"),
        ("{" + many("hello", 31) + "}", "31 root fields in an operation; at most 30"),
        (
            "{ ... {" + many("...F", 16) + "} } fragment F on Query { a b }",
            "32 root fields in an operation; at most 30",
        ),
        ("{ a {" + many("b", 1000) + "} }", "1001 selections, those of fragments counted at each use; at most 1000"),
        (
            many("query Q# { a { ...F ...F } }", 10) + " fragment F on X {" + many("b", 50) + "}",
            "1030 selections, those of fragments counted at each use; at most 1000",
        ),
        (
            chain(50, "a { b }").replace("...F0", "a { ...F0 }"),
            "more than 1000000 selections, those of fragments counted",
        ),
    ],
)
def test_a_document_that_holds_too_much_is_told_what_it_has_and_what_it_may_have(text: str, has: str) -> None:
    (error,) = errors(text)
    assert error["extensions"] == {"code": "TOO_COMPLEX"}
    assert error["message"].startswith(f"The document has {has}")


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("{" + many("hello", 3000) + "}", "1500 tokens"),
        ("#\n" * 3000 + "{ hello }", "1500 comments"),
    ],
)
def test_parsing_stops_at_the_tokens(text: str, has: str) -> None:
    (error,) = errors(text)
    assert error["extensions"] == {"code": "TOO_COMPLEX"}
    assert error["message"] == f"Syntax Error: Document contains more than {has}. Parsing aborted."


@pytest.mark.parametrize(
    "text",
    [
        "{" + "a {" * 19 + "b" + "}" * 20,
        "{ a {" + many("a#: b", 250) + "} }",
        "{" + many("hello", 30) + "}",
        "{ a {" + many("b", 999) + "} }",
        many("query Q# { hello }", 100),
        chain(7, "a { b }").replace("...F0", "a { ...F0 }"),
        "{ ...F } fragment F on Query { hello ...F }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
        "{ ...Nowhere }",
        "type T { a: Int }",
    ],
)
def test_what_is_within_the_bounds_is_left_to_validation(text: str) -> None:
    bounds.check_text(text)
    bounds.check(parse(text))


ALL = {
    "descriptions": True,
    "specified_by_url": True,
    "directive_is_repeatable": True,
    "schema_description": True,
    "input_value_deprecation": True,
}


@pytest.mark.parametrize("text", [get_introspection_query(), get_introspection_query(**ALL)])
def test_the_question_for_the_whole_schema_is_within_the_bounds(text: str) -> None:
    assert errors(text) == ()


def test_a_fragment_is_measured_once_however_often_it_is_used() -> None:
    class Counting(bounds._Ruler):
        walked = 0

        def measure(self, *args: object) -> bounds.Measures:
            Counting.walked += 1
            return super().measure(*args)  # type: ignore[arg-type]

    document = parse(chain(40, "a"))
    operation = document.definitions[0]
    found = Counting(document).measure(operation.selection_set)  # type: ignore[attr-defined]
    assert found == bounds.Measures(depth=1, nesting=42, selections=3 * 2**40 - 1, aliases=0, roots=2**40)
    assert Counting.walked == 42


@pytest.mark.parametrize(
    "text",
    [
        "{ pet(dog: true) {" + many("... on Dog { tricks }", 150) + "} }",
        "{ nodes {" + many("__typename id", 150) + "} }",
    ],
)
def test_validation_ends_when_it_compares_too_many_fields(text: str) -> None:
    (error,) = errors(text)
    assert error["message"] == "The document takes too long to validate: it selects the same fields too often."
    assert error["extensions"] == {"code": "TOO_COMPLEX"}


def test_fields_that_many_fragments_have_in_common_are_compared() -> None:
    assert errors("{ nodes {" + many("... on Cat { __typename id lives }", 40) + "} }") == ()


def test_errors_are_few_and_short_and_point_to_few_places() -> None:
    quoted = errors("{ hello(name: {" + many("a#: 1", 250) + "}) }")
    assert [len(error["message"]) for error in quoted] == [1000]
    repeated = errors("{ hello(" + many("name: 1", 250) + ") }")
    assert [len(error["locations"]) for error in repeated if error["message"].startswith("There can be")] == [20]
    assert len(errors("{" + many("nothing#", 30) + "}")) == MAX_ERRORS + 1


def test_a_misspelled_name_is_answered_with_a_similar_one_unless_the_document_is_long() -> None:
    (error,) = errors("{ helo }")
    assert error["message"] == "Cannot query field 'helo' on type 'Query'. Did you mean 'hello'?"
    (error,) = errors("{ helo }" + " " * 5000)
    assert error["message"] == "Cannot query field 'helo' on type 'Query'."


@pytest.mark.parametrize(
    "variables",
    [
        {"a": [1] * 2000},
        {f"v{number}": 1 for number in range(2001)},
        {"a": [{"b": {"c": [1, 2, 3]}}] * 334},
        {"a": [[]] * 2000},
    ],
)
async def test_variables_have_only_so_many_values(variables: dict[str, Any]) -> None:
    result = await Executor(SCHEMA).execute(Request("{ hello }", variables), None)
    assert result == Result(None, (MUCH,), "refused")


MUCH = {
    "message": "The variables have more than 2000 values, counted at each use.",
    "extensions": {"code": "TOO_COMPLEX"},
}


@pytest.mark.parametrize("variables", [{}, {"a": [1] * 1999}, {"a": "x" * 100_000}])
async def test_variables_within_the_bounds_pass(variables: dict[str, Any]) -> None:
    result = await Executor(SCHEMA).execute(Request("{ hello }", variables), None)
    assert result.data == {"hello": "Hello, world!"}


@pytest.mark.parametrize(
    "document",
    [
        "query($n: [Deep]) { " + " ".join(f"a{n}: x(n: $n)" for n in range(5)) + " }",
        "query($n: [Deep]) { ...F ...G } fragment F on Query { a: x(n: $n) b: x(n: {m: [$n]}) } "
        "fragment G on Query { ...F c: x @include(if: $n) }",
    ],
)
def test_a_variable_counts_at_each_use_also_in_fragments(document: str) -> None:
    node = parse(document)
    (operation, *_) = node.definitions
    assert isinstance(operation, OperationDefinitionNode)
    uses = Uses(node, operation)
    assert not uses.is_much({"n": [1] * 399}, None)
    assert uses.is_much({"n": [1] * 400}, None)
    assert not uses.is_much({"n": [1] * 400}, 400)
    assert uses.is_much({"n": [1] * 400}, 401)


async def test_the_error_about_a_variable_quotes_no_more_than_a_part_of_it() -> None:
    request = Request("mutation($a: Pair!) { join(input: $a) { first } }", {"a": {"first": "f", "x" * 5000: 1}})
    (error,) = (await Executor(SCHEMA).execute(request, None)).errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert len(error["message"]) == 1000


def test_the_walk_ends_before_the_stack_does() -> None:
    nested = "{" + "... {" * 190 + "a" + "}" * 191
    with pytest.raises(TooComplex, match="more than 60 selections inside one another"):
        bounds.check(parse(nested))
