"""Operations on a small schema, executed without a transport."""

import asyncio
import gc
import weakref
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from engine.graphql.documents import Documents
from engine.graphql.execution import Executor, Peer, Request
from engine.graphql.result import Result
from tests.engine.graphql.toy import SCHEMA, Toy, cost


async def run(query: str, variables: dict[str, Any] | None = None, name: str | None = None, **more: Any) -> Result:
    toy = Toy()
    request = Request(query, variables, name, **more)
    return await toy.executor.execute(request, await toy.context(Peer({}), request))


async def codes(query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> list[str]:
    result = await run(query, variables, name)
    return [error["extensions"]["code"] for error in result.errors]


async def collect(query: str, variables: dict[str, Any] | None = None) -> list[Result]:
    toy = Toy()
    request = Request(query, variables)
    stream = await toy.executor.subscribe(request, await toy.context(Peer({}), request))
    return [stream] if isinstance(stream, Result) else [result async for result in stream]


async def test_a_query_with_default_arguments_gives_its_data() -> None:
    assert await run("{ hello add(a: 1) }") == Result({"hello": "Hello, world!", "add": 3}, extensions=cost(2))


async def test_async_resolvers_see_the_info_of_strawberry() -> None:
    query = "query($a: Int!) { later principal extension variable(a: $a) }"
    result = await run(query, {"a": 1}, extensions={"colour": "red"})
    assert result.data == {"later": "later", "principal": "None {}", "extension": "red", "variable": "{'a': 1}"}


async def test_a_data_loader_of_the_context_batches() -> None:
    result = await run("{ a: loaded(key: 1) b: loaded(key: 2) batches }")
    assert result.data is not None
    assert (result.data["a"], result.data["b"]) == (10, 20)


async def test_custom_scalars_are_parsed_and_serialized() -> None:
    query = 'query($p: Position!) { a: echoPosition(position: $p) b: echoPosition(position: "8") }'
    assert (await run(query, {"p": "41"})).data == {"a": "42", "b": "9"}


async def test_interfaces_and_unions_resolve_to_their_types() -> None:
    result = await run("{ nodes { __typename id ... on Cat { lives } } pet(dog: true) { ... on Dog { tricks } } }")
    assert result.data == {
        "nodes": [{"__typename": "Cat", "id": "c", "lives": 9}, {"__typename": "Dog", "id": "d"}],
        "pet": {"tricks": []},
    }


async def test_a_mutation_takes_an_input_object() -> None:
    query = "mutation($input: Pair!) { join(input: $input) { first second } }"
    assert (await run(query, {"input": {"first": "one"}})).data == {"join": {"first": "one", "second": "two"}}


async def test_the_operation_is_chosen_by_name() -> None:
    two = "query A { hello } query B { add(a: 1) }"
    assert (await run(two, name="B")).data == {"add": 3}
    assert (await run("query A { hello }")).data == {"hello": "Hello, world!"}


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ hello", None, "GRAPHQL_PARSE_FAILED"),
        ("", None, "GRAPHQL_PARSE_FAILED"),
        ("{ hello \x00 }", None, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
        ('{ one(input: {left: "a", right: "b"}) }', None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "hello " * 2100 + "}", None, "TOO_COMPLEX"),
        ("# \n" * 3000 + "{ hello }", None, "TOO_COMPLEX"),
        ("{ hello }" + " " * 300_000, None, "TOO_COMPLEX"),
        ("{" + "a{" * 900 + "}" * 901, None, "TOO_COMPLEX"),
        ("query A { hello } query B { hello }", None, "OPERATION_NOT_FOUND"),
        ("fragment F on Query { hello }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query($a: Int!) { add(a: $a) }", {"a": "x"}, "BAD_USER_INPUT"),
        ("query($a: Int!) { add(a: $a) }", {}, "BAD_USER_INPUT"),
        ("query($p: Position!) { echoPosition(position: $p) }", {"p": "x"}, "BAD_USER_INPUT"),
        ("subscription { count(to: 1) }", None, "BAD_REQUEST"),
    ],
)
async def test_a_request_that_is_wrong_is_refused_with_its_code(
    query: str, variables: dict[str, Any] | None, code: str
) -> None:
    with capture_logs() as logs:
        result = await run(query, variables)
    assert result.kind == "refused"
    assert "data" not in result.answer()
    assert result.errors[0]["extensions"]["code"] == code
    assert logs == []


async def test_an_unknown_operation_name_is_refused() -> None:
    assert await codes("{ hello }", name="Nope") == ["OPERATION_NOT_FOUND"]
    assert await codes("query A { hello }", name="") == ["OPERATION_NOT_FOUND"]


