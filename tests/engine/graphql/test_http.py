"""GraphQL over HTTP, on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from engine.graphql import negotiation
from tests.engine.graphql.toy import Live, cost, live

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
STREAM = "text/event-stream"


@pytest.fixture
async def server() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


@pytest.fixture
async def client(server: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as made:
        yield made


async def post(client: httpx.AsyncClient, query: str, accept: str = RESPONSE, **more: Any) -> httpx.Response:
    return await client.post("", json={"query": query, **more}, headers={"accept": accept})


def code(response: httpx.Response) -> str:
    body = response.json()
    assert "data" not in body
    (error,) = body["errors"]
    assert error["message"]
    return str(error["extensions"]["code"])


async def raw(server: Live, request: bytes) -> bytes:
    """What the server answers to some bytes, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_a_query_is_answered_in_the_type_that_was_asked_for(client: httpx.AsyncClient) -> None:
    for accept, content_type in [(RESPONSE, RESPONSE), (JSON, JSON), ("*/*", JSON), ("", JSON)]:
        response = await post(client, "{ hello }", accept)
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{content_type}; charset=utf-8"
        assert response.json() == {"data": {"hello": "Hello, world!"}, "extensions": cost(1)}


async def test_variables_operation_name_and_extensions_arrive(client: httpx.AsyncClient) -> None:
    query = "query A { hello } query B($a: Int!) { add(a: $a) extension }"
    response = await post(client, query, variables={"a": 1}, operationName="B", extensions={"colour": "red"})
    assert response.json() == {"data": {"add": 3, "extension": "red"}, "extensions": cost(2)}


@pytest.mark.parametrize("query", ["{ hello", "{ nothing }", "query A { hello } query B { hello }"])
async def test_a_wrong_document_is_400_in_the_new_media_type_and_200_in_the_old(
    client: httpx.AsyncClient, query: str
) -> None:
    assert (await post(client, query, RESPONSE)).status_code == 400
    old = await post(client, query, JSON)
    assert old.status_code == 200
    assert "data" not in old.json()


async def test_a_variable_that_cannot_be_read_is_a_wrong_request(client: httpx.AsyncClient) -> None:
    response = await post(client, "query($a: Int!) { add(a: $a) }", variables={"a": "x"})
    assert response.status_code == 400
    assert code(response) == "BAD_USER_INPUT"


async def test_a_field_that_fails_is_200_with_data(client: httpx.AsyncClient) -> None:
    with capture_logs():
        response = await post(client, '{ hello fails(how: "fault") }')
        nothing = await post(client, "{ neverNull }")
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "Hello, world!", "fails": None}
    assert "hunter2" not in response.text
    assert nothing.status_code == 200
    assert nothing.json()["data"] is None


@pytest.mark.parametrize(("how", "status"), [("protocol", 400), ("coded", 429), ("away", 503), ("fault", 500)])
async def test_a_context_that_cannot_be_made_answers_with_its_reason(
    client: httpx.AsyncClient, how: str, status: int
) -> None:
    with capture_logs():
        response = await post(client, "{ hello }", extensions={"fail": how})
    assert response.status_code == status
    assert "hunter2" not in response.text


async def test_each_operation_has_a_context_of_its_own(server: Live, client: httpx.AsyncClient) -> None:
    await post(client, "{ hello }")
    await post(client, "{ hello }")
    first, second = server.toy.contexts
    assert first is not second


