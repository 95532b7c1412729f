"""A small schema on which a resolver can go wrong in every place, and which counts what it runs."""

import asyncio
import enum
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from strawberry import UNSET
from strawberry.schema.config import StrawberryConfig

from engine.graphql.errors import ProtocolError
from engine.graphql.scalars import SCALARS, Json, Position

FAULTS: dict[str, Callable[[], Exception]] = {
    "protocol": lambda: ProtocolError("STALE_READ", "Too early.", {"position": "7"}),
    "coded": lambda: GraphQLError("Slow down.", extensions={"code": "RATE_LIMITED"}),
}


@dataclass
class Context:
    """The context of one operation: what ran, in order."""

    ran: list[str] = field(default_factory=list)


Info = strawberry.Info[Context, None]


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    GREEN = strawberry.enum_value("g", name="LEAF")


@strawberry.interface
class Thing:
    id: strawberry.ID


@strawberry.type
class Bolt(Thing):
    length: int


@strawberry.type
class Nut(Thing):
    width: float


@strawberry.type
class Screw:
    id: strawberry.ID
    pitch: float


Part = Annotated[Bolt | Screw, strawberry.union("Part")]


@strawberry.type
class Leaves:
    """One of each; every attribute may be given anything."""

    text: str
    number: int
    ratio: float
    flag: bool
    name: strawberry.ID
    colour: Colour
    place: Position
    amount: Decimal
    at: datetime
    anything: Json
    maybe_text: str | None = None
    maybe_colour: Colour | None = None
    maybe_at: datetime | None = None
    texts: list[str] = field(default_factory=list)
    maybe_texts: list[str | None] | None = None
    grid: list[list[int]] = field(default_factory=list)
    thing: Thing | None = None
    things: list[Thing] = field(default_factory=list)
    part: Part | None = None
    inner: "Leaves | None" = None
    bolts: list[Bolt] = field(default_factory=list)

    @strawberry.field
    async def later(self, info: Info, how: str = "", wait: int = 0) -> str | None:
        return await _later(info, f"later {how}{wait}", how, wait)

    @strawberry.field
    async def surely(self, info: Info, how: str = "", wait: int = 0) -> str:
        return await _later(info, f"surely {how}{wait}", how, wait)

    @strawberry.field
    def at_once(self, info: Info, how: str = "") -> str | None:
        info.context.ran.append(f"at once {how}")
        if how:
            raise FAULTS[how]()
        return "at once"

    @strawberry.field
    async def child(self, info: Info, number: int = 7) -> "Leaves | None":
        info.context.ran.append("child")
        await asyncio.sleep(0)
        return leaves(number=number)

    @strawberry.field
    def a_coroutine(self, info: Info) -> str | None:
        return _later(info, "coroutine", "", 1)  # type: ignore[return-value]  # what a resolver may do


async def _later(info: Info, name: str, how: str, wait: int) -> str:
    info.context.ran.append(name)
    for _ in range(wait):
        await asyncio.sleep(0)
    if how:
        raise FAULTS[how]()
    return ".".join(str(each) for each in info.path.as_list()) if hasattr(info.path, "as_list") else name


AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def leaves(**changed: Any) -> Leaves:
    """Leaves as they should be, but for what is changed."""
    usual: dict[str, Any] = {
        "text": "t",
        "number": 1,
        "ratio": 0.5,
        "flag": True,
        "name": "n",
        "colour": Colour.GREEN,
        "place": 41,
        "amount": Decimal("9.50"),
        "at": AT,
        "anything": {"a": [1, None]},
        "texts": ["a", "b"],
        "grid": [[1, 2], []],
        "thing": Nut(id=strawberry.ID("nut"), width=1.5),
        "things": [Bolt(id=strawberry.ID("bolt"), length=3), Nut(id=strawberry.ID("nut"), width=2.0)],
        "part": Screw(id=strawberry.ID("screw"), pitch=0.1),
        "bolts": [Bolt(id=strawberry.ID("b"), length=1), Bolt(id=strawberry.ID("c"), length=2)],
    }
    return Leaves(**{**usual, **changed})


@strawberry.input
class Wish:
    text: str
    number: int = 3
    colour: Colour | None = UNSET
    inner: list["Detail"] | None = UNSET


@strawberry.input
class Detail:
    place: Position | None = UNSET
    words: list[str]
    number: int | None = 4


GIVEN: list[Leaves] = []
"What `leaves` gives, for a test to set."


@strawberry.type
class Query:
    @strawberry.field
    def leaves(self, info: Info) -> Leaves | None:
        info.context.ran.append("leaves")
        return GIVEN[0]

    @strawberry.field
    async def many(self, info: Info, count: int = 2) -> list[Leaves]:
        info.context.ran.append("many")
        return [leaves(number=number) for number in range(count)]

    @strawberry.field
    async def surely(self, info: Info, how: str = "", wait: int = 0) -> str:
        return await _later(info, f"surely {how}{wait}", how, wait)

    @strawberry.field
    async def later(self, info: Info, how: str = "", wait: int = 0) -> str | None:
        return await _later(info, f"later {how}{wait}", how, wait)

    @strawberry.field
    async def wish(
        self,
        info: Info,
        wish: Wish,
        ids: list[strawberry.ID] | None = UNSET,
        ratio: float = 1.5,
        flag: bool | None = None,
    ) -> str:
        info.context.ran.append("wish")
        return repr((wish, ids, ratio, flag, info.variable_values, info.path, info.field_name, info.operation.name))


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: Info, number: int) -> Leaves:
        info.context.ran.append(f"write {number}")
        await asyncio.sleep(0)
        return leaves(number=number)

    @strawberry.mutation
    async def failing(self, info: Info, how: str) -> str | None:
        info.context.ran.append(f"failing {how}")
        raise FAULTS[how]()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def leaves(self, info: Info, count: int = 1) -> AsyncGenerator[Leaves | None, None]:
        for _ in range(count):
            yield GIVEN[0]


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Bolt, Nut],
    config=StrawberryConfig(scalar_map=SCALARS),
)
