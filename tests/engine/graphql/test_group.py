"""Groups, with sources that a test feeds: what each member is told, and when a source ends."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
import strawberry
from structlog.testing import capture_logs

from engine.graphql.documents import Operation
from engine.graphql.execution import Executor, Request
from engine.graphql.group import Group
from engine.graphql.result import Result
from engine.graphql.sharing import Groups

PATIENCE = 5.0
REQUEST = Request("subscription { state }")


@dataclass
class Sources:
    """Every source that was begun, in order: what it is to give, and whether it was closed."""

    fed: list[asyncio.Queue[str]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    may_close: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_close.set()

    async def source(self) -> AsyncGenerator[str, None]:
        number, given = len(self.fed), asyncio.Queue[str]()
        self.fed.append(given)
        try:
            while True:
                yield await given.get()
        finally:
            await self.may_close.wait()
            self.closed.add(number)


@dataclass
class Context:
    sources: Sources
    resume: Any = None

    def shared(self, field: str) -> tuple[Hashable, Self]:
        return "everybody", self


@dataclass(eq=False)
class Watcher:
    """A member that notes what it is told."""

    group: Group | None = None
    since: int | None = None
    told: bytes | None = None
    heard: list[str] = field(default_factory=list)
    can_share = True

    async def send(self, answer: bytes) -> None:
        self.push(answer)

    def push(self, answer: bytes) -> bool:
        self.heard.append(orjson.loads(answer)["data"]["state"])
        return True

    def fell_behind(self) -> None:
        raise AssertionError("it reads all it is sent")

    def finished(self, why: Result | None) -> None:
        raise AssertionError("the source does not end")


@strawberry.type
class Query:
    nothing: None = None


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def state(self, info: strawberry.Info[Context, None]) -> AsyncGenerator[str, None]:
        async with aclosing(info.context.sources.source()) as given:
            async for each in given:
                yield each


class Room:
    """Groups over one executor."""

    def __init__(self) -> None:
        executor = Executor(strawberry.Schema(query=Query, subscription=Subscription))
        self.groups, self.sources = Groups(executor), Sources()
        operation = executor.plan(REQUEST)
        assert isinstance(operation, Operation)
        self._operation = operation

    async def follow(self, member: Watcher) -> None:
        subscription = self.groups.subscription(self._operation, REQUEST, Context(self.sources))
        assert await self.groups.follow(subscription, member) is None


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0)


async def test_one_who_was_told_of_something_newer_is_not_told_of_what_was_before_it() -> None:
    room, first, second = Room(), Watcher(), Watcher()
    tasks = [asyncio.create_task(room.follow(each)) for each in (first, second)]
    await until(lambda: len(room.sources.fed) == 2)
    mine, other = room.sources.fed
    mine.put_nowait("1")
    await until(lambda: first.group is not None)
    other.put_nowait("2")
    await until(lambda: second.heard)
    mine.put_nowait("2")
    await until(lambda: len(first.heard) == 2)
    for each in (mine, other):
        each.put_nowait("3")
    await until(lambda: second.group is not None)
    mine.put_nowait("4")
    await until(lambda: second.heard[-1] == "4")
    assert (first.heard, second.heard) == (["1", "2", "3", "4"], ["2", "3", "4"])
    assert room.sources.closed == {1}
    await asyncio.gather(*tasks)
    await room.groups.close(PATIENCE)


async def test_a_source_is_closed_also_when_its_only_member_leaves_before_it_is_asked_for_more() -> None:
    room, only = Room(), Watcher()
    task = asyncio.create_task(room.follow(only))
    await until(lambda: room.sources.fed)
    room.sources.fed[0].put_nowait("1")
    await asyncio.sleep(0)
    assert only.group is not None
    kept = only.group.stream  # so that nobody but the group closes it
    only.group.leave(only)
    await task
    await until(lambda: room.sources.closed)
    assert (len(room.groups), only.heard) == (0, ["1"])
    del kept


async def test_a_source_that_does_not_end_holds_nobody_up_who_ends_them_all() -> None:
    room, only = Room(), Watcher()
    task = asyncio.create_task(room.follow(only))
    await until(lambda: room.sources.fed)
    room.sources.fed[0].put_nowait("1")
    await task
    room.sources.may_close.clear()
    with capture_logs() as logs:
        async with asyncio.timeout(PATIENCE):
            await room.groups.close(0.01)
    assert [(each["event"], each["count"]) for each in logs] == [("shared subscriptions do not end when cancelled", 1)]
    room.sources.may_close.set()
    await until(lambda: room.sources.closed)


async def test_a_group_that_is_over_leaves_nothing_in_memory() -> None:
    room, only = Room(), Watcher()
    task = asyncio.create_task(room.follow(only))
    await until(lambda: room.sources.fed)
    room.sources.fed[0].put_nowait("1")
    await task
    del task
    assert only.group is not None
    kept = weakref.ref(only.group)
    gc.disable()
    try:
        only.group.leave(only)
        await until(lambda: kept() is None)
    finally:
        gc.enable()
