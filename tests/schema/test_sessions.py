"""Sign-ins that go on, over HTTP and on a living socket."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from websockets.asyncio.client import ClientConnection

from engine import clock
from schema.sessions import LONGEST
from tests.running import Client, Shop, authorization, opened

REFRESH = "mutation($token: String) { refreshToken(input: {token: $token}) { token expiresAt } }"
MINE = "subscription { orders { kind position upserted { id userId } } }"
EVERYBODYS = "subscription { records { kind position upserted { key } } }"


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


async def brief(shop: Shop, client: Client, seconds: float = 2) -> str:
    """A token of a client that ends soon."""
    found = claims(str(client.token))
    key = shop.app.settings.key_path.read_bytes()
    return jwt.encode({**found, "exp": int(clock.now().timestamp() + seconds)}, key, "HS256")


async def subscribe(socket: ClientConnection, id: str, query: str, **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"type": "subscribe", "id": id, "payload": payload}))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def test_a_token_takes_the_place_of_another_and_remembers_when_the_password_was_given(tmp_path: Path) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    async with opened(tmp_path, now=lambda: now, token_lifetime_minutes=60) as shop:
        ann = await shop.viewer("customer", "ann")
        for _ in range(3):
            now += timedelta(minutes=30)
            payload = await ann.data(REFRESH)
            assert payload["expiresAt"] == (now + timedelta(minutes=60)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            assert claims(payload["token"])["auth_time"] == claims(str(ann.token))["auth_time"]
            ann = await shop.client(payload["token"], "ann")
            assert await ann.data("{ me { id } }") == {"id": "ann"}


async def test_a_sign_in_cannot_be_refreshed_for_ever(tmp_path: Path) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    async with opened(tmp_path, now=lambda: now, token_lifetime_minutes=60) as shop:
        ann = await shop.viewer("customer", "ann")
        end = now + LONGEST
        while now < end:
            ann = await shop.client((await ann.data(REFRESH))["token"], "ann")
            now += timedelta(minutes=59)
        error = await ann.refused(REFRESH)
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert error["message"] == "It is 30 days since you gave your password. Sign in again."


async def test_one_who_is_not_signed_in_has_nothing_to_refresh(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    for variables in ({}, {"token": None}, {"token": ""}, {"token": "x"}):
        assert (await nobody.refused(REFRESH, **variables))["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_socket_outlives_its_token_when_that_is_refreshed_on_it(shop: Shop) -> None:
    ann = await shop.viewer("customer", "ann")
    async with shop.socket(authorization(await brief(shop, ann))) as socket:
        assert (await hear(socket))["type"] == "connection_ack"
        await subscribe(socket, "mine", MINE)
        assert (await hear(socket))["type"] == "next"
        await subscribe(socket, "refresh", REFRESH)
        token = (await hear(socket))["payload"]["data"]["refreshToken"]["token"]
        assert (await hear(socket))["type"] == "complete"
        ends = claims(await brief(shop, ann, 0))["exp"] + 3
        while clock.now().timestamp() < ends:
            await subscribe(socket, "me", "{ me { id } }")
            assert (await hear(socket))["payload"]["data"] == {"me": {"id": "ann"}}
            assert (await hear(socket))["type"] == "complete"
        # The subscription that was there goes on, and so does the token.
        await shop.accepted("registerMedicine", id="m1", name="Zinc", genericName="zinc", manufacturer="Acme",
                            strength="1 g", price="1", stockQuantity=9)  # fmt: skip
        again = await shop.client(token, "ann")
        await again.accepted("placeOrder", id="o1", lines=[{"medicineId": "m1", "quantity": 1}])
        message = await hear(socket)
        assert (message["id"], message["payload"]["data"]["orders"]["upserted"][0]["id"]) == ("mine", "o1")


async def test_a_socket_that_becomes_another_viewers_keeps_what_shows_both_the_same(shop: Shop) -> None:
    ann, clerk = await shop.viewer("customer", "ann"), await shop.viewer("staff", "clerk")
    async with shop.socket(authorization(ann.token)) as socket:
        assert (await hear(socket))["type"] == "connection_ack"
        for id, query in (("mine", MINE), ("everybody's", EVERYBODYS)):
            await subscribe(socket, id, query)
            assert (await hear(socket))["type"] == "next"
        await subscribe(socket, "refresh", REFRESH, token=clerk.token)
        said = {message["id"]: message for message in [await hear(socket) for _ in range(2)]}
        assert said["refresh"]["payload"]["data"]["refreshToken"]["token"] == clerk.token
        assert said["mine"]["type"] == "error"
        assert said["mine"]["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await hear(socket)) == {"id": "refresh", "type": "complete"}
        await shop.accepted("writeRecord", key="a", value="1")
        assert (await hear(socket))["id"] == "everybody's"
        await subscribe(socket, "mine", MINE)
        assert (await hear(socket))["payload"]["data"]["orders"]["kind"] == "SNAPSHOT"
        await subscribe(socket, "write", 'mutation { writeRecord(input: {key: "b", value: "2"}) { errors { code } } }')
        said = {message["id"]: message for message in [await hear(socket) for _ in range(3)]}
        assert said["write"] == {"id": "write", "type": "complete"}


async def test_a_bad_token_leaves_a_socket_as_it_was(shop: Shop) -> None:
    ann = await shop.viewer("customer", "ann")
    async with shop.socket(authorization(ann.token)) as socket:
        assert (await hear(socket))["type"] == "connection_ack"
        await subscribe(socket, "mine", MINE)
        assert (await hear(socket))["type"] == "next"
        await subscribe(socket, "refresh", REFRESH, token="x")
        assert (await hear(socket))["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await hear(socket))["type"] == "complete"
        await subscribe(socket, "me", "{ me { id } }")
        assert (await hear(socket))["payload"]["data"] == {"me": {"id": "ann"}}
