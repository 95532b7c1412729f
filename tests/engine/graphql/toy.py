"""A schema with one of everything, and the endpoint that serves it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from engine import serving
from engine.faults import Unavailable
from engine.graphql.cost import MAX_COST
from engine.graphql.errors import ProtocolError
from engine.graphql.execution import Executor, Peer, Request, Scope
from engine.graphql.frame import Span
from engine.graphql.http import GraphQLOverHTTP, Receive, Send
from engine.graphql.sse import EventStreams
from engine.graphql.websocket import GraphQLOverWebSocket

Position = NewType("Position", int)
Anything = NewType("Anything", object)


def _position(value: Any) -> Position:
    if value == "-1":
        raise ProtocolError("OUT_OF_RANGE", "Before the first.")
    if not isinstance(value, str) or not value.isdigit():
        raise ValueError("A position is a decimal string.")
    return Position(int(value))


@dataclass
class Events:
    """What a test waits for, or lets happen."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    cleaned: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0


@dataclass
class Context:
    """The context of one operation."""

    peer: Peer
    request: Request
    events: Events
    loader: DataLoader[int, int]
    batches: list[list[int]]
    resume: Position | None = None


Info = strawberry.Info[Context, None]


class Staff(BasePermission):
    message = "Staff only."

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return False


class Admin(BasePermission):
    message = "Admins only."
    error_extensions = {"code": "UNAUTHENTICATED"}  # noqa: RUF012 - Strawberry declares it as an instance variable

    async def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return False


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class Cat(Node):
    lives: int


@strawberry.type
class Dog(Node):
    tricks: list[str]


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]


@strawberry.input
class Pair:
    first: str
    second: str = "two"


@strawberry.input
class Deep:
    inner: "Deep | None" = strawberry.UNSET


@strawberry.input(one_of=True)
class OneOf:
    left: strawberry.Maybe[str]
    right: strawberry.Maybe[str]


@strawberry.type
class Both:
    first: str
    second: str


@strawberry.type
class Step(Span):
    since: Position  # type: ignore[assignment]  # the scalar of this schema
    position: Position  # type: ignore[assignment]  # as above
    more: bool

    @property
    def is_exact(self) -> bool:
        return not self.more

    @strawberry.field
    def fails_at(self, at: int) -> str | None:
        if self.position == at:
            raise ProtocolError("STALE_READ", "Not this one.")
        return None


FAULTS: dict[str, Exception] = {
    "fault": RuntimeError("the password is hunter2"),
    "locked": sqlite3.OperationalError("database is locked"),
    "away": Unavailable("disk full"),
    "protocol": ProtocolError("STALE_READ", "Too early.", {"position": "7"}),
    "coded": GraphQLError("Slow down.", extensions={"code": "RATE_LIMITED", "after": 3}),
    "plain": GraphQLError("secret"),
}


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    async def later(self, info: Info) -> str:
        await asyncio.get_running_loop().run_in_executor(None, int)
        return info.field_name

    @strawberry.field
    def add(self, a: int, b: int = 2) -> int:
        return a + b

    @strawberry.field
    def echo_position(self, position: Position) -> Position:
        return Position(position + 1)

    @strawberry.field
    def anything(self, info: Info, what: str) -> Anything | None:
        return Anything({"big": 2**70, "surrogate": "\ud800", "object": object(), "nan": float("inf")}[what])

    @strawberry.field
    def nodes(self) -> list[Node]:
        return [Cat(id=strawberry.ID("c"), lives=9), Dog(id=strawberry.ID("d"), tricks=["sit"])]

    @strawberry.field
    def pet(self, dog: bool) -> Pet:
        return Dog(id=strawberry.ID("d"), tricks=[]) if dog else Cat(id=strawberry.ID("c"), lives=1)

    @strawberry.field
    async def loaded(self, info: Info, key: int) -> int:
        return await info.context.loader.load(key)

    @strawberry.field
    def batches(self, info: Info) -> int:
        return len(info.context.batches)

    @strawberry.field
    def deep(self, input: Deep) -> bool:
        return True

    @strawberry.field
    def one(self, input: OneOf) -> bool:
        return True

    @strawberry.field
    def principal(self, info: Info) -> str:
        return f"{info.context.peer.principal} {dict(info.context.peer.params or {})}"

    @strawberry.field
    def extension(self, info: Info) -> str:
        return str(info.input_extensions["colour"] if info.input_extensions else None)

    @strawberry.field
    def variable(self, info: Info, a: int) -> str:
        return str(info.variable_values)

    @strawberry.field
    def fails(self, how: str) -> str | None:
        raise FAULTS[how]

    @strawberry.field
    def never_null(self) -> str:
        return None  # type: ignore[return-value]  # what a faulty resolver would do

    @strawberry.field(permission_classes=[Staff])  # type: ignore[untyped-decorator]  # Strawberry's, with this argument
    def staff(self) -> str | None:
        return "in"

    @strawberry.field(permission_classes=[Admin])  # type: ignore[untyped-decorator]  # as above
    async def admin(self) -> str | None:
        return "in"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def join(self, input: Pair) -> Both:
        return Both(first=input.first, second=input.second)

    @strawberry.mutation
    async def become(self, info: Info, whom: str) -> str:
        assert info.context.peer.renew is not None
        await info.context.peer.renew(whom)
        return whom

    @strawberry.mutation
    async def slow(self, info: Info) -> bool:
        info.context.events.started.set()
        await info.context.events.release.wait()
        info.context.events.done.set()
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def steps(self, info: Info, to: int = 5, after: Position = Position(0)) -> AsyncGenerator[Step, None]:
        """From 0 there is nothing to go on from; a step between two even places is not the last of its run."""
        start = after if info.context.resume is None else info.context.resume
        for number in range(start, to):
            yield Step(since=Position(number - number % 2), position=Position(number), more=number % 2 == 1)
        if to > 5:
            await info.context.events.release.wait()

    @strawberry.subscription
    async def endless(self, info: Info, text: str = "") -> AsyncGenerator[str, None]:
        events = info.context.events
        events.running += 1
        try:
            events.started.set()
            yield text or "first"
            await events.release.wait()
            while True:
                yield text or "more"
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            events.running -= 1
            events.cleaned.set()

    @strawberry.subscription
    async def stubborn(self, info: Info) -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            info.context.events.started.set()
            await info.context.events.release.wait()
            info.context.events.cleaned.set()

    @strawberry.subscription
    async def breaks(self, how: str) -> AsyncGenerator[int, None]:
        yield 1
        raise FAULTS[how]

    @strawberry.subscription
    async def field_fails(self) -> AsyncGenerator[int | None, None]:
        yield 2**40
        yield 2

    @strawberry.subscription
    async def cleanup_fails(self, info: Info, text: str = "") -> AsyncGenerator[str, None]:
        try:
            info.context.events.started.set()
            while True:
                yield text
                await info.context.events.release.wait()
                await asyncio.sleep(0)
        finally:
            info.context.events.cleaned.set()
            raise RuntimeError("in the clean-up")

    @strawberry.subscription(permission_classes=[Staff])  # type: ignore[untyped-decorator]  # as above
    async def staff(self) -> AsyncGenerator[int, None]:
        yield 1

    @strawberry.subscription
    async def refuses(self, how: str) -> AsyncGenerator[int, None]:
        raise FAULTS[how]
        yield 1  # type: ignore[unreachable]  # what makes it a generator


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Cat, Dog],
    config=StrawberryConfig(
        scalar_map={
            Position: strawberry.scalar(name="Position", serialize=str, parse_value=_position),
            Anything: strawberry.scalar(name="Anything", serialize=lambda value: value),
        }
    ),
)


