"""GraphQL over WebSocket, with a real client on a real server."""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from engine import serving
from engine.graphql import messages, websocket
from engine.graphql.conversation import Forbidden
from engine.graphql.exchange import Limits
from tests.engine.graphql.toy import Live, cost, live
from tests.raw_socket import frame, raw_socket

PROTOCOL = Subprotocol("graphql-transport-ws")


@pytest.fixture
async def server() -> AsyncIterator[Live]:
    async with live() as running:
        yield running


@asynccontextmanager
async def opened(server: Live, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(server.ws, subprotocols=[PROTOCOL], compression=None, **options) as client:
        yield client


@asynccontextmanager
async def ready(server: Live, payload: Any = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A socket that is acknowledged."""
    async with opened(server, **options) as client:
        await say(client, {"type": "connection_init", "payload": payload})
        assert await hear(client) == {"type": "connection_ack"}
        yield client


async def say(client: ClientConnection, message: Any) -> None:
    await client.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def hear(client: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        frame = await client.recv()
    assert isinstance(frame, str), "frames go out as text"
    return json.loads(frame)


async def subscribe(client: ClientConnection, identity: str, query: str, **more: Any) -> None:
    await say(client, {"type": "subscribe", "id": identity, "payload": {"query": query, **more}})


async def closed(client: ClientConnection) -> tuple[int, str]:
    """How the server closed the socket, once it has."""
    with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012  # any of the reads may be the one
        async with asyncio.timeout(10):
            while True:
                await client.recv()
    received = caught.value.rcvd
    assert received is not None
    return received.code, received.reason


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that has no event, within bounds."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.get_running_loop().run_in_executor(None, int)


def operations() -> list[str]:
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return [name for name in names if name.startswith("Exchange.")]


async def test_a_query_gives_one_next_and_a_complete(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "q", "query A { hello } query B { add(a: 1) }", operationName="B", variables=None)
        assert await hear(client) == {"id": "q", "type": "next", "payload": {"data": {"add": 3}, "extensions": cost(1)}}
        assert await hear(client) == {"id": "q", "type": "complete"}


async def test_a_mutation_runs_on_the_socket(server: Live) -> None:
    async with ready(server) as client:
        query = "mutation($i: Pair!) { join(input: $i) { first } }"
        await subscribe(client, 'odd "id" ☃', query, variables={"i": {"first": "x"}})
        assert await hear(client) == {
            "id": 'odd "id" ☃',
            "type": "next",
            "payload": {"data": {"join": {"first": "x"}}, "extensions": cost(11)},
        }


async def test_a_subscription_gives_its_events_and_a_complete(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "s", "subscription { count(to: 3) }")
        assert [(await hear(client))["payload"]["data"]["count"] for _ in range(3)] == [0, 1, 2]
        assert await hear(client) == {"id": "s", "type": "complete"}
        await subscribe(client, "s", "subscription { count(to: 1) }")
        assert (await hear(client))["payload"] == {"data": {"count": 0}, "extensions": cost(1)}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_NOT_FOUND"),
        ("query($a: Int!) { add(a: $a) }", "BAD_USER_INPUT"),
        ("subscription($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { staff }", "FORBIDDEN"),
        ('subscription { refuses(how: "fault") }', "INTERNAL"),
    ],
)
async def test_an_operation_that_cannot_start_ends_as_an_error_and_the_socket_lives(
    server: Live, query: str, code: str
) -> None:
    async with ready(server) as client:
        with capture_logs():
            await subscribe(client, "x", query)
            message = await hear(client)
        assert (message["id"], message["type"]) == ("x", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == [code]
        await subscribe(client, "x", "{ hello }")
        assert (await hear(client))["type"] == "next"


async def test_a_source_that_raises_ends_as_a_masked_error_with_nothing_after_it(server: Live) -> None:
    async with ready(server) as client:
        with capture_logs() as logs:
            await subscribe(client, "s", 'subscription { breaks(how: "fault") }')
            assert (await hear(client))["payload"] == {"data": {"breaks": 1}, "extensions": cost(1)}
            error = await hear(client)
        assert error["type"] == "error"
        assert error["payload"][0]["message"] == "Internal error"
        assert [entry["request_id"] for entry in logs] == [error["payload"][0]["extensions"]["requestId"]]
        await say(client, {"type": "ping"})
        assert await hear(client) == {"type": "pong"}


async def test_a_field_that_fails_is_a_next_with_errors(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "q", '{ hello fails(how: "protocol") }')
        payload = (await hear(client))["payload"]
        assert payload["data"] == {"hello": "Hello, world!", "fails": None}
        assert payload["errors"][0]["extensions"]["code"] == "STALE_READ"
        assert (await hear(client))["type"] == "complete"


async def test_a_context_that_cannot_be_made_is_an_error_of_the_operation(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "q", "{ hello }", extensions={"fail": "protocol"})
        assert (await hear(client))["payload"][0]["extensions"]["code"] == "STALE_READ"


async def test_each_operation_has_a_context_of_its_own_with_the_sockets_principal(server: Live) -> None:
    async with ready(server, {"user": "ada"}) as client:
        for identity in ("a", "b"):
            await subscribe(client, identity, "{ principal }")
            assert (await hear(client))["payload"] == {
                "data": {"principal": "ada {'user': 'ada'}"},
                "extensions": cost(1),
            }
            await hear(client)
    first, second = server.toy.contexts
    assert first is not second


@pytest.mark.parametrize("payload", [None, {}, {"a": 1}])
async def test_connection_init_takes_any_object_or_null(server: Live, payload: Any) -> None:
    async with ready(server, payload):
        pass


async def test_connection_init_needs_no_payload(server: Live) -> None:
    async with opened(server) as client:
        await say(client, {"type": "connection_init"})
        assert await hear(client) == {"type": "connection_ack"}


async def test_a_ping_is_answered_with_its_payload_before_and_after_the_acknowledgement(server: Live) -> None:
    async with opened(server) as client:
        await say(client, {"type": "ping", "payload": {"a": [1]}})
        assert await hear(client) == {"type": "pong", "payload": {"a": [1]}}
        await say(client, {"type": "pong"})
        await say(client, {"type": "connection_init"})
        assert await hear(client) == {"type": "connection_ack"}
        await say(client, {"type": "pong", "payload": {}})
        await say(client, {"type": "ping"})
        assert await hear(client) == {"type": "pong"}


async def test_a_complete_for_nothing_is_ignored(server: Live) -> None:
    async with ready(server) as client:
        await say(client, {"type": "complete", "id": "nobody"})
        await say(client, {"type": "ping"})
        assert await hear(client) == {"type": "pong"}


async def test_no_connection_init_in_time_closes_with_4408() -> None:
    async with live(limits=Limits(init_timeout=0.05)) as server, opened(server) as client:
        assert await closed(client) == (4408, "Connection initialisation timeout")


async def test_a_second_connection_init_closes_with_4429(server: Live) -> None:
    async with ready(server) as client:
        await say(client, {"type": "connection_init"})
        assert await closed(client) == (4429, "Too many initialisation requests")


async def test_subscribing_before_the_acknowledgement_closes_with_4401(server: Live) -> None:
    async with opened(server) as client:
        await subscribe(client, "q", "{ hello }")
        assert await closed(client) == (4401, "Unauthorized")
    assert server.toy.contexts == []


async def test_an_id_in_use_closes_with_4409(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "s", "subscription { endless }")
        await hear(client)
        await subscribe(client, "s", "subscription { endless }")
        assert await closed(client) == (4409, "Subscriber for s already exists")
    await server.toy.events.cleaned.wait()


@pytest.mark.parametrize(
    ("how", "close"),
    [
        ("protocol", (4403, "Too early.")),
        ("fault", (4500, "Internal error")),
        ("away", (1013, "Try again later")),
    ],
)
async def test_a_connection_that_is_refused_closes_with_the_reason(server: Live, how: str, close: Any) -> None:
    async with opened(server) as client:
        with capture_logs():
            await say(client, {"type": "connection_init", "payload": {"fail": how}})
            assert await closed(client) == close


async def test_a_check_of_the_connection_that_hangs_closes_with_4408() -> None:
    async with live(limits=Limits(init_timeout=0.05)) as server, opened(server) as client:
        await say(client, {"type": "connection_init", "payload": {"fail": "hang"}})
        assert (await closed(client))[0] == 4408


MALFORMED: dict[str, Any] = {
    "not JSON": "{",
    "empty": "",
    "an array": [],
    "null": None,
    "a string": "x",
    "a number": "1",
    "no type": {},
    "a type that is no string": {"type": 1},
    "a list as type": {"type": ["ping"]},
    "an unknown type": {"type": "start"},
    "a server's type": {"type": "next", "id": "1", "payload": {}},
    "a long unknown type": {"type": "x" * 500},
    "a ping with a list": {"type": "ping", "payload": []},
    "a subscribe without id": {"type": "subscribe", "payload": {"query": "{ hello }"}},
    "a subscribe with a number as id": {"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}},
    "a subscribe with a list as id": {"type": "subscribe", "id": [], "payload": {"query": "{ hello }"}},
    "a subscribe with an empty id": {"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}},
    "a subscribe without payload": {"type": "subscribe", "id": "1"},
    "a subscribe with a null payload": {"type": "subscribe", "id": "1", "payload": None},
    "a subscribe with a list as payload": {"type": "subscribe", "id": "1", "payload": []},
    "a subscribe without query": {"type": "subscribe", "id": "1", "payload": {}},
    "a subscribe with a list as query": {"type": "subscribe", "id": "1", "payload": {"query": []}},
    "variables in a list": {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}},
    "a number as name": {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": 1}},
    "extensions as text": {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "extensions": "x"}},
    "a complete without id": {"type": "complete"},
    "a complete with an object as id": {"type": "complete", "id": {}},
    "a long id": {"type": "subscribe", "id": "x" * 257, "payload": {"query": "{ hello }"}},
    "half a pair in an id": '{"type":"subscribe","id":"\\ud83d","payload":{"query":"{ hello }"}}',
    "a deep ping": '{"type":"ping","payload":{"a":' + "[" * 300 + "]" * 300 + "}}",
    "a long connection_init": {"type": "connection_init", "payload": {"a": "x" * 17_000}},
    "deep nesting": '{"type":"ping","payload":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}",
    "a lone surrogate": '{"type":"ping","payload":{"a":"\\ud800"}}',
    "NaN": '{"type":"ping","payload":{"a":NaN}}',
    "binary": b'{"type":"ping"}',
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("when", [opened, ready])
async def test_a_malformed_message_closes_with_4400_and_a_reason(server: Live, name: str, when: Any) -> None:
    async with when(server) as client:
        with capture_logs() as logs:
            await say(client, MALFORMED[name])
            code, reason = await closed(client)
        assert code == 4400
        assert reason
        assert logs == []


async def test_a_connection_init_with_a_list_closes_with_4400(server: Live) -> None:
    async with opened(server) as client:
        await say(client, {"type": "connection_init", "payload": []})
        assert (await closed(client))[0] == 4400


async def test_text_that_is_not_utf_8_closes_with_1007_and_logs_nothing(server: Live) -> None:
    async with ready(server) as client:
        with capture_logs() as logs:
            await client.send(b"\xff", text=True)
            assert (await closed(client))[0] == 1007
    assert logs == []


def test_a_reason_fits_a_close_frame_whatever_it_says() -> None:
    assert len(messages.reason("☃" * 100).encode()) <= 123
    assert messages.reason("short") == "short"


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["x", "y"]])
async def test_another_subprotocol_closes_with_4406(server: Live, offered: Any) -> None:
    async with connect(server.ws, subprotocols=offered) as client:
        assert client.subprotocol is None
        assert await closed(client) == (4406, "Subprotocol not acceptable")


async def test_the_subprotocol_is_chosen_among_others(server: Live) -> None:
    offered = [Subprotocol("graphql-ws"), PROTOCOL]
    async with connect(server.ws, subprotocols=offered) as client:
        assert client.subprotocol == PROTOCOL


async def test_another_origin_is_refused_in_the_handshake() -> None:
    async with live(allowed_origins=["https://shop.example"]) as server:
        for origin in ("https://evil.example", f"http://127.0.0.1:{server.port + 1}", "null", "http://["):
            with pytest.raises(InvalidStatus) as caught:
                async with opened(server, origin=Origin(origin)):
                    pass
            assert caught.value.response.status_code == 403
        for origin in (f"http://127.0.0.1:{server.port}", "https://shop.example", "https://SHOP.example"):
            async with ready(server, origin=Origin(origin)):
                pass


async def test_a_client_that_completes_ends_the_operation_and_may_use_the_id_again(server: Live) -> None:
    events = server.toy.events
    async with ready(server) as client:
        for _ in range(3):
            events.cleaned.clear()
            await subscribe(client, "s", "subscription { endless }")
            assert (await hear(client))["payload"] == {"data": {"endless": "first"}, "extensions": cost(1)}
            await say(client, {"type": "complete", "id": "s"})
            async with asyncio.timeout(10):
                await events.cleaned.wait()
        await say(client, {"type": "ping"})
        assert await hear(client) == {"type": "pong"}
        await until(lambda: not operations())
    assert events.running == 0


async def test_an_operation_that_its_client_completed_leaves_nothing_in_memory(server: Live) -> None:
    gc.disable()
    try:
        async with ready(server) as client:
            await subscribe(client, "s", "subscription { endless }")
            assert (await hear(client))["type"] == "next"
            kept = weakref.ref(server.toy.contexts.pop())
            await say(client, {"type": "complete", "id": "s"})
            await until(lambda: kept() is None)
    finally:
        gc.enable()


async def test_an_id_is_free_at_once_after_the_clients_complete(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "s", "subscription { endless }")
        await hear(client)
        await say(client, {"type": "complete", "id": "s"})
        await subscribe(client, "s", "{ hello }")
        assert await hear(client) == {
            "id": "s",
            "type": "next",
            "payload": {"data": {"hello": "Hello, world!"}, "extensions": cost(1)},
        }
        assert await hear(client) == {"id": "s", "type": "complete"}


async def test_a_clean_up_that_fails_is_logged_and_harms_nobody(server: Live) -> None:
    events = server.toy.events
    async with ready(server) as client:
        with capture_logs() as logs:
            await subscribe(client, "s", "subscription { cleanupFails }")
            await hear(client)
            await say(client, {"type": "complete", "id": "s"})
            async with asyncio.timeout(10):
                await events.cleaned.wait()
            await until(lambda: not operations())
        assert [entry["event"] for entry in logs] == ["fault in an operation"]
        await subscribe(client, "s", "{ hello }")
        assert (await hear(client))["type"] == "next"


async def test_a_clean_up_that_fails_while_its_client_does_not_read_is_logged_too() -> None:
    async with live(limits=Limits(send_timeout=0.2)) as server, raw_socket(server.port) as (reader, writer):
        await reader.readuntil(b"connection_ack")
        query = f'subscription {{ cleanupFails(text: "{"x" * 60_000}") }}'
        with capture_logs() as logs:
            server.toy.events.release.set()
            writer.write(frame({"type": "subscribe", "id": "s", "payload": {"query": query}}))
            async with asyncio.timeout(10):
                await server.toy.events.cleaned.wait()
            await until(lambda: len(server.toy.sockets) == 0)
        assert [entry["event"] for entry in logs] == ["fault in an operation"]


async def test_a_disconnect_does_not_cut_a_clean_up_short(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "s", "subscription { stubborn }")
        await hear(client)
        await say(client, {"type": "complete", "id": "s"})
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
        client.transport.abort()
        await client.wait_closed()
    server.toy.events.release.set()
    async with asyncio.timeout(10):
        await server.toy.events.cleaned.wait()
    await until(lambda: len(server.toy.sockets) == 0 and not operations())


async def test_a_clean_up_that_does_not_end_is_logged_and_does_not_hold_the_socket() -> None:
    async with live(limits=Limits(cleanup_timeout=0.05)) as server:
        with capture_logs() as logs:
            async with ready(server) as client:
                await subscribe(client, "s", "subscription { stubborn }")
                await hear(client)
            await until(lambda: len(server.toy.sockets) == 0)
        assert [entry["event"] for entry in logs] == ["operations do not end when cancelled"]
        server.toy.events.release.set()
        await until(lambda: not operations())


async def test_a_client_that_leaves_amid_a_flood_leaves_nothing_behind(server: Live) -> None:
    server.toy.events.release.set()
    with capture_logs() as logs:
        for _ in range(20):
            client = await connect(server.ws, subprotocols=[PROTOCOL], compression=None)
            await say(client, {"type": "connection_init"})
            await subscribe(client, "a", "subscription { endless }")
            await subscribe(client, "b", "subscription { endless }")
            for _ in range(10):
                await hear(client)
            client.transport.abort()
            await client.wait_closed()
        await until(lambda: len(server.toy.sockets) == 0 and not operations())
    assert server.toy.events.running == 0
    assert logs == []


async def test_a_forbidden_connection_closes_with_4403() -> None:
    async def nobody(params: Any, scope: Any) -> None:
        raise Forbidden

    async with live(on_connect=nobody) as server, opened(server) as client:
        await say(client, {"type": "connection_init"})
        assert await closed(client) == (4403, "Forbidden")


async def test_a_hundred_operations_run_and_one_more_is_an_error(server: Live) -> None:
    async with ready(server) as client:
        for number in range(100):
            await subscribe(client, str(number), "subscription { endless }")
            assert (await hear(client))["type"] == "next"
        await subscribe(client, "more", "{ hello }")
        message = await hear(client)
        assert (message["id"], message["type"]) == ("more", "error")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        await say(client, {"type": "complete", "id": "0"})
        async with asyncio.timeout(10):
            await server.toy.events.cleaned.wait()
        await until(lambda: len(operations()) == 99)
        await subscribe(client, "more", "{ hello }")
        assert (await hear(client))["type"] == "next"
    await until(lambda: not operations())
    assert server.toy.events.running == 0


async def test_a_client_that_leaves_cancels_all_its_operations(server: Live) -> None:
    async with ready(server) as client:
        for identity in ("a", "b"):
            await subscribe(client, identity, "subscription { endless }")
            await hear(client)
        await subscribe(client, "m", "mutation { slow }")
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
    await until(lambda: len(server.toy.sockets) == 0 and not operations())
    assert server.toy.events.running == 0


async def test_a_thousand_abrupt_disconnects_leave_no_task(server: Live) -> None:
    before = len(asyncio.all_tasks())

    async def come_and_go(number: int) -> None:
        client = await connect(server.ws, subprotocols=[PROTOCOL], compression=None)
        if number % 4:
            await say(client, {"type": "connection_init"})
        if number % 4 > 1:
            await hear(client)
            await subscribe(client, "s", "subscription { endless }")
        if number % 4 > 2:
            await hear(client)
        client.transport.abort()
        await client.wait_closed()

    with capture_logs() as logs:
        for start in range(0, 1000, 50):
            await asyncio.gather(*(come_and_go(number) for number in range(start, start + 50)))
        await until(lambda: len(server.toy.sockets) == 0 and len(asyncio.all_tasks()) <= before)
    assert server.toy.events.running == 0
    assert logs == []


async def test_a_client_that_does_not_read_is_dropped() -> None:
    async with live(limits=Limits(send_timeout=0.2)) as server, raw_socket(server.port) as (reader, writer):
        await reader.readuntil(b"connection_ack")
        writer.write(frame({"type": "subscribe", "id": "s", "payload": {"query": BIG}}))
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
            server.toy.events.release.set()
            await server.toy.events.cleaned.wait()
        await until(lambda: len(server.toy.sockets) == 0 and not operations())


async def test_what_another_principal_was_shown_ends_at_once_though_the_client_reads_nothing() -> None:
    async with live(limits=Limits(send_timeout=60)) as server, raw_socket(server.port) as (reader, writer):
        await reader.readuntil(b"connection_ack")
        for number in range(3):
            writer.write(frame({"type": "subscribe", "id": f"{number}", "payload": {"query": BIG}}))
        await until(lambda: server.toy.events.running == 3)
        server.toy.events.release.set()
        (conversation,) = server.toy.sockets._open
        await until(lambda: conversation.wire is not None and conversation.wire.is_full)
        writer.write(frame({"type": "subscribe", "id": "m", "payload": {"query": BECOME}}))
        await until(lambda: conversation.principal == "bob")
        writer.write(frame({"type": "complete", "id": "m"}))
        await until(lambda: server.toy.events.running == 0)
        said = b""
        async with asyncio.timeout(10):
            while said.count(b'"type":"error"') < 3:
                said += await reader.read(65536)


async def test_an_operation_that_is_being_begun_belongs_to_the_principal_that_the_socket_has_then(server: Live) -> None:
    async with ready(server, {"user": "ann"}) as client:
        await subscribe(client, "s", "subscription { count(to: 1) }", extensions={"waits": True})
        await server.toy.events.started.wait()
        await subscribe(client, "m", BECOME)
        assert [(await hear(client))["id"] for _ in range(2)] == ["m", "m"]
        server.toy.events.release.set()
        assert (await hear(client))["payload"]["data"] == {"count": 0}
    assert server.toy.contexts[-1].peer.principal == "bob"


BECOME = 'mutation { become(whom: "bob") }'


async def test_a_pong_that_nobody_reads_drops_the_client_too() -> None:
    async with live(limits=Limits(send_timeout=0.2)) as server, raw_socket(server.port) as (reader, writer):
        await reader.readuntil(b"connection_ack")
        ping = frame({"type": "ping", "payload": {"a": "x" * 100_000}})
        with pytest.raises((TimeoutError, ConnectionError)):  # noqa: PT012  # any of the writes may be the one
            async with asyncio.timeout(3):
                while True:
                    writer.write(ping)
                    await writer.drain()
        await until(lambda: len(server.toy.sockets) == 0)


BIG = f'subscription {{ endless(text: "{"x" * 60_000}") }}'


async def test_a_drain_closes_every_socket_with_1012_and_lets_no_new_one_in(server: Live) -> None:
    async with ready(server) as one, ready(server) as two, opened(server) as three:
        await subscribe(one, "s", "subscription { endless }")
        await hear(one)
        await until(lambda: len(server.toy.sockets) == 3)
        await server.toy.sockets.drain()
        assert len(server.toy.sockets) == 0
        assert server.toy.events.running == 0
        for client in (one, two, three):
            assert await closed(client) == (1012, "Service Restart")
    with pytest.raises(InvalidStatus):
        async with opened(server):
            pass
    await server.toy.sockets.drain()


async def test_a_server_that_stops_closes_its_sockets_with_1012() -> None:
    waiting: list[Awaitable[Any]] = []
    async with live() as server:
        client = await connect(server.ws, subprotocols=[PROTOCOL])
        await say(client, {"type": "connection_init"})
        await hear(client)
        waiting.append(asyncio.ensure_future(closed(client)))
    assert await waiting[0] == (1012, "Service Restart")
    assert operations() == []


async def test_a_client_that_reads_nothing_does_not_hold_up_the_end_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "LINGER", 600.0)
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        server = await stack.enter_async_context(live(graceful=600))
        client = raw_socket(server.port)
        reader, writer = await client.__aenter__()
        await reader.readuntil(b"connection_ack")
        writer.write(frame({"type": "subscribe", "id": "s", "payload": {"query": BIG}}))
        await server.toy.events.started.wait()
        server.toy.events.release.set()
        (conversation,) = server.toy.sockets._open
        await until(lambda: conversation.wire is not None and conversation.wire.is_full)
        await stack.aclose()
        assert len(server.toy.sockets) == 0
        await client.__aexit__(None, None, None)


async def test_a_drain_answers_what_was_asked_and_begins_nothing_new(server: Live) -> None:
    async with ready(server) as client:
        await subscribe(client, "slow", "mutation { slow }")
        async with asyncio.timeout(10):
            await server.toy.events.started.wait()
        drain = asyncio.create_task(server.toy.sockets.drain())
        await until(lambda: server.toy.sockets.terms.is_draining)
        await subscribe(client, "late", "{ hello }")
        message = await hear(client)
        assert (message["id"], message["type"]) == ("late", "error")
        assert message["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
        server.toy.events.release.set()
        assert (await hear(client))["payload"]["data"] == {"slow": True}
        assert await hear(client) == {"id": "slow", "type": "complete"}
        assert await closed(client) == (1012, "Service Restart")
        await drain


async def test_many_sockets_are_sent_away_one_after_the_other(server: Live) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ready(server)) for _ in range(40)]
        drain = asyncio.create_task(server.toy.sockets.drain())
        ends = [asyncio.create_task(closed(client)) for client in clients]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        assert len(server.toy.sockets) > 1, "the others are still there"
        assert await asyncio.gather(*ends) == [(1012, "Service Restart")] * 40
        await drain


async def test_the_server_pings_what_is_silent(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "PING_EVERY", 0.1)
    async with ready(server) as one, ready(server) as two:
        for _ in range(2):
            assert [await hear(client) for client in (one, two)] == [{"type": "ping"}] * 2
            await say(one, {"type": "pong"})
        await subscribe(one, "1", "{ hello }")
        while (message := await hear(one)) == {"type": "ping"}:
            pass
        assert message["type"] == "next"


@pytest.mark.parametrize("value", ['"cut \\ud83d"', "1" + "0" * 400, "-1e999"])
async def test_a_value_that_cannot_be_used_ends_its_operation_and_no_other(server: Live, value: str) -> None:
    async with ready(server) as client:
        await subscribe(client, "other", "subscription { endless }")
        assert (await hear(client))["type"] == "next"
        payload = f'{{"query":"{{ hello }}","variables":{{"a":{value}}}}}'
        await say(client, f'{{"type":"subscribe","id":"1","payload":{payload}}}')
        message = await hear(client)
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        await subscribe(client, "1", "{ hello }")
        assert (await hear(client))["payload"]["data"] == {"hello": "Hello, world!"}


async def test_the_operations_of_a_socket_hold_no_more_than_they_may(server: Live) -> None:
    async with ready(server) as client:
        for number in range(3):
            await subscribe(client, f"{number}", "subscription { endless }", variables={"text": "x" * 1_900_000})
        ended = {(message["id"], message["type"]) for message in [await hear(client) for _ in range(3)]}
        assert ended == {("0", "next"), ("1", "next"), ("2", "error")}
        await say(client, {"type": "complete", "id": "0"})
        await until(lambda: len(operations()) == 1)
        await subscribe(client, "3", "subscription { endless }", variables={"text": "x" * 1_900_000})
        assert (await hear(client))["type"] == "next"
