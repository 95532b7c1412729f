"""The learning buttons, pressed at a running server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cli.learning import LIST, MOST_BYTES
from engine.shapes import replace
from engine.status import State
from readmodels.records import RECORDS
from readmodels.users import USERS
from tests.engine.toy import until
from tests.running import Client, Shop, opened

RECORD = 'query { record(key: "a") { value } }'
JSON = {"content-type": "application/json"}
WRITE = """mutation($value: String!) { writeRecord(input: {key: "a", value: $value}) {
  receipt { position } record { value } } }"""


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Shop]:
    """The demo's shop, where reads wait for no more than a moment."""
    async with opened(tmp_path, is_demo=True, read_timeout_ms=50) as shop:
        yield shop
        for projection in shop.app.projector.projections.values():
            projection.resume()
            projection.slow(0)


async def pressed(client: Client, name: str, action: str, **more: Any) -> dict[str, dict[str, Any]]:
    """What is said of each projection once a button was pressed."""
    response = await client.http.post(f"{LIST}/{name}", json={"action": action, **more})
    assert response.status_code == 200, response.text
    return {each.pop("name"): each for each in response.json()}


def error(response: httpx.Response) -> tuple[int, str, str]:
    """A refusal: status, code and sentence; it is kept by nobody, and no browser takes it for something else."""
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    ((found,),) = response.json().values()
    return response.status_code, found["extensions"]["code"], found["message"]


async def test_the_list_tells_of_every_projection(demo: Shop) -> None:
    nobody = await demo.viewer(None)
    response = await nobody.http.get(LIST)
    assert response.json() == [
        {"name": name, "isPaused": False, "delayMs": 0} for name in demo.app.projector.projections
    ]
    head = await nobody.http.head(LIST)
    assert (head.status_code, head.text) == (200, "")


async def test_whoever_is_signed_in_can_press(demo: Shop) -> None:
    customer = await demo.viewer("customer")
    assert (await pressed(customer, "records", "pause"))["records"] == {"isPaused": True, "delayMs": 0}
    told = await pressed(customer, "records", "slow", delayMs=250)
    assert told.pop("records") == {"isPaused": True, "delayMs": 250}
    assert {str(each) for each in told.values()} == {"{'isPaused': False, 'delayMs': 0}"}
    assert (await pressed(customer, "records", "resume"))["records"] == {"isPaused": False, "delayMs": 250}
    assert (await demo.http.get(LIST)).json() == [
        {"name": name, "isPaused": False, "delayMs": 250 if name == "records" else 0}
        for name in demo.app.projector.projections
    ]


async def test_in_slow_motion_what_was_accepted_is_shown_later_and_nothing_pretends_otherwise(demo: Shop) -> None:
    await demo.data(WRITE, value="old")
    await demo.settled()
    await pressed(demo, "records", "slow", delayMs=10_000)
    written = await demo.data(WRITE, value="new")
    assert written["receipt"] == {"position": "2"}
    assert written["record"] is None, "one's own write is waited for as usual, and no longer"
    assert await demo.data(RECORD) == {"value": "old"}

    async def is_behind() -> bool:
        (found,) = [
            each for each in await demo.data("{ projections { name state lagEvents } }") if each["name"] == "records"
        ]
        return bool(found["state"] == "CATCHING_UP" and found["lagEvents"])

    await until(is_behind)
    statistics = await demo.data("{ recordStatistics { position } }")
    # The read of before is counted a second later, as an event of its own.
    assert int(statistics["position"]) >= 2, "the others are as fast as ever"
    await pressed(demo, "records", "slow", delayMs=0)
    await demo.settled()
    assert await demo.data(RECORD) == {"value": "new"}


async def test_a_paused_projection_shows_nothing_new_until_it_is_resumed(demo: Shop) -> None:
    await pressed(demo, "records", "pause")
    assert (await demo.data(WRITE, value="new"))["record"] is None
    assert await demo.data(RECORD) is None
    await pressed(demo, "records", "resume")
    await demo.settled()
    assert await demo.data(RECORD) == {"value": "new"}


async def test_a_rebuild_begins_at_once_and_mends_what_is_wrong(demo: Shop) -> None:
    await demo.data(WRITE, value="right")
    await demo.settled()
    rows, records = demo.app.rows, demo.app.projector.projections["records"]
    row, _ = await rows.get(RECORDS, "a")
    assert row is not None
    wrong = replace(row, value="wrong")
    await rows.write(lambda connection: rows.table(RECORDS).write(connection, "a", [wrong], (), ()))
    assert await demo.data(RECORD) == {"value": "wrong"}
    await pressed(demo, "records", "rebuild")

    async def is_mended() -> bool:
        return bool(await demo.data(RECORD) == {"value": "right"})

    await until(is_mended)
    assert (await records.status()).state is State.LIVE


async def test_a_paused_projection_is_not_rebuilt(demo: Shop) -> None:
    await pressed(demo, "records", "pause")
    response = await demo.http.post(f"{LIST}/records", json={"action": "rebuild"})
    assert error(response) == (409, "NOT_ALLOWED_NOW", "records is paused; resume it, then rebuild it.")