def cost(requested: int) -> dict[str, Any]:
    """The extensions of an answer that holds so many values at most."""
    return {"cost": {"requested": requested, "limit": MAX_COST}}


async def on_connect(params: Mapping[str, Any] | None, scope: Scope) -> Any:
    """Lets everyone in but those who ask not to be."""
    how = (params or {}).get("fail")
    if how == "hang":
        await asyncio.Event().wait()
    if how:
        raise FAULTS[how]
    return (params or {}).get("user")


def for_ever(principal: Any) -> None:
    return None


class Toy:
    """The endpoint: one path, both transports."""

    def __init__(self, **options: Any) -> None:
        self.events = Events()
        self.executor = Executor(SCHEMA, options.get("persisted"))
        http = {key: options[key] for key in ("max_body",) if key in options}
        sockets = {key: options[key] for key in ("limits", "allowed_origins", "on_connect") if key in options}
        streams = {key: options[key] for key in ("lasts", "heartbeat", "most") if key in options}
        self.streams = EventStreams(self.on_request, **{"lasts": for_ever, **streams})
        self.http = GraphQLOverHTTP(self.executor, self.context, self.streams, **http)
        self.sockets = GraphQLOverWebSocket(self.executor, self.context, **{"on_connect": on_connect, **sockets})
        self.contexts: list[Context] = []

    async def context(self, peer: Peer, request: Request) -> Context:
        how = (request.extensions or {}).get("fail")
        if how:
            raise FAULTS[how]
        if (request.extensions or {}).get("waits"):
            self.events.started.set()
            await self.events.release.wait()
        batches: list[list[int]] = []

        async def load(keys: list[int]) -> list[int]:
            batches.append(keys)
            return [key * 10 for key in keys]

        made = Context(peer, request, self.events, DataLoader(load), batches)
        self.contexts.append(made)
        return made

    async def on_request(self, scope: Scope) -> Any:
        """Lets everyone in but those who ask not to be."""
        headers = dict(scope["headers"])
        if how := headers.get(b"fail"):
            raise FAULTS[how.decode()]
        return headers.get(b"user", b"").decode() or None

    async def drain(self) -> None:
        await asyncio.gather(self.sockets.drain(), self.streams.drain())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.http(scope, receive, send)
        else:
            assert scope["type"] == "websocket", "no lifespan"
            await self.sockets(scope, receive, send)


@dataclass
class Live:
    """A toy that listens."""

    toy: Toy
    port: int
    server: serving.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


@asynccontextmanager
async def live(**options: Any) -> AsyncIterator[Live]:
    """A toy behind a real server on a free port."""
    toy = Toy(**options)
    serves = {
        key: options[key] for key in ("ping_interval", "ping_timeout", "body_limit", "graceful") if key in options
    }
    async with serving.running(toy, drain=toy.drain, **serves) as server:
        yield Live(toy, server.port, server)