async def test_variables_nested_too_deeply_are_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(1900):
        nested = {"inner": nested}
    assert await codes("query($d: Deep!) { deep(input: $d) }", {"d": nested}) == ["BAD_USER_INPUT"]


async def test_an_argument_without_its_variable_is_the_clients_error() -> None:
    assert await codes("query($a: Int = 1) { add(a: $a) }", {"a": None}) == ["BAD_USER_INPUT"]
    assert await codes("query($i: OneOf!) { one(input: $i) }", {"i": {"left": "a", "right": "b"}}) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("how", "message", "extensions"),
    [
        ("protocol", "Too early.", {"code": "STALE_READ", "position": "7"}),
        ("coded", "Slow down.", {"code": "RATE_LIMITED", "after": 3}),
    ],
)
async def test_an_error_with_a_code_is_shown_as_it_is(how: str, message: str, extensions: dict[str, Any]) -> None:
    with capture_logs() as logs:
        result = await run(f'{{ hello fails(how: "{how}") }}')
    assert result.data == {"hello": "Hello, world!", "fails": None}
    assert result.errors == (
        {"message": message, "locations": [{"line": 1, "column": 9}], "path": ["fails"], "extensions": extensions},
    )
    assert logs == []


@pytest.mark.parametrize("how", ["fault", "plain"])
async def test_a_fault_is_masked_and_logged_once_under_the_id_that_the_client_gets(how: str) -> None:
    with capture_logs() as logs:
        result = await run(f'{{ fails(how: "{how}") }}')
    (error,) = result.errors
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "INTERNAL"
    (entry,) = logs
    assert entry["request_id"] == error["extensions"]["requestId"]
    assert entry["log_level"] == "error"
    assert isinstance(entry["exc_info"], Exception)


async def test_a_scalar_may_refuse_a_variable_with_a_code_of_its_own() -> None:
    assert await codes("query($p: Position!) { echoPosition(position: $p) }", {"p": "-1"}) == ["OUT_OF_RANGE"]


async def test_a_null_where_none_may_be_is_a_fault() -> None:
    with capture_logs() as logs:
        result = await run("{ neverNull }")
    assert result.data is None
    assert result.kind == "executed"
    assert [error["extensions"]["code"] for error in result.errors] == ["INTERNAL"]
    assert len(logs) == 1


@pytest.mark.parametrize("how", ["locked", "away"])
async def test_a_store_that_is_away_is_said_plainly(how: str) -> None:
    with capture_logs() as logs:
        result = await run(f'{{ fails(how: "{how}") }}')
    assert result.errors[0]["extensions"]["code"] == "UNAVAILABLE"
    assert result.errors[0]["message"] == "The store is not available at the moment. Try again."
    assert [entry["log_level"] for entry in logs] == ["warning"]


async def test_permission_classes_refuse_with_their_code_or_forbidden() -> None:
    result = await run("{ staff admin }")
    assert [(error["message"], error["extensions"]["code"]) for error in result.errors] == [
        ("Staff only.", "FORBIDDEN"),
        ("Admins only.", "UNAUTHENTICATED"),
    ]


async def test_a_text_is_parsed_and_validated_once() -> None:
    documents = Executor(SCHEMA).documents
    for text in ("{ hello }", "{ nothing }", "{ hello"):
        assert documents.find(text) is documents.find(text)
    assert len(documents) == 3


async def test_the_cache_forgets_the_least_recently_used_and_keeps_no_long_text() -> None:
    documents = Executor(SCHEMA).documents
    first = documents.find("{ hello }")
    for number in range(600):
        documents.find(f"{{ a{number}: hello }}")
        assert documents.find("{ hello }") is first
    assert len(documents) == 512
    newest = documents.find("{ a599: hello }")
    documents.find("{ hello }" + " " * 70_000)
    assert len(documents) == 512
    assert documents.find("{ a599: hello }") is newest


async def test_the_cache_holds_so_many_bytes_whatever_the_documents() -> None:
    documents = Documents(SCHEMA._schema, room=1_000_000)
    for number in range(30):
        documents.find("{ hello } # " + f"{number:060000}")
    assert len(documents) == 7
    for number in range(300):
        documents.find(f"{{ nothing{number} }}")
    assert len(documents) == 124


async def test_an_answer_that_orjson_cannot_write_is_written_all_the_same() -> None:
    big = (await run('{ anything(what: "big") }')).encode()
    assert b"1180591620717411303424" in big
    assert b"\\ud800" in (await run('{ anything(what: "surrogate") }')).encode()


async def test_an_answer_that_nothing_can_write_is_a_fault() -> None:
    with capture_logs() as logs:
        body = orjson.loads((await run('{ anything(what: "object") }')).encode())
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert len(logs) == 1
    with capture_logs():
        errors = Result(None, ({"message": object()},), "refused").encode_errors()
    assert orjson.loads(errors)[0]["extensions"]["code"] == "INTERNAL"


