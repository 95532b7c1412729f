"""Subscriptions of the shop as server-sent events: nothing is missed, and nobody keeps one that they may not have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.user import SuspendUser
from engine import clock
from tests.running import PATIENCE, Client, Shop, opened

RECORDS = "subscription($after: Position) { records(after: $after) { kind since upserted { key } removed } }"
EVENTS = "subscription { events { since events { type } } }"


@dataclass
class Events:
    """The events of one stream, in order."""

    response: httpx.Response
    lines: AsyncIterator[str]

    async def next(self) -> tuple[str | None, Any]:
        """The id and the answer of the next event; for `complete` and the end of the stream the word for it."""
        identity, kind = None, "end"
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                name, _, value = line.partition(":")
                if name == "id":
                    identity = value.strip()
                elif name == "event":
                    kind = value.strip()
                elif name == "data":
                    return identity, json.loads(value)["data"] if value else kind
        return identity, kind


@asynccontextmanager
async def stream(client: Client, query: str, last: str | None = None, **variables: Any) -> AsyncIterator[Events]:
    headers = {"accept": "text/event-stream", **({} if last is None else {"last-event-id": last})}
    body = {"query": query, "variables": variables}
    async with client.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        yield Events(response, response.aiter_lines())


async def write(shop: Shop, *keys: str) -> None:
    for key in keys:
        await shop.accepted("writeRecord", key=key, value="1")
    await shop.settled()


async def test_a_view_goes_on_from_the_last_event_whatever_after_says(shop: Shop) -> None:
    await write(shop, "a", "b")
    async with stream(shop, RECORDS) as events:
        first = {"kind": "SNAPSHOT", "since": "0", "upserted": [{"key": "a"}, {"key": "b"}], "removed": []}
        assert await events.next() == ("2", {"records": first})
        await write(shop, "c")
        change = {"kind": "CHANGES", "since": "2", "upserted": [{"key": "c"}], "removed": []}
        assert await events.next() == ("3", {"records": change})
    await write(shop, "d")
    await shop.accepted("deleteRecord", key="a")
    await shop.settled()
    for after in (None, "1", "999"):
        async with stream(shop, RECORDS, "3", after=after) as events:
            missed = {"kind": "CHANGES", "since": "3", "upserted": [{"key": "d"}], "removed": ["record_a"]}
            assert await events.next() == ("5", {"records": missed})


async def test_a_position_that_cannot_be_gone_on_from_is_forgotten(shop: Shop) -> None:
    await write(shop, "a")
    async with stream(shop, RECORDS, "999") as events:
        assert await events.next() == (
            "",
            {"records": {"kind": "RESET", "since": "999", "upserted": [], "removed": []}},
        )
        again = {"kind": "SNAPSHOT", "since": "0", "upserted": [{"key": "a"}], "removed": []}
        assert await events.next() == ("1", {"records": again})


async def test_the_log_goes_on_from_the_last_event(shop: Shop) -> None:
    async with stream(shop, EVENTS) as events:
        assert events.response.status_code == 200
    await write(shop, "a", "b")
    async with stream(shop, EVENTS, "1") as events:
        assert await events.next() == ("2", {"events": {"since": "1", "events": [{"type": "RecordWritten"}]}})


async def test_one_row_has_no_ids_and_a_command_ends_its_stream(shop: Shop) -> None:
    async with stream(shop, 'subscription { record(key: "a") { position } }', "5") as events:
        assert await events.next() == (None, {"record": None})
        await write(shop, "a")
        assert await events.next() == (None, {"record": {"position": "1"}})
    await shop.accepted("writeRecord", key="b", value="1", commandId="c1")
    await shop.settled()
    async with stream(shop, 'subscription { command(id: "c1") { isComplete } }') as events:
        assert await events.next() == (None, {"command": {"isComplete": True}})
        assert await events.next() == (None, "complete")


async def test_a_suspended_account_loses_its_stream_and_gets_no_other(shop: Shop) -> None:
    ada, bob = [await shop.viewer("customer", name) for name in ("ada", "bob")]
    async with stream(ada, RECORDS) as hers, stream(bob, RECORDS) as his:
        for events in (hers, his):
            assert (await events.next())[1]["records"]["kind"] == "SNAPSHOT"
        await shop.command(SuspendUser(user_id="ada", reason="Asked for it."))
        assert (await hers.next())[1] == "end"
        await write(shop, "a")
        assert (await his.next())[1]["records"]["upserted"] == [{"key": "a"}]
    async with stream(ada, RECORDS) as events:
        assert events.response.status_code == 401


async def test_a_stream_ends_with_its_token(tmp_path: Path) -> None:
    start, elapsed = clock.now(), [timedelta()]
    async with opened(tmp_path, now=lambda: start + elapsed[0], token_lifetime_minutes=1) as shop:
        elapsed[0] = timedelta(seconds=58.5)
        async with stream(shop, RECORDS) as events:
            assert (await events.next())[1]["records"]["kind"] == "SNAPSHOT"
            assert (await events.next())[1] == "end"
        elapsed[0] = timedelta(seconds=61)
        async with stream(shop, RECORDS) as events:
            assert events.response.status_code == 401


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic x"])
async def test_nobody_streams_with_a_token_that_is_none(shop: Shop, header: str) -> None:
    headers = {"accept": "text/event-stream", "authorization": header}
    response = await shop.http.post("/graphql", json={"query": RECORDS}, headers=headers)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_what_only_staff_may_see_is_refused_in_the_stream(shop: Shop) -> None:
    customer = await shop.viewer("customer")
    headers = {"accept": "text/event-stream"}
    response = await customer.http.post("/graphql", json={"query": EVENTS}, headers=headers)
    assert response.status_code == 200
    assert '"code":"FORBIDDEN"' in response.text
    assert response.text.endswith("event: complete\ndata:\n\n")
