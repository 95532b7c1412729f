"""Stock Strawberry, as its documentation serves it, with both its caches: its limits without a database behind it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import strawberry
from broadcaster import Broadcast
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.bare import ID
from engine.graphql.mutation import ReceiptType
from engine.graphql.scalars import SCALARS, Position
from schema.medicines import MedicineFilter, RegisterMedicineInput
from schema.records import WriteRecordInput, WriteRecordPayload

RECEIPT = ReceiptType(
    command_id=strawberry.ID(ID),
    position=Position(1),
    stream="record-benchmark-00000001",
    version=1,
    accepted_at=datetime(2030, 1, 1, 12, tzinfo=UTC),
    replayed=False,
)


def served(mutation: type, subscription: type | None = None, **options: Any) -> Starlette:
    """An application with this API at /graphql."""
    schema = strawberry.Schema(
        Query,
        mutation,
        subscription,
        extensions=[lambda: ParserCache(), lambda: ValidationCache()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    endpoint: GraphQL[Any, Any] = GraphQL(schema)
    routes = [Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint), *options.pop("routes", ())]
    return Starlette(routes=[*routes, Mount("/graphql", endpoint)], **options)


@strawberry.type
class Query:
    nothing: str | None = None


def constant() -> Starlette:
    """The same mutation as ours. It does nothing."""

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def write_record(self, input: WriteRecordInput) -> WriteRecordPayload:
            return WriteRecordPayload(receipt=RECEIPT, errors=[])

    return served(Mutation)


@strawberry.type
class Entry:
    """A record, or a medicine: what either is asked for."""

    key: str
    value: str
    id: strawberry.ID
    name: str
    version: int
    position: str
    price: strawberry.Private[Decimal]


@strawberry.type
class Frame:
    kind: str
    since: str
    position: str
    more: bool
    upserted: list[Entry]
    removed: list[strawberry.ID]


class Feed:
    """Hands every change to every generator."""

    def __init__(self) -> None:
        self.broadcast = Broadcast("memory://")
        self._positions = count(1)

    async def publish(self, channel: str, key: str, text: str, price: Decimal = Decimal(0)) -> WriteRecordPayload:
        position = next(self._positions)
        entry = Entry(
            key=key, value=text, id=strawberry.ID(key), name=text, version=1, position=str(position), price=price
        )
        await self.broadcast.publish(channel, entry)
        return WriteRecordPayload(receipt=replace(RECEIPT, position=Position(position)), errors=[])

    async def follow(self, channel: str, concerns: Callable[[Entry], bool]) -> AsyncGenerator[Frame, None]:
        events: Any  # broadcaster types its iteration as one that may be missing
        async with self.broadcast.subscribe(channel) as events:
            frame = Frame(kind="SNAPSHOT", since="0", position="0", more=False, upserted=[], removed=[])
            yield frame
            async for event in events:
                entry: Entry = event.message
                if concerns(entry):
                    frame = _after(frame, entry)
                    yield frame


def _after(frame: Frame, entry: Entry) -> Frame:
    return Frame(
        kind="CHANGES", since=frame.position, position=entry.position, more=False, upserted=[entry], removed=[]
    )


def generators() -> Starlette:
    """A generator for each subscriber, which hears of every change from the broadcaster and passes on its own."""
    feed = Feed()

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def write_record(self, input: WriteRecordInput) -> WriteRecordPayload:
            return await feed.publish("records", input.key, input.value)

        @strawberry.mutation
        async def register_medicine(self, input: RegisterMedicineInput) -> WriteRecordPayload:
            return await feed.publish("medicines", str(input.id), input.name, input.price)

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        def records(self, prefix: str | None = None) -> AsyncGenerator[Frame, None]:
            return feed.follow("records", lambda entry: prefix is None or entry.key.startswith(prefix))

        @strawberry.subscription
        def medicines(self, filter: MedicineFilter) -> AsyncGenerator[Frame, None]:
            most = filter.max_price or Decimal(0)
            return feed.follow("medicines", lambda entry: entry.price <= most)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with feed.broadcast:
            yield

    return served(Mutation, Subscription, lifespan=lifespan)
