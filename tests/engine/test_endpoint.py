"""The application around the GraphQL endpoint: health, the front page, and who is let in."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from cli.application import DECLARATIONS
from domain.record import WriteRecord
from engine import app as module
from engine.endpoint import OTHER_NAME
from tests.running import PROTOCOL, Shop, opened


async def test_health_and_the_front_page_are_there(shop: Shop) -> None:
    assert (await shop.http.get("/health/live")).json() == {"status": "ok"}
    await shop.accepted("writeRecord", key="a", value="1")
    assert await shop.app.drained()
    state = {"state": "LIVE", "position": "1"}
    assert (await shop.http.get("/health/ready")).json() == {
        "status": "ok",
        "head": "1",
        "projections": dict.fromkeys(DECLARATIONS.followers, state),
        "reasons": [],
    }
    front = await shop.http.get("/")
    assert front.text.startswith("Dispensary\n")
    assert f"http://127.0.0.1:{shop.port}/graphql" in front.text
    assert (await shop.http.get("/nothing")).status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:1", "127.9.9.9", "[::1]:8000"])
async def test_a_name_of_this_machine_is_answered(shop: Shop, host: str) -> None:
    assert (await shop.http.get("/health/live", headers={"host": host})).status_code == 200


async def test_any_other_name_is_not(shop: Shop) -> None:
    for host in (
        "example.org", "localhost.example.org", "127.0.0.1.example.org", "127.example.org", "[::1].example.org", "",
        "localhost@example.org", "127.0.0.1:8000.example.org",
    ):  # fmt: skip
        for path in ("/health/live", "/graphql", "/"):
            response = await shop.http.get(path, headers={"host": host})
            assert (response.status_code, response.text) == (421, OTHER_NAME), host


async def test_a_request_has_one_name(shop: Shop) -> None:
    async with asyncio.timeout(10):
        for names in (("127.0.0.1", "example.org"), ("example.org", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")):
            reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
            head = "".join(f"host: {name}\r\n" for name in names)
            writer.write(f"GET /health/live HTTP/1.1\r\n{head}\r\n".encode())
            assert (await reader.readline()).split()[1] == b"400"
            writer.close()


async def test_other_names_are_answered_once_they_are_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path, host="10.0.0.7", allowed_hosts="Shop.example, api.example:8443") as shop:
        answers = {
            host: (await shop.http.get("/health/live", headers={"host": host})).status_code
            for host in (
                "10.0.0.7", "10.0.0.7:8000", "shop.example", "SHOP.example:443", "api.example:8443", "localhost:1",
                "10.0.0.8", "api.example", "api.example:8444", "shop.example.org", "a.shop.example", "shop.example:x",
                "shop.example, evil.example",
            )
        }  # fmt: skip
    assert list(answers.values()) == [200] * 6 + [421] * 7, answers


ORIGINS = {
    "https://shop.example": True,
    "HTTPS://Shop.example": True,
    "http://shop.example": False,
    "https://shop.example:444": False,
    "https://shop.example.org": False,
    "null": False,
    "https://evil.example": False,
}


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_page_from_elsewhere_may_ask_only_if_it_is_allowed(tmp_path: Path, origin: str) -> None:
    async with opened(tmp_path, allowed_origins="https://Shop.example") as shop:
        asked = [
            await shop.http.post("/graphql", json={"query": "{ medicines { position } }"}, headers={"origin": origin}),
            await shop.http.get("/graphql?query={medicines{position}}", headers={"origin": origin}),
        ]
        for response in asked:
            if ORIGINS[origin]:
                assert response.json()["data"] == {"medicines": {"position": "0"}}
            else:
                assert response.status_code == 403
                assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        url = f"ws://127.0.0.1:{shop.port}/graphql"
        socket = connect(url, subprotocols=[PROTOCOL], compression=None, origin=Origin(origin))
        if ORIGINS[origin]:
            async with socket:
                pass
        else:
            with pytest.raises(InvalidStatus, match="403"):
                await socket


async def test_the_shops_own_pages_may_always_ask(shop: Shop) -> None:
    own = {"origin": f"http://127.0.0.1:{shop.port}"}
    answer = await shop.http.post("/graphql", json={"query": "{ medicines { position } }"}, headers=own)
    assert answer.json()["data"] == {"medicines": {"position": "0"}}
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_is_told_that_an_allowed_page_may_read_the_answer(tmp_path: Path) -> None:
    async with opened(tmp_path, allowed_origins="https://shop.example") as shop:
        wish = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,last-event-id",
        }
        asked = await shop.http.options("/graphql", headers={"origin": "https://shop.example", **wish})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == "https://shop.example"
        assert "authorization" in asked.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in asked.headers
        answer = await shop.http.post(
            "/graphql", json={"query": "{ medicines { position } }"}, headers={"origin": "https://shop.example"}
        )
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        other = await shop.http.options("/graphql", headers={"origin": "https://evil.example", **wish})
        assert (other.status_code, "access-control-allow-origin" in other.headers) == (400, False)


async def test_old_command_ids_are_forgotten_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.01)
    async with opened(tmp_path) as shop:
        await shop.app.dispatcher.send(WriteRecord(key="a", value="1"), command_id="old")
        await shop.app.log.writer.run(lambda connection: connection.execute("UPDATE commands SET accepted_at = 0"))
        await shop.app.dispatcher.send(WriteRecord(key="a", value="2"), command_id="new")
        while await shop.app.log.command("old"):
            pass
        assert await shop.app.log.command("new")


async def test_forgetting_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING", 0.01)
    with capture_logs() as logs:
        async with opened(tmp_path) as shop:
            await shop.app.log.writer.run(
                lambda connection: connection.execute("ALTER TABLE commands RENAME TO hidden")
            )
            while sum(line["log_level"] != "info" for line in logs) < 2:
                await shop.app.log.head()
                await shop.http.get("/health/live")
            await shop.app.log.writer.run(
                lambda connection: connection.execute("ALTER TABLE hidden RENAME TO commands")
            )
    assert {line["event"] for line in logs if line["log_level"] != "info"} == {"old command ids not forgotten"}