@pytest.mark.parametrize("action", ["pause", "resume", "rebuild"])
async def test_what_another_process_projects_is_not_pressed_here(demo: Shop, action: str) -> None:
    projection = demo.app.projector.projections["records"]
    await projection.stop()
    response = await demo.http.post(f"{LIST}/records", json={"action": action})
    assert error(response) == (409, "NOT_ALLOWED_NOW", "Another process projects records; its buttons are there.")
    assert not projection.pace.is_paused


async def test_who_signed_in_while_the_users_stand_still_can_let_them_go_on(demo: Shop) -> None:
    await pressed(demo, "users", "pause")
    customer = await demo.viewer("customer")
    assert (await customer.post("{ me { id } }")).status_code == 503
    assert (await pressed(customer, "users", "resume"))["users"] == {"isPaused": False, "delayMs": 0}
    assert await demo.app.reached(USERS, 1)
    assert await customer.data("{ me { id } }") == {"id": "customer"}


async def test_nobody_presses_without_a_good_token(demo: Shop) -> None:
    url, json = f"{LIST}/records", {"action": "pause"}
    nobody = (await demo.viewer(None)).http
    response = await nobody.post(url, json=json)
    assert error(response) == (401, "UNAUTHENTICATED", "Sign in to do this.")
    assert response.headers["www-authenticate"] == "Bearer"
    for authorization in ("Bearer nonsense", "Bearer", "Basic YTpi", demo.token or ""):
        response = await nobody.post(url, json=json, headers={"authorization": authorization})
        assert error(response)[:2] == (401, "UNAUTHENTICATED"), authorization
    assert not demo.app.projector.projections["records"].pace.is_paused


async def test_no_page_of_another_origin_can_press_or_look(demo: Shop) -> None:
    own = {"origin": f"http://127.0.0.1:{demo.port}"}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        for response in (
            await demo.http.get(LIST, headers=headers),
            await demo.http.post(f"{LIST}/records", json={"action": "pause"}, headers=headers),
        ):
            assert error(response)[:2] == (403, "FORBIDDEN")
    assert not demo.app.projector.projections["records"].pace.is_paused
    assert (await demo.http.get(LIST, headers=own)).status_code == 200


async def test_a_press_of_something_else_is_refused_with_a_sentence(demo: Shop) -> None:
    async def refused(content: bytes, status: int, url: str = f"{LIST}/records", **headers: str) -> str:
        response = await demo.http.post(url, content=content, headers={**JSON, **headers})
        found = error(response)
        assert found[:2] == (status, {400: "BAD_REQUEST", 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE"}[status])
        return found[2]

    pause = b'{"action": "pause"}'
    assert await refused(pause, 404, f"{LIST}/nowhere") == "There is no such projection."
    assert await refused(pause, 404, f"{LIST}/fulfilment") == "There is no such projection.", "a process is none"
    for content in (b"", b"{", b"\xff", b"[]", b"{}", b'{"action": "stop"}', b'{"action": "pause", "also": 1}'):
        assert (await refused(content, 400)).endswith("."), content
    assert await refused(b'{"action": "slow"}', 400) == "To slow down, say by how many milliseconds: delayMs."
    for delay in (b"-1", b"10001", b"1.5", b'"5"', b"true", b"NaN"):
        await refused(b'{"action": "slow", "delayMs": %b}' % delay, 400)
    assert "Expected `int` <= 10000 - at `$.delayMs`" in await refused(b'{"action": "slow", "delayMs": 10001}', 400)
    for size in (MOST_BYTES + 1, 200_000):
        assert await refused(b" " * size, 413) == f"A press has at most {MOST_BYTES} bytes."
    pace = demo.app.projector.projections["records"].pace
    assert (pace.is_paused, pace.seconds) == (False, 0)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=x"])
async def test_a_press_is_json(demo: Shop, kind: str) -> None:
    """What a form or a page elsewhere can send without being asked beforehand is not."""
    response = await demo.http.post(f"{LIST}/records", content=b'{"action": "pause"}', headers={"content-type": kind})
    assert error(response) == (415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8.")


async def test_other_methods_are_refused_with_those_that_are_not(demo: Shop) -> None:
    for url, allowed in ((LIST, "GET, HEAD"), (f"{LIST}/records", "POST")):
        for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - set(allowed.split(", ")):
            response = await demo.http.request(method, url)
            assert error(response)[:2] == (405, "METHOD_NOT_ALLOWED")
            assert response.headers["allow"] == allowed


async def test_without_the_demo_there_are_no_buttons(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        assert (await shop.http.get(LIST)).status_code == 404
        assert (await shop.http.post(f"{LIST}/records", json={"action": "pause"})).status_code in (404, 405)
        assert not shop.app.projector.projections["records"].pace.is_paused


async def test_what_was_pressed_is_forgotten_with_the_process(tmp_path: Path) -> None:
    async with opened(tmp_path, is_demo=True) as shop:
        await pressed(shop, "records", "pause")
        await pressed(shop, "records", "slow", delayMs=10_000)
    async with opened(tmp_path, is_demo=True) as shop:
        async with asyncio.timeout(5):
            await shop.accepted("writeRecord", key="a", value="1")
            await shop.settled()
        assert {(each["isPaused"], each["delayMs"]) for each in (await shop.http.get(LIST)).json()} == {(False, 0)}
