"""What is shared among subscribers: the work, and never what only one of them may see."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from graphql import OperationType

from domain.standing import Role
from engine.graphql.execution import Executor, Request
from engine.graphql.result import Result
from engine.graphql.stream import Stream
from engine.store.newest import Newest
from engine.store.readstore import ReadStore
from schema.access import NOBODY_IN_PARTICULAR, TABLE, seen_as
from schema.viewers import ANONYMOUS, Viewer
from tests.running import PATIENCE, Client, Shop, View, as_staff, built
from tests.schema.ordering import lines, paid, stocked
from tests.schema.test_strangers import SCHEMA, STREAMS, asked, everything

RECORDS = (
    "subscription($prefix: String, $after: Position) "
    "{ records(prefix: $prefix, after: $after) { kind since position more upserted { id key value } removed } }"
)
MANY = 200


class Counted:
    """How often something was called, from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.calls = 0
        ordinary = getattr(owner, name)

        def counting(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            return ordinary(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)


async def groups(shop: Shop, count: int, members: int) -> None:
    """Wait until so many groups have so many members altogether."""
    found = shop.front.endpoint.sockets.groups
    async with asyncio.timeout(PATIENCE):
        while len(found) != count or found.members != members:
            await asyncio.get_running_loop().run_in_executor(None, int)


@pytest.fixture(params=[0, 1], ids=["written here", "written elsewhere"])
def reads_of_a_change(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a change is read back: not at all in the process that wrote it, once in any other."""
    if request.param:
        monkeypatch.setattr(Newest, "after", lambda *_: None)
    return int(request.param)


async def test_many_watchers_of_a_view_cost_one_read_one_execution_and_one_encoding(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, reads_of_a_change: int
) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(shop.follow(RECORDS)) for _ in range(MANY)]
        views = [View() for _ in streams]
        for view, stream in zip(views, streams, strict=True):
            view.apply(await stream.next())
        await groups(shop, 1, MANY)
        reads = Counted(monkeypatch, ReadStore, "changes")
        executions = Counted(monkeypatch, Stream, "answer")
        encodings = Counted(monkeypatch, Result, "encode")
        receipt = await shop.accepted("writeRecord", key="b", value="2")
        for view, stream in zip(views, streams, strict=True):
            await view.until(stream, receipt["position"])
        # One of the encodings is the mutation's own answer.
        assert (reads.calls, executions.calls, encodings.calls) == (reads_of_a_change, 1, 2)
    assert [view.rows for view in views] == [views[0].rows] * MANY
    assert [row["value"] for row in views[0].rows.values()] == ["1", "2"]
    await groups(shop, 0, 0)


async def test_those_who_come_one_after_the_other_share_what_the_first_was_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    async with shop.follow(RECORDS) as first:
        View().apply(await first.next())
        await groups(shop, 1, 1)
        executions = Counted(monkeypatch, Stream, "answer")
        async with AsyncExitStack() as stack:
            for number in range(5):
                stream = await stack.enter_async_context(shop.follow(RECORDS))
                assert (await stream.next())["kind"] == "SNAPSHOT"
                await groups(shop, 1, number + 2)
        assert executions.calls == 0


async def test_one_who_comes_late_is_shown_what_is_now(shop: Shop) -> None:
    async with shop.follow(RECORDS) as first:
        View().apply(await first.next())
        receipt = await shop.accepted("writeRecord", key="a", value="1")
        View().apply(await first.next())
        async with shop.follow(RECORDS) as second:
            frame = await second.next()
            assert (frame["kind"], frame["position"], len(frame["upserted"])) == ("SNAPSHOT", receipt["position"], 1)


async def test_one_who_resumes_shares_with_those_who_never_left(shop: Shop) -> None:
    receipts = [await shop.accepted("writeRecord", key=key, value=key) for key in "abc"]
    await shop.settled()
    async with shop.follow(RECORDS) as first, AsyncExitStack() as stack:
        view = View()
        view.apply(await first.next())
        for receipt in receipts:
            stream = await stack.enter_async_context(shop.follow(RECORDS, after=receipt["position"]))
            frame = await stream.next()
            assert (frame["kind"], frame["since"]) == ("CHANGES", receipt["position"])
        await groups(shop, 1, 4)


async def test_other_variables_documents_and_filters_are_groups_of_their_own(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    ways: list[tuple[str, dict[str, Any]]] = [
        (RECORDS, {}),
        (RECORDS, {"prefix": "a"}),
        (RECORDS, {"prefix": "b"}),
        (RECORDS, {"prefix": None}),
        (RECORDS + " ", {}),
    ]
    async with AsyncExitStack() as stack:
        for query, variables in ways * 2:
            stream = await stack.enter_async_context(shop.follow(query, **variables))
            await stream.next()
        await groups(shop, len(ways), 2 * len(ways))


async def test_views_that_differ_in_their_filter_share_the_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, reads_of_a_change: int
) -> None:
    async with AsyncExitStack() as stack:
        streams = {}
        for number in range(20):
            streams[number] = await stack.enter_async_context(shop.follow(RECORDS, prefix=f"k{number:02}"))
            await streams[number].next()
        await groups(shop, 20, 20)
        reads = Counted(monkeypatch, ReadStore, "changes")
        await shop.accepted("writeRecord", key="k07", value="x")
        assert [row["key"] for row in (await streams[7].next())["upserted"]] == ["k07"]
        assert reads.calls == reads_of_a_change
        await streams[8].stays_silent()


async def test_one_answer_is_made_for_all_views_in_which_the_same_changed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "k" * MANY
    async with AsyncExitStack() as stack:
        prefixes = [key[:length] for length in range(1, MANY + 1)]
        streams = [await stack.enter_async_context(shop.follow(RECORDS, prefix=each)) for each in prefixes]
        views = [View() for _ in streams]
        for value in ("1", "2"):  # the first comes to streams that have no plan yet
            executions, encodings = (Counted(monkeypatch, *each) for each in ((Stream, "answer"), (Result, "encode")))
            receipt = await shop.accepted("writeRecord", key=key, value=value)
            for view, stream in zip(views, streams, strict=True):
                await view.until(stream, receipt["position"])
                assert [(row["key"], row["value"]) for row in view.rows.values()] == [(key, value)]
        # One of the encodings is the mutation's own answer.
        assert (executions.calls, encodings.calls) == (1, 2)


async def watched(shop: Shop, view: View) -> None:
    """Follow a view for a few frames at a time, for ever."""
    while True:
        async with shop.follow(RECORDS, after=view.position) as stream:
            for _ in range(4):
                view.apply(await stream.next())


async def test_a_chain_of_frames_has_no_hole_for_those_who_come_and_go_while_others_write(shop: Shop) -> None:
    views = [View() for _ in range(8)]
    watchers = [asyncio.create_task(watched(shop, view)) for view in views]
    for number in range(300):
        await shop.accepted("writeRecord", key=f"{number % 40}", value=f"{number}")
        if number % 3 == 0:
            await shop.accepted("deleteRecord", key=f"{number % 40}")
    for watcher in watchers:
        watcher.cancel()
    await asyncio.gather(*watchers, return_exceptions=True)
    for view in views:
        async with shop.follow(RECORDS, after=view.position) as stream:
            await view.until(stream, str(shop.app.log.position))
    nodes = (await shop.data("{ records(first: 100) { nodes { id key value } } }"))["nodes"]
    assert [view.rows for view in views] == [{node["id"]: node for node in nodes}] * 8


async def test_a_state_is_told_to_all_at_once_and_to_one_who_comes_late(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = 'subscription { record(key: "a") { value } }'
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.settled()
    async with shop.follow(query) as one, shop.follow(query) as two:
        assert [await one.next(), await two.next()] == [{"value": "1"}] * 2
        await groups(shop, 1, 2)
        executions = Counted(monkeypatch, Stream, "answer")
        await shop.accepted("writeRecord", key="a", value="2")
        assert [await one.next(), await two.next()] == [{"value": "2"}] * 2
        assert executions.calls == 1
        async with shop.follow(query) as late:
            assert await late.next() == {"value": "2"}
            await groups(shop, 1, 3)


async def test_a_shared_subscription_completes_for_all(shop: Shop) -> None:
    query = 'subscription { command(id: "c") { isComplete } }'

    async with shop.follow(query) as one, shop.follow(query) as two:
        await one.stays_silent()
        await two.stays_silent()
        await shop.accepted("writeRecord", key="a", value="1", commandId="c")
        for stream in (one, two):
            last = await stream.next()
            while not last["isComplete"]:
                last = await stream.next()
            await stream.completed()
    await groups(shop, 0, 0)


async def test_a_source_that_fails_is_told_to_all_and_another_try_begins_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop.follow(RECORDS) as one, shop.follow(RECORDS) as two:
        assert [(await each.next())["kind"] for each in (one, two)] == ["SNAPSHOT"] * 2
        await groups(shop, 1, 2)

        async def failing(stream: Stream) -> Any:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(Stream, "next", failing)
        await shop.accepted("writeRecord", key="a", value="1")
        # What is under way is told still; the question after it is the one that fails.
        assert [(await each.next())["upserted"][0]["key"] for each in (one, two)] == ["a", "a"]
        codes = [(await each.error())["extensions"]["code"] for each in (one, two)]
        assert codes == ["INTERNAL", "INTERNAL"]
    monkeypatch.undo()
    async with shop.follow(RECORDS) as again:
        assert (await again.next())["kind"] == "SNAPSHOT"


# ---------------------------------------------------------------- who is shown what


ANN, BOB = Viewer("ann", Role.CUSTOMER), Viewer("bob", Role.CUSTOMER)
CLERK, BOSS = Viewer("clerk", Role.STAFF), Viewer("boss", Role.ADMIN)


@pytest.mark.parametrize("field", sorted(TABLE["Subscription"]))
def test_whoever_may_not_see_the_same_is_not_seen_as_the_same(field: str) -> None:
    access = TABLE["Subscription"][field]
    seen = {viewer: seen_as(viewer, field) for viewer in (ANONYMOUS, ANN, BOB, CLERK, BOSS)}
    for viewer, other in ((one, another) for one in seen for another in seen):
        if access.admits(viewer) != access.admits(other):
            assert seen[viewer] != seen[other]
    assert seen[CLERK] == seen_as(Viewer("another clerk", Role.STAFF), field)
    assert all(each.user_id in (None, NOBODY_IN_PARTICULAR, viewer.user_id) for viewer, each in seen.items())


@pytest.fixture
async def people(shop: Shop) -> dict[str, Client]:
    """Everybody there can be, in a shop where two customers have ordered."""
    await stocked(shop, quantity=100)
    found = {name: await shop.viewer("customer", name) for name in ("ann", "bob")}
    for name, client in found.items():
        await paid(shop, client, f"o-{name}", m1=1)
        await client.accepted("placeOrder", id=f"o2-{name}", lines=lines(m3=1), commandId=f"c-{name}")
    found |= {
        "nobody": await shop.viewer(None),
        "clerk": await shop.viewer("staff"),
        "boss": await shop.viewer("admin"),
    }
    await shop.drained()
    return found


async def alone(shop: Shop, client: Client, query: str, variables: dict[str, Any], patience: float) -> Any:
    """The first answer to a subscription that shares with nobody, in a context that knows all of its viewer."""
    executor = Executor(built())
    viewer = ANONYMOUS if client.token is None else await shop.front.viewers.of(client.token)
    context = replace(as_staff(shop.app), viewer=viewer, actor_id=viewer.user_id)
    request = Request(query, variables)
    operation = executor.plan(request)
    assert not isinstance(operation, Result)
    assert operation.kind is OperationType.SUBSCRIPTION
    stream = await executor.stream(operation, request, context)
    if isinstance(stream, Result):
        return codes(json.loads(stream.encode_errors()))
    answers = stream.answers()
    try:
        async with asyncio.timeout(patience):
            return lasting(json.loads((await anext(answers)).encode())["data"])
    except TimeoutError:
        return None
    finally:
        await answers.aclose()


async def first(stream: Any) -> Any:
    """The first answer, or the codes of the errors in its place; None when nothing is said."""
    said = await everything(stream)
    payload = json.loads(said[0])["payload"] if said else None
    return codes(payload) if isinstance(payload, list) else payload and lasting(payload["data"])


def lasting(value: Any) -> Any:
    """Without the figures that change while nothing happens."""
    if isinstance(value, dict):
        return {key: lasting(each) for key, each in value.items() if not key.endswith("eventsPerSecond")}
    return [lasting(each) for each in value] if isinstance(value, list) else value


def codes(errors: Any) -> list[str]:
    return [error["extensions"]["code"] for error in errors]


IDS = ["m1", "ann", "o-ann", "o2-bob", "p-o-ann", "c-ann", "nothing"]


@pytest.mark.parametrize("name", STREAMS)
async def test_everybody_is_shown_in_company_what_they_are_shown_alone(
    name: str, shop: Shop, people: dict[str, Client]
) -> None:
    assert SCHEMA.subscription_type
    field = SCHEMA.subscription_type.fields[name]
    for query, variables in asked("subscription", name, field, IDS):
        async with AsyncExitStack() as stack:
            # Each twice, and the one who sees most comes first.
            order = ["boss", "clerk", "ann", "bob", "nobody"] * 2
            streams = [await stack.enter_async_context(people[who].follow(query, **variables)) for who in order]
            shown = await asyncio.gather(*map(first, streams))
            async with asyncio.timeout(PATIENCE):
                for at in range(len(order)):  # of two who are the same one may be told later, and is waited for
                    while shown[at] is None and shown[(at + len(people)) % len(order)] is not None:
                        shown[at] = await first(streams[at])
        told = dict(zip(order, shown, strict=True))  # who was told something is told something alone, however late
        expected = {
            who: await alone(shop, client, query, variables, 0.5 if told[who] is None else PATIENCE)
            for who, client in people.items()
        }
        assert shown == [expected[who] for who in order], (query, variables)
