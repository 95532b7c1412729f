"""Who asks: tokens over HTTP and on sockets, good ones, bad ones, and those that were good until just now."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from cli.endpoint import AUDIENCE, ISSUER
from domain.standing import Role
from domain.user import DeleteUser, GrantRole, ReinstateUser, SuspendUser
from engine import clock
from engine.liveview import Change, ChangeKind
from engine.shapes import Command, replace
from readmodels.users import USERS, UserRow
from schema import viewers as module
from tests.running import Client, Shop, opened, settings

WHO = "{ events(last: 1) { position } }"
"What only staff may ask."
PUBLIC = "{ medicines { position } }"
FOLLOW = "subscription { events { position } }"


class Watch:
    """The time, some of which can be skipped."""

    def __init__(self) -> None:
        self.skipped = timedelta()

    def __call__(self) -> datetime:
        return clock.now() + self.skipped


async def code(client: Client, query: str = WHO) -> str | None:
    """The code that an operation fails with; None when it does not."""
    answer = (await client.post(query)).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """The code and reason that a socket is closed with."""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
        await socket.wait_closed()
    return socket.close_code or 0, socket.close_reason or ""


@asynccontextmanager
async def following(client: Client, query: str = FOLLOW) -> AsyncIterator[ClientConnection]:
    """An open socket with a subscription on it."""
    token = client.token
    async with client.socket({} if token is None else {"Authorization": f"Bearer {token}"}) as socket:
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
        yield socket


async def still_open(socket: ClientConnection) -> None:
    await socket.send('{"type": "ping"}')
    async with asyncio.timeout(10):
        while json.loads(await socket.recv())["type"] != "pong":
            pass


# ---------------------------------------------------------------- how a token travels


async def test_one_who_is_signed_in_is_known_over_http_and_on_a_socket(shop: Shop) -> None:
    clerk = await shop.viewer("staff")
    assert await code(clerk) is None
    async with clerk.follow("subscription { projections { name } }") as stream:
        assert await stream.next()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_neither_the_name_nor_the_scheme_has_to_be_in_these_letters(shop: Shop, name: str, scheme: str) -> None:
    nobody = await shop.viewer(None)
    given = {name: f"{scheme} {shop.token}"}
    answer = await nobody.http.post("/graphql", json={"query": WHO}, headers=given)
    assert answer.json()["data"]["events"]
    async with shop.socket(given) as socket:
        assert json.loads(await socket.recv())["type"] == "connection_ack"


async def test_one_who_sends_no_token_may_do_what_anyone_may(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    assert (await code(nobody, PUBLIC), await code(nobody)) == (None, "UNAUTHENTICATED")
    for init in (None, {}, {"other": 1}):
        async with nobody.socket(init) as socket:
            assert json.loads(await socket.recv())["type"] == "connection_ack"


def signed(shop: Shop, key: bytes | str, algorithm: str = "HS256", **changed: Any) -> str:
    now = int(clock.now().timestamp())
    claims = {
        "sub": "staff",
        "position": 0,
        "iat": now,
        "auth_time": now,
        "exp": now + 600,
        "iss": ISSUER,
        "aud": AUDIENCE,
        **changed,
    }
    return jwt.encode(claims, key, algorithm)


async def refused_everywhere(shop: Shop, given: dict[str, Any]) -> None:
    """With this token, or what is in its place, not even what is open to anyone is answered."""
    nobody = await shop.viewer(None)
    for media in ("application/json", "application/graphql-response+json"):
        headers = {**given, "accept": media}
        if all(isinstance(value, str) for value in given.values()):
            response = await nobody.http.post("/graphql", json={"query": PUBLIC}, headers=headers)
            (error,) = response.json()["errors"]
            assert (response.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED")
            assert "data" not in response.json()
    async with nobody.socket(given) as socket:
        assert (await closed(socket))[0] == 4403


async def test_a_token_that_is_not_ours_is_refused(shop: Shop) -> None:
    await shop.viewer("staff")
    await shop.settled()
    key = shop.app.settings.key_path.read_bytes()
    assert await code(await shop.client(signed(shop, key))) is None
    for text in (
        "x",
        signed(shop, b"another key of thirty-two bytes!"),
        signed(shop, "", "none"),
        signed(shop, b"k" * 64, "HS512"),
        signed(shop, key, iss="other"),
        signed(shop, key, aud="other"),
        signed(shop, key, exp=int(clock.now().timestamp()) - 1),
        signed(shop, key, sub="nobody-by-that-name"),
        signed(shop, key, position=10_000),
    ):
        await refused_everywhere(shop, {"Authorization": f"Bearer {text}"})


@pytest.mark.parametrize("value", ["", "Bearer", "Basic YTpi", "token", 7, None, ["Bearer x"]])
async def test_what_is_no_bearer_token_is_refused(shop: Shop, value: Any) -> None:
    await refused_everywhere(shop, {"Authorization": value})


async def test_two_tokens_at_once_are_refused(shop: Shop) -> None:
    nobody = await shop.viewer(None)
    twice = [("Authorization", f"Bearer {shop.token}")] * 2
    assert (await nobody.http.post("/graphql", json={"query": PUBLIC}, headers=twice)).status_code == 401
    async with nobody.socket({"Authorization": f"Bearer {shop.token}", "authorization": "Bearer x"}) as socket:
        assert (await closed(socket))[0] == 4403


async def test_what_was_just_registered_can_be_used_at_once(shop: Shop) -> None:
    for number in range(5):
        clerk = await shop.viewer("staff", f"clerk-{number}")  # without waiting for the read model
        assert await code(clerk) is None


async def test_users_that_are_not_shown_in_time_are_unavailable_and_not_refused(tmp_path: Path) -> None:
    async with opened(tmp_path, read_timeout_ms=50) as shop:
        projection = shop.app.projector.projections[USERS.name]
        projection.pause()
        clerk = await shop.viewer("staff")
        assert (await clerk.post(WHO)).status_code == 503
        assert await code(clerk) == "UNAVAILABLE"
        async with clerk.socket({"Authorization": f"Bearer {clerk.token}"}) as socket:
            assert (await closed(socket))[0] == 1013
        projection.resume()
        await shop.settled()
        assert await code(clerk) is None


# ---------------------------------------------------------------- until when a token is good


async def test_a_token_expires_over_http(tmp_path: Path) -> None:
    watch = Watch()
    async with opened(tmp_path, now=watch, token_lifetime_minutes=1) as shop:
        clerk = await shop.viewer("staff")
        assert await code(clerk) is None
        watch.skipped = timedelta(seconds=61)
        assert await code(clerk) == "UNAUTHENTICATED"
        await refused_everywhere(shop, {"Authorization": f"Bearer {clerk.token}"})


async def test_a_socket_ends_with_its_token(tmp_path: Path) -> None:
    watch = Watch()
    async with opened(tmp_path, now=watch, token_lifetime_minutes=1) as shop:
        clerk, nobody = await shop.viewer("staff"), await shop.viewer(None)
        watch.skipped = timedelta(seconds=57)
        async with following(clerk) as socket, following(nobody, "subscription { records { kind } }") as other:
            # Tokens end with a whole second: this one in two to three from now.
            async with asyncio.timeout(5):
                assert await closed(socket) == (4403, "The sign-in has expired.")
            assert await code(clerk) == "UNAUTHENTICATED"
            await still_open(other)


# ---------------------------------------------------------------- what becomes of those who may no longer


@pytest.mark.parametrize(
    "command",
    [
        SuspendUser(user_id="staff", reason="left"),
        DeleteUser(user_id="staff"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_one_who_is_suspended_or_deleted_is_out_at_once_on_every_way(shop: Shop, command: Command) -> None:
    clerk, other = await shop.viewer("staff"), await shop.viewer("staff", "other")
    assert await code(clerk) is None
    async with following(clerk) as first, following(clerk) as second, following(other) as third:
        receipt = await shop.command(command)
        async with asyncio.timeout(5):
            assert await closed(first) == await closed(second) == (4403, "The account was changed. Sign in again.")
        assert await code(clerk) == "UNAUTHENTICATED"
        assert await code(clerk, PUBLIC) == "UNAUTHENTICATED"
        await refused_everywhere(shop, {"Authorization": f"Bearer {clerk.token}"})
        await still_open(third)
        assert await code(other) is None
    # Not even a new token lets one in.
    again = await shop.client(shop.front.tokens.issue("staff", receipt.position).text)
    assert await code(again) == "UNAUTHENTICATED"


async def test_what_was_signed_in_before_a_suspension_is_out_for_good(shop: Shop) -> None:
    clerk = await shop.viewer("staff")
    refreshed = await shop.client((await clerk.data("mutation { refreshToken(input: {}) { token } }"))["token"])
    assert await code(refreshed) is None
    async with following(refreshed) as socket:
        await shop.command(SuspendUser(user_id="staff", reason="lost"))
        receipt = await shop.command(ReinstateUser(user_id="staff"))
        assert (await closed(socket))[0] == 4403
    await shop.settled()
    for stolen in (clerk, refreshed):
        assert await code(stolen) == await code(stolen, PUBLIC) == "UNAUTHENTICATED"
        await refused_everywhere(shop, {"Authorization": f"Bearer {stolen.token}"})
    again = await shop.client(shop.front.tokens.issue("staff", receipt.position).text)
    assert await code(again) is None


async def test_another_role_holds_at_once_and_closes_open_sockets(shop: Shop) -> None:
    clerk = await shop.viewer("staff")
    async with following(clerk) as socket:
        await shop.command(GrantRole(user_id="staff", role=Role.CUSTOMER))
        assert (await closed(socket))[0] == 4403
    assert await code(clerk) == "FORBIDDEN"
    await shop.command(GrantRole(user_id="staff", role=Role.ADMIN))
    while await code(clerk) == "FORBIDDEN":
        await shop.settled()
    assert await code(clerk) is None


async def test_a_change_that_leaves_role_and_status_as_they_were_closes_nothing(shop: Shop) -> None:
    clerk = await shop.viewer("staff")
    await shop.settled()
    row, position = await shop.app.rows.get(USERS, "staff")
    assert row is not None
    async with following(clerk) as socket:
        for changed in (replace(row, email="new@example.org"), replace(row, id="other", role=Role.CUSTOMER)):
            change = Change(ChangeKind.CHANGES, position, position, False, (changed,), ())
            shop.front.viewers._take(change, shop.front.endpoint.close_where)
        await still_open(socket)
        demoted = Change(ChangeKind.CHANGES, position, position, False, (replace(row, role=Role.CUSTOMER),), ())
        shop.front.viewers._take(demoted, shop.front.endpoint.close_where)
        assert (await closed(socket))[0] == 4403


async def test_after_a_gap_everybody_who_is_signed_in_comes_again_and_nobody_else(shop: Shop) -> None:
    clerk, nobody = await shop.viewer("staff"), await shop.viewer(None)
    async with following(clerk) as socket, following(nobody, "subscription { records { kind } }") as other:
        reset: Change[UserRow] = Change(ChangeKind.RESET, 1, 0, False, (), ())
        shop.front.viewers._take(reset, shop.front.endpoint.close_where)
        assert (await closed(socket))[0] == 1012
        await still_open(other)
    assert await code(clerk) is None


async def test_one_who_signs_in_again_after_a_change_is_never_taken_for_who_they_were(shop: Shop) -> None:
    await shop.viewer("staff")
    for turn in range(20):
        role = (Role.CUSTOMER, Role.STAFF)[turn % 2]
        receipt = await shop.command(GrantRole(user_id="staff", role=role))
        client = await shop.client(shop.front.tokens.issue("staff", receipt.position).text)
        assert await code(client) == ("FORBIDDEN" if role is Role.CUSTOMER else None)


async def test_a_socket_that_opens_while_its_user_is_suspended_does_not_stay(shop: Shop) -> None:
    for turn in range(10):
        clerk = await shop.viewer("staff", f"clerk-{turn}")
        await shop.settled()

        async def open_and_stay(clerk: Client = clerk) -> int:
            async with clerk.socket({"Authorization": f"Bearer {clerk.token}"}) as socket:
                return (await closed(socket))[0]

        opening = asyncio.create_task(open_and_stay())
        for _ in range(turn):
            await asyncio.sleep(0)
        await shop.command(SuspendUser(user_id=f"clerk-{turn}", reason="left"))
        assert await opening == 4403


async def test_a_row_that_was_overtaken_while_it_was_read_is_read_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = await shop.viewer("staff")
    await shop.settled()
    read = shop.app.rows.get
    reads = 0

    async def overtaken(model: Any, key: str) -> Any:
        nonlocal reads
        reads += 1
        found = await read(model, key)
        if reads == 1:
            receipt = await shop.command(SuspendUser(user_id="staff", reason="left"))
            while shop.front.viewers._position < receipt.position:
                await shop.settled()
        return found

    monkeypatch.setattr(shop.app.rows, "get", overtaken)
    assert await code(clerk) == "UNAUTHENTICATED"
    assert reads == 2


async def test_the_users_are_followed_again_after_a_fault(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    clerk = await shop.viewer("staff")
    await shop.settled()
    there, back = "ALTER TABLE checkpoints RENAME TO hidden", "ALTER TABLE hidden RENAME TO checkpoints"
    with capture_logs() as logs:
        async with following(clerk, "subscription { medicines { kind } }") as socket:
            await shop.app.rows.write(lambda connection: connection.execute(there))
            await shop.command(SuspendUser(user_id="staff", reason="left"))
            shop.app.feed.note(USERS.name, shop.app.log.position)
            async with asyncio.timeout(10):
                while sum(line["event"] == "users not followed" for line in logs) < 3:
                    await code(shop, PUBLIC)
            await shop.app.rows.write(lambda connection: connection.execute(back))
            assert (await closed(socket))[0] == 4403
    await shop.settled()
    assert await code(clerk) == "UNAUTHENTICATED"


async def test_only_so_many_users_are_remembered(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    clerks = [await shop.viewer("staff", f"clerk-{number}") for number in range(4)]
    for clerk in clerks * 2:
        assert await code(clerk) is None
    assert len(shop.front.viewers._accounts) == 2


# ---------------------------------------------------------------- the key


async def test_a_token_outlives_a_restart_and_the_key_is_kept_beside_the_log(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        clerk = await shop.viewer("staff")
        token = clerk.token
        assert shop.app.settings.key_path == tmp_path / "token.key"
    assert settings(tmp_path).key_path.stat().st_mode & 0o777 == 0o600
    async with opened(tmp_path) as shop:
        assert await code(await shop.client(token)) is None
    (tmp_path / "token.key").unlink()
    async with opened(tmp_path) as shop:
        assert await code(await shop.client(token)) == "UNAUTHENTICATED"
