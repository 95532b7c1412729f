"""Connections over HTTP/1: hostile, slow and odd clients, on a real server."""

import asyncio
import gc
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from engine import heads, http1
from engine.graphql.conversation import Conversation
from engine.http1 import HTTPProtocol
from engine.serving import WebSocketProtocol
from tests.engine.graphql.test_websocket import ready, until
from tests.engine.graphql.toy import Live, cost, live

HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
HELLO = b'{"query":"{hello}"}'
POST = HEAD + b"content-length: %d\r\n\r\n" % len(HELLO) + HELLO
ANSWER = json.dumps({"data": {"hello": "Hello, world!"}, "extensions": cost(1)}, separators=(",", ":")).encode()
STREAM = b"GET /graphql?query=subscription{endless} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Live]:
    with capture_logs() as logs:
        async with live() as running:
            yield running
    assert logs == []


@asynccontextmanager
async def connected(server: Live) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


async def raw(server: Live, *parts: bytes) -> bytes:
    """What the server answers to some bytes, up to the end of the connection."""
    async with connected(server) as (reader, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()


async def trickled(server: Live, writer: asyncio.StreamWriter) -> None:
    """Send byte after byte, until the server has left."""

    def is_over() -> bool:
        writer.write(b"x")
        return not server.server.server_state.connections

    await until(is_over)


async def until_connected(server: Live) -> set[HTTPProtocol]:
    await until(lambda: bool(server.server.server_state.connections))
    return {each for each in server.server.server_state.connections if isinstance(each, HTTPProtocol)}


async def passed(seconds: float) -> None:
    end = asyncio.get_running_loop().time() + seconds
    await until(lambda: asyncio.get_running_loop().time() > end)


def refusal(answer: bytes) -> tuple[int, str]:
    """The status and the code of the only response, which ends its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-type: application/json" in head
    (error,) = json.loads(body)["errors"]
    assert error["message"]
    return int(head.split(b" ")[1]), error["extensions"]["code"]


# ---------------------------------------------------------------------- what a client sends


async def test_a_head_that_does_not_arrive_is_408(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.1)
    assert refusal(await raw(server, b"G")) == (408, "REQUEST_TIMEOUT")
    assert refusal(await raw(server, HEAD)) == (408, "REQUEST_TIMEOUT")
    await until(lambda: not server.server.server_state.connections)


async def test_a_head_that_begins_behind_a_request_has_a_time_of_its_own(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.3)
    async with connected(server) as (reader, writer):
        (connection,) = await until_connected(server)
        connection.timeout_keep_alive = 0  # at the next turn of the loop
        writer.write(POST + HEAD)
        await reader.readuntil(ANSWER)
        assert refusal(await reader.read()) == (408, "REQUEST_TIMEOUT")


async def test_a_head_gets_no_more_time_because_it_trickles(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.1)
    async with connected(server) as (_, writer):
        writer.write(HEAD + b"x-slow: ")
        await until(lambda: len(server.server.server_state.connections) == 1)
        await trickled(server, writer)


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_client_that_says_nothing_is_left(server: Live, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.1)
    assert await raw(server, sent) == b""


async def test_the_head_of_a_later_request_has_its_time_too(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.2)
    async with connected(server) as (reader, writer):
        writer.write(POST)
        await reader.readuntil(ANSWER)
        writer.write(HEAD)
        assert refusal(await reader.read()) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("length", [b"content-length: 50", b"transfer-encoding: chunked"])
@pytest.mark.parametrize("path", [b"/graphql", b"/elsewhere"])
async def test_a_body_that_does_not_arrive_is_408(
    server: Live, monkeypatch: pytest.MonkeyPatch, length: bytes, path: bytes
) -> None:
    monkeypatch.setattr(http1, "BODY_TIME", 0.1)
    head = HEAD.replace(b"/graphql", path) + length + b"\r\n\r\n"
    assert refusal(await raw(server, head)) == (408, "REQUEST_TIMEOUT")
    assert refusal(await raw(server, head, b"1\r\n{\r\n")) == (408, "REQUEST_TIMEOUT")
    await until(lambda: not server.server.server_state.tasks)


async def test_a_body_gets_no_more_time_because_it_trickles(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "BODY_TIME", 0.1)
    async with connected(server) as (_, writer):
        writer.write(HEAD + b"content-length: 1000000\r\n\r\n")
        await until(lambda: len(server.server.server_state.connections) == 1)
        await trickled(server, writer)


async def test_a_slow_operation_is_no_slow_body(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "BODY_TIME", 0.1)
    body = b'{"query":"mutation { slow }"}'
    async with connected(server) as (reader, writer):
        for _ in range(2):
            server.toy.events.started.clear()
            server.toy.events.release.clear()
            writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(body))
            await until(lambda: len(server.server.server_state.tasks) == 1)
            writer.write(body)
            await server.toy.events.started.wait()
            await passed(0.2)
            server.toy.events.release.set()
            assert (await reader.readuntil(b"}}}")).startswith(b"HTTP/1.1 200 ")


async def test_what_follows_an_early_answer_does_not_hold_the_connection(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.1)
    async with connected(server) as (reader, writer):
        writer.write(b"PUT /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
        await reader.readuntil(b"HTTP/1.1 405 ")
        await trickled(server, writer)


async def test_a_connection_that_became_a_socket_is_not_left_for_its_silence(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "HEAD_TIME", 0.05)
    async with ready(server) as client:
        await passed(0.2)
        await client.send('{"type":"ping"}')
        assert await client.recv() == '{"type":"pong"}'


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"x-big: " + b"x" * 40_000 + b"\r\n\r\n",),
        (HEAD + b"x-big: ", *[b"x" * 10_000] * 4),
        (HEAD, *[b"x-one: two\r\n" * 500] * 8),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",),
        (b"GET /", *[b"x" * 10_000] * 4),
    ],
    ids=["one header", "one without an end", "many", "a URL", "a URL without an end"],
)
async def test_a_head_that_is_too_large_is_431(server: Live, parts: tuple[bytes, ...]) -> None:
    assert refusal(await raw(server, *parts)) == (431, "HEADERS_TOO_LARGE")


async def test_a_large_body_is_no_large_head(server: Live) -> None:
    body = HELLO[:-1] + b" " * 60_000 + b"}"
    request = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    assert (await raw(server, request)).endswith(ANSWER)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"GET /caf\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 99999999999999999999\r\n\r\n",
        HEAD + b"x-nul: a\x00b\r\n\r\n",
        HEAD + b"bad header: x\r\n\r\n",
        HEAD + b": x\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400(server: Live, request_: bytes) -> None:
    assert refusal(await raw(server, request_)) == (400, "BAD_REQUEST")
    assert server.toy.contexts == []


async def test_a_chunk_that_is_none_spoils_its_own_request_alone(server: Live) -> None:
    answer = await raw(server, HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n")
    assert b"hello" not in answer
    assert (await raw(server, POST.replace(b"host", b"connection: close\r\nhost"))).endswith(ANSWER)


async def test_a_length_that_is_too_short_makes_nonsense_of_what_follows(server: Live) -> None:
    answer = await raw(server, HEAD + b"content-length: 5\r\n\r\n" + HELLO)
    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
    assert server.toy.contexts == []


async def test_chunks_of_a_byte_are_put_together(server: Live) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in HELLO) + b"0\r\n\r\n"
    head = HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    assert (await raw(server, head + chunks)).endswith(ANSWER)
    assert (await raw(server, head, *(chunks[at : at + 1] for at in range(len(chunks))))).endswith(ANSWER)


async def test_headers_after_the_body_are_none_of_the_request(server: Live) -> None:
    chunks = b"%x\r\n%s\r\n0\r\nauthorization: Bearer x\r\n\r\n" % (len(HELLO), HELLO)
    answer = await raw(server, HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n", chunks)
    assert answer.endswith(ANSWER)
    (context,) = server.toy.contexts
    assert [name for name, _ in context.peer.scope["headers"]] == [
        b"host", b"content-type", b"connection", b"transfer-encoding",
    ]  # fmt: skip


async def test_headers_after_the_body_are_not_kept_without_end(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "WRAPPING_LIMIT", 10_000)
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    for trailers in ((b"x-one: two\r\n" * 100,) * 20, (b"x-big: ", *(b"x" * 1000,) * 20)):
        async with connected(server) as (reader, writer):
            writer.write(head + b"1\r\n{\r\n0\r\n")
            await until(lambda: len(server.server.server_state.tasks) == 1)
            for trailer in trailers:
                writer.write(trailer)
            assert refusal(await reader.read()) == (400, "BAD_REQUEST")
        await until(lambda: not server.server.server_state.tasks)
    large = HELLO[:-1] + b" " * 20_000 + b"}"
    pieces = [b"%x\r\n%s\r\n" % (100, large[at : at + 100]) for at in range(0, len(large) // 100 * 100, 100)]
    rest = large[len(large) // 100 * 100 :]
    async with connected(server) as (reader, writer):
        for _ in range(10):
            writer.write(head)
            for piece in pieces:
                writer.write(piece)
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))
            assert (await reader.readuntil(b"}}}")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_in_pieces_of_no_size_is_400(server: Live) -> None:
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    assert refusal(await raw(server, head + b"zz\r\n{}\r\n")) == (400, "BAD_REQUEST")
    assert refusal(await raw(server, head, b"2\r\n{", b"}\r\nzz\r\n")) == (400, "BAD_REQUEST")


async def test_a_header_given_twice_is_a_list(server: Live) -> None:
    twice = b"connection: close\r\naccept: text/html\r\naccept: application/graphql-response+json\r\n"
    assert b"graphql-response+json" in await raw(server, POST.replace(b"content-type", twice + b"content-type", 1))
    types = POST.replace(b"content-type", b"connection: close\r\ncontent-type: text/plain\r\ncontent-type", 1)
    assert (await raw(server, types)).startswith(b"HTTP/1.1 415 ")


async def test_headers_need_not_be_ascii(server: Live) -> None:
    odd = b"connection: close\r\nx-name: caf\xc3\xa9 \xff\r\naccept-language: \xe9\r\n"
    assert (await raw(server, POST.replace(b"content-type", odd + b"content-type", 1))).endswith(ANSWER)


async def test_http_1_0_is_answered_and_closed(server: Live) -> None:
    answer = await raw(server, POST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(ANSWER)


async def test_a_client_that_asks_before_it_sends_its_body_is_told_to_go_on(server: Live) -> None:
    head, body = POST[: -len(HELLO)], POST[-len(HELLO) :]
    async with connected(server) as (reader, writer):
        writer.write(head.replace(b"host", b"expect: 100-continue\r\nhost"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readuntil(ANSWER)).startswith(b"HTTP/1.1 200 ")
    head = HEAD + b"expect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"
    assert refusal(await raw(server, head)) == (413, "PAYLOAD_TOO_LARGE")


# ---------------------------------------------------------------------- one after the other


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(b"%b\r\n" % header for header in headers)
    return HEAD + lines + b"content-length: %d\r\n\r\n%b" % (len(body), body)


OTHER = b'{"query":"{  hello}"}'
LAST = post(HELLO, b"connection: close")
HELLO_AGAIN = b'{"query":"{hallo}"}'


@pytest.mark.parametrize(
    "parts",
    [
        [POST, POST, POST],
        [POST, post(OTHER), POST],
        [POST, post(HELLO_AGAIN), POST],
        [POST, POST[:-5], POST[-5:]],
        [POST, POST[:40], POST[40:]],
        [POST + POST, POST + POST],
        [POST, POST + POST[:30], POST[30:]],
        [POST, b"\r\n\r\n", POST],
        [b"\r\n" + POST, b"\r\n" + POST, b"\r\n\r\n"],
        [post(b""), post(b""), POST],
        [post(HELLO, b"accept: text/html"), POST, post(HELLO, b"accept: text/html")],
        [post(HELLO, b"origin: https://elsewhere.example"), POST],
        [STREAM[:-2].replace(b"GET", b"POST") + b"content-length: 0\r\n\r\n", POST],
        [HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HELLO), HELLO), POST],
    ],
)
async def test_a_head_that_is_known_is_read_as_the_first_time(
    server: Live, monkeypatch: pytest.MonkeyPatch, parts: list[bytes]
) -> None:
    monkeypatch.setattr(heads, "kept", {})

    async def answers() -> bytes:
        async with connected(server) as (reader, writer):
            answer = asyncio.create_task(reader.read())
            for part in (*parts, LAST):
                # What is sent to a connection that is closed already would take its answer along.
                if answer.done():
                    break
                writer.write(part)
                await writer.drain()
                await passed(0.02)
            return await answer

    first = await answers()
    assert await answers() == first
    heads.kept.clear()
    monkeypatch.setattr(heads, "LONGEST", 0)
    assert await answers() == first


async def test_a_known_head_is_not_parsed_again(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "kept", {})
    parsed: list[bytes] = []
    parse = HTTPProtocol._parse

    def noted(self: HTTPProtocol, data: bytes) -> None:
        parsed.append(data)
        parse(self, data)

    monkeypatch.setattr(HTTPProtocol, "_parse", noted)
    for _ in range(2):
        async with connected(server) as (reader, writer):
            for body in (HELLO, HELLO_AGAIN):
                writer.write(post(body))
                await reader.readuntil(b"\r\n\r\n")
                await reader.readuntil(b"}")
                await passed(0.02)
    assert parsed == [POST]


async def test_no_more_heads_are_kept_than_there_is_room_for(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "kept", {})
    monkeypatch.setattr(heads, "MOST", 3)
    requests = [post(HELLO, b"x-number: %d" % number) for number in range(8)]
    async with connected(server) as (reader, writer):
        for request in requests:
            writer.write(request)
            await reader.readuntil(ANSWER)
    kept = [request.partition(b"{")[0] for request in requests[-3:]]
    assert list(heads.kept) == kept
    too_long = post(HELLO, b"x-long: " + b"x" * heads.LONGEST, b"connection: keep-alive")
    async with connected(server) as (reader, writer):
        writer.write(too_long)
        await reader.readuntil(ANSWER)
    assert list(heads.kept) == kept


async def test_requests_sent_at_once_are_answered_in_turn(server: Live) -> None:
    bodies = [b'{"query":"{add(a: %d, b: 0)}"}' % number for number in range(100)]
    requests = b"".join(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies)
    async with connected(server) as (reader, writer):
        writer.write(requests)
        for number in range(100):
            assert b'{"data":{"add":%d},' % number in await reader.readuntil(b"}}}")


async def test_no_more_requests_are_read_than_wait_already() -> None:
    request = b"GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\n\r\n"
    async with live(heartbeat=0.01) as server, connected(server) as (reader, writer):
        writer.write(STREAM)
        await reader.readuntil(b"data:")
        await until(lambda: len(server.server.server_state.connections) == 1)
        (connection,) = server.server.server_state.connections
        assert isinstance(connection, http1.HTTPProtocol)
        writer.write(request)
        await until(lambda: len(connection.pipeline) == 1)
        writer.write(request * 100)
        for _ in range(20):
            await reader.readuntil(b":\n\n")
        assert len(connection.pipeline) == 1


async def test_a_client_that_leaves_with_requests_in_the_queue_ends_the_one_that_runs(server: Live) -> None:
    async with connected(server) as (reader, writer):
        writer.write(STREAM + POST)
        await reader.readuntil(b"data:")
        (connection,) = server.server.server_state.connections
        assert isinstance(connection, http1.HTTPProtocol)
        connection.transport.abort()
    await until(lambda: server.toy.events.cleaned.is_set() and len(server.toy.streams) == 0)
    assert len(server.toy.contexts) == 1


ENDLESS = b'{"query":"subscription{endless}"}'
POSTED = HEAD + b"accept: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(ENDLESS) + ENDLESS


@pytest.mark.parametrize("request_", [STREAM, POSTED], ids=["asked", "posted"])
async def test_a_client_that_leaves_ends_its_stream(server: Live, request_: bytes) -> None:
    async with connected(server) as (reader, writer):
        writer.write(request_)
        await reader.readuntil(b"data:")
        assert not server.toy.events.cleaned.is_set()
    await until(lambda: server.toy.events.cleaned.is_set() and len(server.toy.streams) == 0)


async def test_a_connection_that_is_broken_off_leaves_no_timer(server: Live) -> None:
    async with connected(server) as (reader, writer):
        writer.write(POST)
        await reader.readuntil(ANSWER)
        (connection,) = server.server.server_state.connections
        assert isinstance(connection, HTTPProtocol)
        assert connection.timeout_keep_alive_task is not None
        # It ends with a reset, not as one does that has said all it had to say.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await until(lambda: not server.server.server_state.connections)
    assert connection.timeout_keep_alive_task is None


async def test_nonsense_behind_a_request_does_not_get_into_its_answer(server: Live) -> None:
    async with connected(server) as (reader, writer):
        writer.write(STREAM)
        await reader.readuntil(b"data:")
        writer.write(b"nonsense\r\n\r\n")
        assert b"HTTP/1.1" not in await reader.read()
    await until(lambda: server.toy.events.cleaned.is_set())


# ---------------------------------------------------------------------- what a client reads


async def test_a_stream_that_nobody_reads_is_cut_off(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "UNREAD", 0.2)
    server.toy.events.release.set()
    text = b"x" * 10_000
    async with connected(server) as (_, writer):
        writer.write(STREAM.replace(b"{endless}", b"{endless(text:%22" + text + b"%22)}"))
        await until(lambda: server.toy.events.cleaned.is_set())
        await until(lambda: len(server.toy.streams) == 0 and not server.server.server_state.connections)


async def test_a_stream_that_nobody_reads_does_not_hold_up_the_end_of_the_server() -> None:
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        server = await stack.enter_async_context(live(graceful=600))
        server.toy.events.release.set()
        client = connected(server)
        _, writer = await client.__aenter__()
        writer.write(STREAM.replace(b"{endless}", b"{endless(text:%22" + b"x" * 10_000 + b"%22)}"))
        (connection,) = server.server.server_state.connections
        assert isinstance(connection, HTTPProtocol)
        await until(lambda: connection.flow.write_paused)
        await stack.aclose()
        assert len(server.toy.streams) == 0
        await client.__aexit__(None, None, None)


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
async def test_an_answer_that_nobody_reads_is_thrown_away(
    server: Live, monkeypatch: pytest.MonkeyPatch, connection: bytes
) -> None:
    monkeypatch.setattr(http1, "UNREAD", 0.2)
    name = b"x" * 2_000_000
    body = b'{"query":"query($name: String!) {%s}","variables":{"name":"%s"}}' % (
        b" ".join(b"a%d: hello(name: $name)" % number for number in range(10)),
        name[:1_900_000],
    )
    request = HEAD + b"connection: %s\r\ncontent-length: %d\r\n\r\n" % (connection, len(body)) + body
    async with connected(server) as (_, writer):
        writer.write(request)
        await until(lambda: len(server.toy.contexts) == 1)
        await until(lambda: not server.server.server_state.connections)


async def test_a_slow_reader_gets_all_of_its_answer(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "UNREAD", 0.3)
    body = b'{"query":"query($name: String!) {%s}","variables":{"name":"%s"}}' % (
        b" ".join(b"a%d: hello(name: $name)" % number for number in range(10)),
        b"x" * 1_000_000,
    )
    request = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    received = 0
    async with connected(server) as (reader, writer):
        writer.write(request)
        while data := await reader.read(100_000):
            received += len(data)
            await passed(0.005)
    assert received > 10_000_000


def left() -> int:
    """Connections in memory, whatever they are used for."""
    return sum(isinstance(each, HTTPProtocol | WebSocketProtocol | Conversation) for each in gc.get_objects())


async def test_a_connection_that_is_over_is_gone_without_a_look_at_all_garbage(server: Live) -> None:
    gc.collect()
    gc.disable()
    try:
        before = left()
        body = json.dumps({"query": "{ hello }"}).encode()
        head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head % len(body) + body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        async with ready(server) as client:
            payload = {"query": "subscription { count(to: 1) }"}
            await client.send(json.dumps({"type": "subscribe", "id": "s", "payload": payload}))
            assert [json.loads(await client.recv())["type"] for _ in range(2)] == ["next", "complete"]
            assert left() > before + 2
        writer.close()
        await writer.wait_closed()
        server.toy.contexts.clear()
        await until(lambda: left() == before)
    finally:
        gc.enable()
