"""GraphQL over server-sent events, on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.engine.graphql.test_websocket import until
from tests.engine.graphql.toy import Live, cost, live

STREAM = "text/event-stream"
COMPLETE = "event: complete\ndata:\n\n"


@pytest.fixture
async def server() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


@dataclass
class Reader:
    """What a client hears of a stream, block by block."""

    response: httpx.Response
    blocks: AsyncIterator[str]

    @classmethod
    def of(cls, response: httpx.Response) -> "Reader":
        async def blocks() -> AsyncIterator[str]:
            text = ""
            async for piece in response.aiter_text():
                text += piece
                while "\n\n" in text:
                    block, _, text = text.partition("\n\n")
                    yield block
            assert text == ""

        return cls(response, blocks())

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await anext(self.blocks)

    async def rest(self) -> list[str]:
        async with asyncio.timeout(10):
            return [block async for block in self.blocks]


@asynccontextmanager
async def opened(server: Live, query: str, **headers: str) -> AsyncIterator[Reader]:
    named = {"accept": STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", server.url, json={"query": query}, headers=named) as response,
    ):
        yield Reader.of(response)


async def asked(server: Live, query: str, method: str = "POST", **headers: str) -> httpx.Response:
    named = {"accept": STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with httpx.AsyncClient() as client:
        if method == "POST":
            return await client.post(server.url, json={"query": query}, headers=named)
        return await client.request(method, server.url, params={"query": query}, headers=named)


def next_(answer: Any, identity: str = "", requested: int = 0) -> str:
    """An event, and in the first of a stream what the operation cost."""
    if requested:
        answer = {**answer, "extensions": cost(requested)}
    return f"event: next\n{identity}data: {json.dumps(answer, separators=(',', ':'))}\n\n"


def code(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_subscription_is_a_stream_of_its_answers_and_their_end(server: Live, method: str) -> None:
    response = await asked(server, "subscription { count(to: 2) }", method)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    first = next_({"data": {"count": 0}}, requested=1)
    assert response.text == ":\n\n" + first + next_({"data": {"count": 1}}) + COMPLETE


@pytest.mark.parametrize(
    ("query", "data", "requested"),
    [
        ("{ hello }", {"hello": "Hello, world!"}, 1),
        ('mutation { join(input: {first: "a"}) { first } }', {"join": {"first": "a"}}, 11),
    ],
)
async def test_an_operation_with_one_answer_may_come_as_a_stream_too(
    server: Live, query: str, data: Any, requested: int
) -> None:
    response = await asked(server, query)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert response.text == next_({"data": data}, requested=requested) + COMPLETE


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_NOT_FOUND"),
        ("subscription { staff }", "FORBIDDEN"),
        ('subscription { refuses(how: "protocol") }', "STALE_READ"),
    ],
)
async def test_what_is_wrong_with_the_operation_is_told_in_the_stream(server: Live, query: str, reason: str) -> None:
    response = await asked(server, query)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    first, complete, rest = response.text.removeprefix(":\n\n").split("\n\n")
    assert (complete, rest) == ("event: complete\ndata:", "")
    answer = json.loads(first.removeprefix("event: next\ndata: "))
    assert [error["extensions"]["code"] for error in answer["errors"]] == [reason]
    assert "data" not in answer


@pytest.mark.parametrize(("how", "status"), [("coded", 429), ("away", 503), ("fault", 500)])
async def test_who_may_not_have_a_stream_now_is_told_by_the_status(server: Live, how: str, status: int) -> None:
    with capture_logs():
        response = await asked(server, "subscription { count(to: 2) }", fail=how)
    assert response.status_code == status
    assert code(response)
    assert len(server.toy.streams) == 0


async def test_a_mutation_by_get_is_405_though_it_wants_a_stream(server: Live) -> None:
    response = await asked(server, "mutation { slow }", "GET")
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"


async def test_head_starts_no_stream(server: Live) -> None:
    assert (await asked(server, "subscription { endless }", "HEAD")).status_code == 406
    assert server.toy.contexts == []


@pytest.mark.parametrize("selection", ["since position more", "position: more", "more"])
async def test_a_frames_position_is_the_events_id_where_the_view_is_exact(server: Live, selection: str) -> None:
    response = await asked(server, f"subscription {{ steps {{ {selection} }} }}")
    assert [block.split("\n")[1] for block in response.text.split("\n\n")[1:-2]] == [
        "id:",  # at 0, so that a client forgets where it was
        f"data: {json.dumps({'data': {'steps': step(1, selection)}}, separators=(',', ':'))}",
        "id: 2",
        f"data: {json.dumps({'data': {'steps': step(3, selection)}}, separators=(',', ':'))}",
        "id: 4",
    ]


def step(number: int, selection: str) -> dict[str, Any]:
    more = number % 2 == 1
    whole = {"since": str(number - number % 2), "position": str(number), "more": more}
    return {"position": more} if ":" in selection else {name: whole[name] for name in selection.split()}


async def test_a_frame_that_could_not_be_told_has_no_id(server: Live) -> None:
    response = await asked(server, "subscription { steps { failsAt(at: 2) } }")
    assert [block.split("\n")[1][:5] for block in response.text.split("\n\n")[1:-2]] == [
        "id:", "data:", "data:", "data:", "id: 4",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", ["", '(after: "1")'])
async def test_the_last_event_id_says_where_to_go_on_from(server: Live, arguments: str) -> None:
    query = f"subscription {{ steps{arguments} {{ position }} }}"
    response = await asked(server, query, last_event_id="4")
    assert response.text == ":\n\n" + next_({"data": {"steps": {"position": "4"}}}, "id: 4\n", 2) + COMPLETE
    assert (await asked(server, query, last_event_id="")).text == (await asked(server, query)).text


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "1 2", "9223372036854775808", "1" * 30, "\u0661"])
async def test_a_last_event_id_that_is_no_position_is_400(server: Live, last: str) -> None:
    async with httpx.AsyncClient() as client:
        body = {"query": "subscription { steps { position } }"}
        headers = [(b"accept", STREAM.encode()), (b"last-event-id", last.encode())]
        response = await client.post(server.url, json=body, headers=headers)
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert "Last-Event-ID" in response.json()["errors"][0]["message"]
    assert server.toy.contexts == []


async def test_a_last_event_id_means_nothing_to_what_is_no_stream(server: Live) -> None:
    assert (await asked(server, "{ hello }", last_event_id="x")).status_code == 200


async def test_a_quiet_stream_lives() -> None:
    async with live(heartbeat=0.01) as server, opened(server, "subscription { endless }") as reader:
        first = next_({"data": {"endless": "first"}}, requested=1).rstrip()
        assert [await reader.next() for _ in range(2)] == [":", first]
        assert [await reader.next() for _ in range(3)] == [":", ":", ":"]


async def test_a_client_that_leaves_ends_its_subscription_and_leaves_nothing_behind(server: Live) -> None:
    before = asyncio.all_tasks()
    async with opened(server, "subscription { endless }") as reader:
        await reader.next()
        assert server.toy.events.running == len(server.toy.streams) == 1
    await until(lambda: server.toy.events.cleaned.is_set() and len(server.toy.streams) == 0)
    await until(lambda: asyncio.all_tasks() <= before)
    assert server.toy.events.running == 0


async def test_a_client_that_leaves_while_its_stream_is_busy_ends_it(server: Live) -> None:
    server.toy.events.release.set()
    async with opened(server, "subscription { endless }") as reader:
        await reader.next()
    await until(lambda: server.toy.events.cleaned.is_set() and len(server.toy.streams) == 0)


async def test_a_mutation_whose_answer_nobody_waits_for_is_finished(server: Live) -> None:
    asking = asyncio.create_task(asked(server, "mutation { slow }"))
    async with asyncio.timeout(10):
        await server.toy.events.started.wait()
        asking.cancel()
        await asyncio.wait([asking])
        server.toy.events.release.set()
        await server.toy.events.done.wait()


async def test_the_streams_of_some_end_without_complete_and_those_of_others_go_on(server: Live) -> None:
    async with (
        opened(server, "subscription { endless }", user="ada") as ada,
        opened(server, "subscription { endless }", user="bob") as bob,
    ):
        for reader in (ada, bob):
            assert [await reader.next() for _ in range(2)][1].startswith("event: next")
        server.toy.streams.end_where(lambda user: user == "ada")
        assert await ada.rest() == []
        await until(lambda: len(server.toy.streams) == 1)
        server.toy.events.release.set()
        assert (await bob.next()) == 'event: next\ndata: {"data":{"endless":"more"}}'


async def test_a_stream_ends_with_what_lets_its_principal_have_it() -> None:
    async with live(lasts=lambda user: 0.05 if user == "ada" else None) as server:
        async with opened(server, "subscription { endless }", user="ada") as reader:
            assert [await reader.next(), len(await reader.rest())] == [":", 1]
        async with opened(server, "subscription { endless }", user="bob") as reader:
            await reader.next()
            assert len(server.toy.streams) == 1
    async with live(lasts=lambda user: -1.0) as server:
        async with opened(server, "subscription { endless }") as reader:
            await reader.rest()
        await until(lambda: len(server.toy.streams) == 0 and server.toy.events.running == 0)


async def test_a_drain_ends_every_stream_and_lets_no_new_one_in(server: Live) -> None:
    async with opened(server, "subscription { endless }") as reader:
        await reader.next()
        await server.toy.streams.drain()
        assert len(server.toy.streams) == server.toy.events.running == 0
        assert "event: complete\ndata:" not in await reader.rest()
    response = await asked(server, "subscription { endless }")
    assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
    assert (await asked(server, "{ hello }")).status_code == 503


async def test_a_server_stops_though_streams_are_open() -> None:
    async with live() as server, opened(server, "subscription { endless }") as reader:
        await reader.next()
        server.server.should_exit = True
        await reader.rest()
    assert server.toy.events.running == 0


async def test_there_are_so_many_streams_and_no_more() -> None:
    async with live(most=1) as server, opened(server, "subscription { endless }") as reader:
        await reader.next()
        response = await asked(server, "subscription { endless }")
        assert (response.status_code, code(response)) == (429, "RATE_LIMITED")
        assert (await asked(server, "{ hello }")).status_code == 200


async def test_a_source_that_fails_is_told_and_ends_the_stream(server: Live) -> None:
    with capture_logs() as logs:
        response = await asked(server, 'subscription { breaks(how: "fault") }')
    first, last, complete = response.text.removeprefix(":\n\n").removesuffix("\n\n").split("\n\n")
    assert (first, complete) == (next_({"data": {"breaks": 1}}, requested=1).rstrip(), "event: complete\ndata:")
    (error,) = json.loads(last.removeprefix("event: next\ndata: "))["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("Internal error", "INTERNAL")
    assert [line["event"] for line in logs] == ["fault in an operation"]


@pytest.mark.parametrize("busy", [False, True])
async def test_a_clean_up_that_fails_harms_nobody_else(server: Live, busy: bool) -> None:
    if busy:
        server.toy.events.release.set()
    with capture_logs() as logs:
        async with opened(server, "subscription { cleanupFails }") as reader:
            assert [await reader.next() for _ in range(2)][1].startswith("event: next")
            server.toy.streams.end_where(lambda user: True)
            assert "INTERNAL" not in "".join(await reader.rest())
        await until(lambda: server.toy.events.cleaned.is_set() and len(server.toy.streams) == 0)
        assert (await asked(server, "{ hello }")).status_code == 200
    assert {line["event"] for line in logs} == {"fault in an operation"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}, 200),
        ({"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),
        ({}, 200),
    ],
)
async def test_a_page_from_elsewhere_starts_no_stream(server: Live, headers: dict[str, str], status: int) -> None:
    response = await asked(server, "subscription { count(to: 1) }", "GET", **headers)
    assert response.status_code == status
    assert len(server.toy.contexts) == (1 if status == 200 else 0)