def test_an_answer_has_its_data_before_its_errors_and_its_extensions_last() -> None:
    error = {"message": "No."}
    executed = Result({"hello": 1}, (error,), extensions={"cost": {"requested": 1}})
    assert (
        executed.encode() == b'{"data":{"hello":1},"errors":[{"message":"No."}],"extensions":{"cost":{"requested":1}}}'
    )
    assert Result({"hello": 1}).encode() == b'{"data":{"hello":1}}'
    bare = Result(None, (error,), "refused", {"cost": {"requested": 1}})
    assert bare.encode() == b'{"errors":[{"message":"No."}],"extensions":{"cost":{"requested":1}}}'


async def test_a_subscription_gives_a_result_for_each_event() -> None:
    assert await collect("subscription { count(to: 2) }") == [
        Result({"count": 0}, extensions=cost(1)),
        Result({"count": 1}),
    ]


async def test_a_field_error_of_one_event_does_not_end_a_subscription() -> None:
    with capture_logs() as logs:
        first, second = await collect("subscription { fieldFails }")
    assert first.kind == "executed"
    assert first.errors[0]["extensions"]["code"] == "INTERNAL"
    assert second.data == {"fieldFails": 2}
    assert len(logs) == 1


@pytest.mark.parametrize(("how", "code"), [("fault", "INTERNAL"), ("protocol", "STALE_READ"), ("away", "UNAVAILABLE")])
async def test_a_source_that_raises_ends_the_subscription_with_a_masked_error(how: str, code: str) -> None:
    with capture_logs():
        first, last = await collect(f'subscription {{ breaks(how: "{how}") }}')
        (only,) = await collect(f'subscription {{ refuses(how: "{how}") }}')
    assert first.data == {"breaks": 1}
    assert (last.kind, last.errors[0]["extensions"]["code"]) == ("refused", code)
    assert (only.kind, only.errors[0]["extensions"]["code"]) == ("refused", code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { staff }", "FORBIDDEN"),
        ("subscription { count(to: 1) @skip(if: true) }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("{ hello }", "BAD_REQUEST"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
    ],
)
async def test_a_subscription_that_cannot_start_is_refused(query: str, code: str) -> None:
    (only,) = await collect(query)
    assert only.kind == "refused"
    assert only.errors[0]["extensions"]["code"] == code


async def test_closing_a_subscription_runs_the_clean_up_of_its_source() -> None:
    toy = Toy()
    request = Request("subscription { endless }")
    stream = await toy.executor.subscribe(request, await toy.context(Peer({}), request))
    assert not isinstance(stream, Result)
    assert await anext(stream) == Result({"endless": "first"}, extensions=cost(1))
    await stream.aclose()
    assert toy.events.cleaned.is_set()


async def test_cancelling_a_query_cancels_its_resolvers() -> None:
    toy = Toy()
    request = Request("mutation { slow }")
    task = asyncio.create_task(toy.executor.execute(request, await toy.context(Peer({}), request)))
    await toy.events.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not toy.events.done.is_set()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("query($a: Int!) { add(a: $a) }", "BAD_USER_INPUT"),
        ('query($a: String) { fails(how: "protocol") hello(name: $a) }', "STALE_READ"),
        ('query($a: String) { fails(how: "fault") hello(name: $a) }', "INTERNAL"),
    ],
)
@pytest.mark.parametrize("uses", [1, 3])
async def test_an_operation_that_fails_leaves_nothing_in_memory(query: str, code: str, uses: int) -> None:
    toy, kept = Toy(), []
    gc.disable()
    try:
        for _ in range(uses):
            request = Request(query, {"a": "x"})
            context = await toy.context(Peer({}), request)
            context.loader = None  # type: ignore[assignment]  # it refers to itself
            kept.append(weakref.ref(context))
            with capture_logs():
                result = await toy.executor.execute(request, context)
            assert [error["extensions"]["code"] for error in result.errors] == [code]
        del context
        toy.contexts.clear()
        assert [each() for each in kept] == [None] * uses
    finally:
        gc.enable()


async def test_a_subscription_that_is_over_leaves_nothing_in_memory() -> None:
    toy, request = Toy(), Request("subscription { endless }")
    gc.disable()
    try:
        context = await toy.context(Peer({}), request)
        context.loader = None  # type: ignore[assignment]  # it refers to itself
        stream, kept = await toy.executor.subscribe(request, context), weakref.ref(context)
        assert not isinstance(stream, Result)
        await anext(stream)
        await stream.aclose()
        del stream, context
        toy.contexts.clear()
        assert kept() is None
    finally:
        gc.enable()
