"""Frames as a client sees them: what `removed` names is what `upserted` named before."""

from dataclasses import replace

import pytest

from engine.graphql.execution import Executor, Request
from engine.graphql.result import Result
from engine.graphql.scalars import Position
from tests.running import Shop, as_staff, built

FOLLOW = "subscription { records { kind upserted { id } removed } }"


async def test_a_removed_record_goes_by_the_id_it_came_with(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="greeting", value="hello")
    await shop.settled()
    async with shop.follow(FOLLOW) as stream:
        assert await stream.next() == {"kind": "SNAPSHOT", "upserted": [{"id": "record_greeting"}], "removed": []}
        await shop.accepted("deleteRecord", key="greeting")
        assert await stream.next() == {"kind": "CHANGES", "upserted": [], "removed": ["record_greeting"]}


@pytest.mark.parametrize("after", ["", '(after: "0")', '(after: "2")'])
@pytest.mark.parametrize("view", ["records", "events"])
async def test_a_subscription_goes_on_from_where_its_context_says_whatever_it_says_itself(
    shop: Shop, view: str, after: str
) -> None:
    for number in range(3):
        await shop.accepted("writeRecord", key=f"{number}", value="hello")
    await shop.settled()
    context = replace(as_staff(shop.app), resume=Position(1))
    request = Request(f"subscription {{ {view}{after} {{ since position }} }}")
    stream = await Executor(built()).subscribe(request, context)
    assert not isinstance(stream, Result)
    assert (await anext(stream)).data == {view: {"since": "1", "position": "3"}}
    await stream.aclose()
