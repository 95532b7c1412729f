"""The subprotocol graphql-transport-ws, frame by frame: what is said to the shop, and what must come back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.running import PATIENCE, PROTOCOL, Shop, authorization

pytestmark = pytest.mark.one_world("it is about the socket, whatever is kept behind it")

INIT = {"type": "connection_init"}
ACK = {"type": "connection_ack"}
PING, PONG = {"type": "ping"}, {"type": "pong"}
FOLLOW = "subscription { records { kind } }"
HELLO = "{ __typename }"


@dataclass(frozen=True)
class Say:
    """A frame to the server: text or bytes as they are, a list as fragments, anything else as JSON."""

    frame: Any


@dataclass(frozen=True)
class Hear:
    """The next frame from the server. Of an error, the codes stand for the payload."""

    message: Any


@dataclass(frozen=True)
class Closed:
    """How the server closes the socket."""

    code: int


Step: TypeAlias = Say | Hear | Closed


def subscribe(id: str, query: str, **more: Any) -> Say:
    return Say({"type": "subscribe", "id": id, "payload": {"query": query, **more}})


def complete(id: str) -> Say:
    return Say({"type": "complete", "id": id})


def hello(id: str) -> list[Step]:
    """The whole answer to HELLO."""
    return [Hear({"id": id, "type": "next", "payload": {"data": {"__typename": "Query"}}}), completed(id)]


def begun(id: str) -> Hear:
    """The first answer to FOLLOW."""
    return Hear({"id": id, "type": "next", "payload": {"data": {"records": {"kind": "SNAPSHOT"}}}})


def completed(id: str) -> Hear:
    return Hear({"id": id, "type": "complete"})


def failed(id: str, code: str) -> Hear:
    return Hear({"id": id, "type": "error", "payload": [code]})


READY: list[Step] = [Say(INIT), Hear(ACK)]
ALIVE: list[Step] = [Say({**PING, "payload": {"still": "here"}}), Hear({**PONG, "payload": {"still": "here"}})]

AGAIN: list[Step] = [subscribe("1", HELLO), *hello("1")]
LEFT: list[Step] = [subscribe("1", FOLLOW), begun("1"), complete("1")]

CONVERSATIONS: dict[str, list[Step]] = {
    "a null payload of connection_init": [Say({**INIT, "payload": None}), Hear(ACK), *ALIVE],
    "an empty payload of connection_init": [Say({**INIT, "payload": {}}), Hear(ACK), *ALIVE],
    "members that the protocol does not know": [Say({**INIT, "id": 7, "more": []}), Hear(ACK), *ALIVE],
    "pings before the acknowledgement": [Say(PING), Hear(PONG), *ALIVE, *READY],
    "a ping with a null payload": [*READY, Say({**PING, "payload": None}), Hear(PONG)],
    "a ping with an empty payload": [*READY, Say({**PING, "payload": {}}), Hear({**PONG, "payload": {}})],
    "pongs that nobody asked for": [*READY, Say(PONG), Say({**PONG, "payload": {"a": 1}}), *ALIVE],
    "a message in fragments": [*READY, Say(['{"type":', '"ping"', "}"]), Hear(PONG)],
    "white space around a message": [*READY, Say(' \r\n\t{"type": "ping"}\n'), Hear(PONG)],
    "an operation that does not wait for the acknowledgement": [
        Say(INIT),
        subscribe("1", HELLO),
        Hear(ACK),
        *hello("1"),
    ],
    "an operation before connection_init": [subscribe("1", HELLO), Closed(4401)],
    "an operation after pings but before connection_init": [Say(PING), Hear(PONG), subscribe("1", HELLO), Closed(4401)],
    "a second connection_init": [*READY, Say(INIT), Closed(4429)],
    "two of them at once": [Say(INIT), Say(INIT), Hear(ACK), Closed(4429)],
    "a second one while an operation runs": [*READY, subscribe("1", FOLLOW), begun("1"), Say(INIT), Closed(4429)],
    "an id in use": [*READY, subscribe("1", FOLLOW), begun("1"), subscribe("1", HELLO), Closed(4409)],
    "an id in use by others": [*READY, subscribe("1", FOLLOW), begun("1"), subscribe("2", HELLO), *hello("2")],
    "an id again after its completion": [*READY, *AGAIN, *AGAIN],
    "an id again after its error": [
        *READY,
        subscribe("1", "{ nothing }"),
        failed("1", "GRAPHQL_VALIDATION_FAILED"),
        subscribe("1", HELLO),
        *hello("1"),
    ],
    "an id again after the client completed": [
        *READY,
        *LEFT,
        *LEFT,
        subscribe("1", HELLO),
        *hello("1"),
        *ALIVE,
    ],
    "two subscriptions that end one after the other": [
        *READY,
        subscribe("a", FOLLOW),
        begun("a"),
        subscribe("b", FOLLOW),
        begun("b"),
        complete("a"),
        *ALIVE,
        complete("b"),
        *ALIVE,
    ],
    "a complete for what nobody asked": [*READY, complete("x"), *ALIVE],
    "a complete twice": [*READY, subscribe("1", FOLLOW), begun("1"), complete("1"), complete("1"), *ALIVE],
    "a complete before connection_init": [complete("x"), *ALIVE, *READY],
    "an id that JSON has to escape": [*READY, subscribe('"\\\n\u2028☃', HELLO), *hello('"\\\n\u2028☃')],
    "a document that is none": [*READY, subscribe("1", "{"), failed("1", "GRAPHQL_PARSE_FAILED"), *ALIVE],
    "an empty document": [*READY, subscribe("1", ""), failed("1", "GRAPHQL_PARSE_FAILED"), *ALIVE],
    "a document without an operation": [
        *READY,
        subscribe("1", "fragment F on Query { __typename }"),
        failed("1", "GRAPHQL_VALIDATION_FAILED"),
        *ALIVE,
    ],
    "an operation that is not there": [
        *READY,
        subscribe("1", "query A { __typename }", operationName="B"),
        failed("1", "OPERATION_NOT_FOUND"),
        *ALIVE,
    ],
    "a variable that is missing": [
        *READY,
        subscribe("1", "query ($key: String!) { record(key: $key) { id } }"),
        failed("1", "BAD_USER_INPUT"),
        *ALIVE,
    ],
    "a subscription that the viewer may not have": [
        *READY,
        subscribe("1", "subscription { events { position } }"),
        failed("1", "UNAUTHENTICATED"),
        *ALIVE,
    ],
    "null for what may be left out": [
        *READY,
        subscribe("1", HELLO, operationName=None, variables=None, extensions=None),
        *hello("1"),
    ],
}


def operation(**changed: Any) -> dict[str, Any]:
    """A subscribe message, of whose payload something is wrong."""
    return {"type": "subscribe", "id": "1", "payload": {"query": HELLO, **changed}}


MALFORMED: dict[str, Any] = {
    "white space": " ",
    "two messages in one": '{"type":"ping"}{"type":"ping"}',
    "something behind a message": '{"type":"ping"} x',
    "a byte order mark": '\ufeff{"type":"ping"}',
    "a comment": '{"type":"ping"} // really',
    "single quotes": "{'type':'ping'}",
    "true": "true",
    "a message in a list": [PING],
    "bytes": json.dumps(PING).encode(),
    "bytes that are no text": b"\xff\xfe",
    "no bytes": b"",
    "null as type": {"type": None},
    "an object as type": {"type": {}},
    "an empty type": {"type": ""},
    "a type in capitals": {"type": "PING"},
    "a type with a space": {"type": "ping "},
    "the older protocol's start": {"type": "start", "id": "1", "payload": {"query": HELLO}},
    "the older protocol's stop": {"type": "stop", "id": "1"},
    "the older protocol's end": {"type": "connection_terminate"},
    "an acknowledgement by the client": ACK,
    "an error by the client": {"type": "error", "id": "1", "payload": []},
    "text as payload of a ping": {**PING, "payload": "x"},
    "a number as payload of a ping": {**PING, "payload": 0},
    "false as payload of a pong": {**PONG, "payload": False},
    "a list as payload of a pong": {**PONG, "payload": []},
    "null as id": {**operation(), "id": None},
    "true as id": {**operation(), "id": True},
    "an object as id": {**operation(), "id": {}},
    "null as id of a complete": {"type": "complete", "id": None},
    "a number as id of a complete": {"type": "complete", "id": 1},
    "an empty id of a complete": {"type": "complete", "id": ""},
    "text as payload": {"type": "subscribe", "id": "1", "payload": HELLO},
    "null as query": operation(query=None),
    "a number as query": operation(query=1),
    "an object as query": operation(query={}),
    "text as variables": operation(variables="{}"),
    "a number as variables": operation(variables=0),
    "false as variables": operation(variables=False),
    "a list as operationName": operation(operationName=[]),
    "false as operationName": operation(operationName=False),
    "a list as extensions": operation(extensions=[]),
    "a number as extensions": operation(extensions=1),
}
INITS = {name: {**INIT, "payload": payload} for name, payload in {"text": "x", "a number": 0, "true": True}.items()}
STRANGERS: dict[str, Any] = {
    "no such token": "Bearer x.y.z",
    "an empty token": "Bearer ",
    "another scheme": "Basic eDp5",
    "a number": 1,
    "a list": ["Bearer x.y.z"],
}


@asynccontextmanager
async def socket(shop: Shop) -> AsyncIterator[ClientConnection]:
    async with connect(shop.ws, subprotocols=[PROTOCOL], compression=None) as client:
        yield client


async def say(client: ClientConnection, frame: Any) -> None:
    raw = isinstance(frame, str | bytes) or (isinstance(frame, list) and all(isinstance(part, str) for part in frame))
    await client.send(frame if raw else json.dumps(frame))


async def hear(client: ClientConnection, within: float = PATIENCE) -> Any:
    """The next message, without what is said of its cost; or how the socket was closed."""
    try:
        async with asyncio.timeout(within):
            message = json.loads(await client.recv())
    except ConnectionClosed as closed:
        return Closed(closed.rcvd.code if closed.rcvd else 1006)
    if message["type"] == "next":
        message["payload"].pop("extensions", None)
    if message["type"] == "error":
        message["payload"] = [error["extensions"]["code"] for error in message["payload"]]
    return message


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_a_conversation_goes_as_the_protocol_has_it(shop: Shop, name: str) -> None:
    async with socket(shop) as client:
        for step in CONVERSATIONS[name]:
            match step:
                case Say(frame):
                    await say(client, frame)
                case Hear(message):
                    assert await hear(client) == message
                case Closed():
                    assert await hear(client) == step


async def after(shop: Shop, *frames: Any) -> Any:
    """What is heard first after some frames."""
    async with socket(shop) as client:
        for frame in frames:
            await say(client, frame)
        return await hear(client)


async def after_ready(shop: Shop, frame: Any) -> Any:
    async with socket(shop) as client:
        await say(client, INIT)
        assert await hear(client) == ACK
        await say(client, frame)
        return await hear(client)


async def test_a_malformed_message_closes_its_socket_with_4400_and_harms_no_other(shop: Shop) -> None:
    async with shop.follow(FOLLOW) as bystander:
        assert await bystander.next() == {"kind": "SNAPSHOT"}
        early = {name: await after(shop, frame) for name, frame in (MALFORMED | INITS).items()}
        late = {name: await after_ready(shop, frame) for name, frame in MALFORMED.items()}
        await shop.accepted("writeRecord", key="a", value="1")
        assert await bystander.next() == {"kind": "CHANGES"}
    assert early == dict.fromkeys(MALFORMED | INITS, Closed(4400))
    assert late == dict.fromkeys(MALFORMED, Closed(4400))


async def test_who_says_a_wrong_thing_of_himself_is_closed_out_with_4403(shop: Shop) -> None:
    found = {
        name: await after(shop, {**INIT, "payload": {"Authorization": said}}, operation())
        for name, said in STRANGERS.items()
    }
    assert found == dict.fromkeys(STRANGERS, Closed(4403))


async def test_nothing_follows_what_the_client_has_completed(shop: Shop) -> None:
    async with socket(shop) as client:
        await say(client, {**INIT, "payload": authorization(shop.token)})
        assert await hear(client) == ACK
        for turn in range(20):
            await say(client, subscribe("1", FOLLOW).frame)
            assert (await hear(client))["payload"]["data"]["records"]["kind"] == "SNAPSHOT"
            await say(client, complete("1").frame)
            await shop.accepted("writeRecord", key="a", value=str(turn))
            await shop.settled()
            await say(client, PING)
            # What was on its way when the client completed may come; behind the pong nothing may.
            while (message := await hear(client)) != PONG:
                assert (message["id"], message["type"]) == ("1", "next")
            await say(client, subscribe("2", HELLO).frame)
            assert [Hear(await hear(client)) for _ in range(2)] == hello("2")


async def test_a_socket_that_does_not_say_who_it_is_in_ten_seconds_is_closed_with_4408(shop: Shop) -> None:
    async with socket(shop) as silent, socket(shop) as pinging:
        for _ in range(3):
            await say(pinging, PING)
            assert await hear(pinging) == PONG
        assert [await hear(silent, 15), await hear(pinging, 15)] == [Closed(4408)] * 2
