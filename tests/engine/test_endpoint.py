"""The application around the GraphQL endpoint: health, the front page, and who is let in."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cli.application import DECLARATIONS
from domain.record import WriteRecord
from engine import app as module
from engine.endpoint import OTHER_NAME
from tests.running import Shop, opened


async def test_health_and_the_front_page_are_there(shop: Shop) -> None:
    assert (await shop.http.get("/health/live")).json() == {"status": "ok"}
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    state = {"state": "LIVE", "position": "1"}
    assert (await shop.http.get("/health/ready")).json() == {
        "status": "ok",
        "head": "1",
        "projections": {model.name: state for model in DECLARATIONS.models},
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
            while len(logs) < 2:
                await shop.app.log.head()
                await shop.http.get("/health/live")
            await shop.app.log.writer.run(
                lambda connection: connection.execute("ALTER TABLE hidden RENAME TO commands")
            )
    assert {line["event"] for line in logs} == {"old command ids not forgotten"}