HOSTILE = {
    "empty": b"",
    "not JSON": b"{",
    "null": b"null",
    "an array": b"[]",
    "a batch": b'[{"query":"{hello}"}]',
    "a string": b'"x"',
    "a number": b"1",
    "not a number": b'{"query":"{hello}","variables":{"a":NaN}}',
    "infinity": b'{"query":"{hello}","variables":{"a":Infinity}}',
    "not UTF-8": b'{"query":"\xff\xfe"}',
    "UTF-16": '{"query":"{hello}"}'.encode("utf-16"),
    "a raw NUL": b'{"query":"{hello}\x00"}',
    "an escaped NUL": b'{"query":"{hello}\\u0000"}',
    "a lone surrogate": b'{"query":"{hello(name: \\"\\ud800\\")}"}',
    "deep arrays": b'{"query":"{hello}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deep objects": b'{"query":"{hello}","variables":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "no query": b'{"variables":{}}',
    "a null query": b'{"query":null}',
    "a query of the wrong type": b'{"query":{"a":1}}',
    "an empty query": b'{"query":""}',
    "variables of the wrong type": b'{"query":"{hello}","variables":[]}',
    "variables as text": b'{"query":"{hello}","variables":"{}"}',
    "an operation name of the wrong type": b'{"query":"{hello}","operationName":[]}',
    "extensions of the wrong type": b'{"query":"{hello}","extensions":1}',
    "a huge number": b'{"query":"query($a: Int!){add(a: $a)}","variables":{"a":1' + b"0" * 400 + b"}}",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_body_is_a_clean_400(client: httpx.AsyncClient, name: str) -> None:
    with capture_logs() as logs:
        headers = {"content-type": JSON, "accept": RESPONSE}
        response = await client.post("", content=HOSTILE[name], headers=headers)
    assert response.status_code == 400
    assert code(response)
    assert logs == []
    assert (await post(client, "{ hello }")).status_code == 200


async def test_a_batch_is_told_to_come_one_by_one(client: httpx.AsyncClient) -> None:
    response = await client.post("", json=[{"query": "{hello}"}, {"query": "{hello}"}])
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert "one by one" in response.json()["errors"][0]["message"]


async def test_a_malformed_body_is_400_in_the_old_media_type_too(client: httpx.AsyncClient) -> None:
    for body in (b"{", b"[]", b"{}", b'{"query":1}'):
        response = await client.post("", content=body, headers={"content-type": JSON, "accept": JSON})
        assert (response.status_code, code(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_a_body_of_another_type_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post("", content=b'{"query":"{hello}"}', headers={"content-type": content_type})
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_charset_may_be_named_if_it_is_utf_8(client: httpx.AsyncClient) -> None:
    body = b'{"query":"{hello}"}'
    for charset, status in [("utf-8", 200), ('"UTF-8"', 200), ("latin-1", 415)]:
        headers = {"content-type": f"{JSON}; charset={charset}"}
        assert (await client.post("", content=body, headers=headers)).status_code == status


async def test_an_answer_that_nobody_speaks_is_406(client: httpx.AsyncClient) -> None:
    response = await post(client, "{ hello }", "text/html")
    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
async def test_another_method_is_405_with_what_is_allowed(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "")
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_options_tells_what_is_allowed(client: httpx.AsyncClient) -> None:
    response = await client.options("")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    for params in ({"query": "{ hello }"}, {"query": "{ nothing }"}, {"query": "mutation { slow }"}, {}):
        head = await client.head("", params=params, headers={"accept": RESPONSE})
        get = await client.get("", params=params, headers={"accept": RESPONSE})
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-length", "content-type"):
            assert head.headers[name] == get.headers[name]


async def test_a_query_may_come_by_get(client: httpx.AsyncClient) -> None:
    params = {"query": "query A($a: Int!) { add(a: $a) }", "variables": '{"a": 4}', "operationName": "A"}
    assert (await client.get("", params=params)).json() == {"data": {"add": 6}, "extensions": cost(1)}
    assert (await client.get("", params={"query": "{ extension }", "extensions": '{"colour": "red"}'})).json() == {
        "data": {"extension": "red"},
        "extensions": cost(1),
    }


async def test_a_mutation_by_get_is_405_and_does_nothing(server: Live, client: httpx.AsyncClient) -> None:
    response = await client.get("", params={"query": "mutation { slow }"})
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    assert server.toy.contexts == []


@pytest.mark.parametrize(
    "url", ["", "?query=", "?query=%ff", "?query={hello}&variables={", "?query={hello}&variables=[]"]
)
async def test_a_get_that_cannot_be_read_is_400(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url, headers={"accept": RESPONSE})
    assert response.status_code == 400
    assert code(response)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_without_a_stream_is_406_and_names_the_socket(
    client: httpx.AsyncClient, method: str
) -> None:
    query = "subscription { count(to: 1) }"
    response = await (post(client, query) if method == "POST" else client.get("", params={"query": query}))
    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")
    assert "text/event-stream" in response.json()["errors"][0]["message"]
    assert "graphql-transport-ws" in response.json()["errors"][0]["message"]


async def test_a_body_that_is_compressed_is_415(client: httpx.AsyncClient) -> None:
    response = await client.post("", content=b"{}", headers={"content-type": JSON, "content-encoding": "gzip"})
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_body_over_the_limit_is_413_by_its_length_and_while_it_arrives() -> None:
    async with live(max_body=1000) as server, httpx.AsyncClient(base_url=server.url) as client:
        query = "{ hello }" + " " * 1000
        declared = await post(client, query)

        async def pieces() -> AsyncIterator[bytes]:
            text = json.dumps({"query": query}).encode()
            for start in range(0, len(text), 100):
                yield text[start : start + 100]

        arriving = await client.post("", content=pieces(), headers={"content-type": JSON})
        for response in (declared, arriving):
            assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")
        assert (await post(client, "{ hello }")).status_code == 200


async def test_a_client_that_sends_a_large_body_gets_to_read_that_it_is_too_large() -> None:
    async with live(max_body=2_000_000) as server, httpx.AsyncClient(base_url=server.url) as client:
        response = await post(client, "{ hello }" + " " * 9_000_000)
        assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_body_that_could_be_endless_is_not_taken_in() -> None:
    async with live(max_body=1000) as server:
        head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        assert (await raw(server, head + b"content-length: 8001\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        asked = head + b"expect: 100-continue\r\ncontent-length: 1001\r\n\r\n"
        assert (await raw(server, asked)).startswith(b"HTTP/1.1 413 ")
        pieces = b"transfer-encoding: chunked\r\n\r\n" + b"3e8\r\n" + b" " * 1000 + b"\r\n"
        assert (await raw(server, head + pieces + (b"3e8\r\n" + b" " * 1000 + b"\r\n") * 8)).startswith(
            b"HTTP/1.1 413 "
        )


async def test_a_body_in_pieces_is_put_together(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in b'{"query":"{hello}"}':
            yield bytes([byte])

    response = await client.post("", content=pieces(), headers={"content-type": JSON})
    assert response.json() == {"data": {"hello": "Hello, world!"}, "extensions": cost(1)}


async def test_a_content_length_that_is_no_number_is_refused(server: Live) -> None:
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: x\r\n\r\n"
    assert (await raw(server, head)).startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_leaves_before_its_body_is_forgotten(server: Live, client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"
        )
        await writer.drain()
        writer.close()
        assert (await post(client, "{ hello }")).status_code == 200
    assert logs == []


async def test_a_mutation_is_finished_when_its_client_has_left(server: Live, client: httpx.AsyncClient) -> None:
    body = b'{"query":"mutation { slow }"}'
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
        body
    )
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + body)
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
            writer.close()
            await writer.wait_closed()
            assert (await post(client, "{ hello }")).status_code == 200
            server.toy.events.release.set()
            await server.toy.events.done.wait()
        assert (await post(client, "{ hello }")).status_code == 200
    assert logs == []


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (b"text/event-stream", STREAM),
        (b"text/event-stream, application/json", JSON),
        (b"application/json;q=0.9, text/event-stream", STREAM),
        (b"text/event-stream, application/graphql-response+json;q=0.9, application/json;q=0.9", STREAM),
        (b"application/graphql-response+json, application/json, text/event-stream, multipart/mixed", RESPONSE),
        (b"text/event-stream, */*", STREAM),
        (b"text/event-stream;q=0.5, */*", JSON),
        (b"text/*", None),
        (b"text/event-stream;q=0", None),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/*", JSON),
        (b"application/json", JSON),
        (b"APPLICATION/JSON", JSON),
        (b"application/graphql-response+json", RESPONSE),
        (b"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", RESPONSE),
        (b"application/json, application/graphql-response+json", RESPONSE),
        (b"application/json, application/graphql-response+json;q=0.5", JSON),
        (b"application/graphql-response+json, application/json;q=0.9", RESPONSE),
        (b"application/json;q=0, */*", RESPONSE),
        (b"application/json, */*", JSON),
        (b"text/html, */*;q=0.1", JSON),
        (b"text/html", None),
        (b"*/*;q=0", None),
        (b"application/json;q=x", None),
        (b"\xff", None),
    ],
)
def test_the_media_type_is_negotiated(accept: bytes, chosen: str | None) -> None:
    assert negotiation.wanted(accept).answer == chosen


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        (b"text/event-stream", True),
        (b"application/json, text/event-stream;q=0.1", True),
        (b"text/event-stream;q=0, application/json", False),
        (b"text/*, */*", False),
        (b"", False),
    ],
)
def test_a_stream_is_for_those_who_name_it(accept: bytes, streams: bool) -> None:
    assert negotiation.wanted(accept).stream is streams


async def test_a_server_that_stops_begins_nothing_new_and_says_so() -> None:
    async with live() as server, httpx.AsyncClient(base_url=server.url) as client:
        running = asyncio.create_task(client.post("", json={"query": "mutation { slow }"}))
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
        await server.toy.streams.drain()
        response = await client.post("", json={"query": "{ hello }"})
        assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
        assert response.headers["connection"] == "close"
        server.toy.events.release.set()
        assert (await running).json()["data"] == {"slow": True}


async def test_a_request_that_outlives_the_stop_is_told_so_as_json() -> None:
    async with live(graceful=1) as server, httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        running = asyncio.create_task(client.post("", json={"query": "mutation { slow }"}))
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
        await server.toy.streams.drain()
        server.server.should_exit = True
        response = await running
    assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
