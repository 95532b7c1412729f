"""What the log lines of a shop hold: the ids of what they are about, and nobody's data."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine import logs
from engine.graphql.context import Context
from tests.running import PASSWORD, Shop, opened
from tests.schema.ordering import lines, paid, placed, stocked

ANN = {"email": "ann.lee@example.org", "firstName": "Annabel", "lastName": "Leeworth", "password": "long enough 1"}
SIGN_UP = """mutation($input: RegisterUserInput!) { registerUser(input: $input) { receipt { position }
errors { code message } } }"""
LOG_IN = "mutation($input: LogInInput!) { logIn(input: $input) { token errors { code } } }"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """Everything that is logged from here on, as JSON."""
    stream = StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    handlers, level = list(logging.root.handlers), logging.root.level
    before = structlog.get_config()
    logs.configure("debug", "json")
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.configure(**before)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def read(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def _breaks(self: Context, *_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


async def test_a_whole_story_is_logged_without_anybodys_data(
    tmp_path: Path, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as shop:
        await stocked(shop)
        customer = await shop.viewer("customer")
        for _ in range(2):  # the second time the address is in use
            await shop.data(SIGN_UP, input=ANN)
        for password in ("wrong password", ANN["password"]):
            await customer.data(LOG_IN, input={"email": ANN["email"], "password": password})
        await paid(shop, customer, "o1")
        with monkeypatch.context() as broken:
            broken.setattr(Context, "page", _breaks)
            await shop.post("query($name: String) { users(filter: {text: $name}) { position } }", name=ANN["email"])
        await _stall(shop)
    story, found = written.getvalue(), read(written)
    assert {"mail", "fault in an operation", "projection stalled"} <= {line["event"] for line in found}
    private = [*ANN.values(), PASSWORD, "customer@example.org", str(shop.token), str(customer.token), "wrong password"]
    assert [each for each in private if each in story] == []
    assert "Bearer" not in story


async def _stall(shop: Shop) -> None:
    """Have a read model meet an event with somebody's data that it cannot take."""
    await shop.app.rows.write(lambda connection: connection.execute("ALTER TABLE users_a RENAME TO hidden"))
    await shop.data(SIGN_UP, input={**ANN, "email": f"second.{ANN['email']}"})
    projection = shop.app.projector.projections["users"]
    while projection.last_error is None:
        await shop.http.get("/health/live")
    await shop.app.rows.write(lambda connection: connection.execute("ALTER TABLE hidden RENAME TO users_a"))


async def test_a_line_names_the_command_and_the_story_it_belongs_to(
    shop: Shop, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "after", _breaks)
    monkeypatch.setattr(Context, "page", _breaks)
    await shop.post('mutation { writeRecord(input: {key: "a", value: "1", commandId: "c1"}) { record { key } } }')
    await shop.post("{ records { position } }")
    one, other = (line for line in read(written) if line["event"] == "fault in an operation")
    assert (one["command_id"], one["correlation_id"]) == ("c1", "c1")
    assert "command_id" not in other, "the next request is another story"


async def test_what_follows_from_an_event_is_logged_under_its_story(tmp_path: Path, written: StringIO) -> None:
    async with opened(tmp_path) as shop:
        await stocked(shop)
        customer = await shop.viewer("customer")
        await customer.accepted("placeOrder", id="o1", lines=lines(m1=1), commandId="c1")
        await placed(shop, customer, "o2")
    orders = [line for line in read(written) if line["event"] == "mail" and "Order" in line["subject"]]
    assert len({line["correlation_id"] for line in orders}) == 2
    assert "c1" in {line["correlation_id"] for line in orders}
