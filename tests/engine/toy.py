"""A small domain for the tests of the engine: boxes that are opened, filled, moved and thrown away."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, TypeAlias, assert_never

from engine.shapes import FIXED, SEARCH, Event, ReadModel, Recorded, Row, Value, replace

START = datetime(2026, 1, 1, tzinfo=UTC)


class Weight(Value):
    grams: int
    unit: str = "g"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class BoxOpened(Event):
    box: str
    owner: str
    label: str = ""


class BoxFilled(Event):
    box: str
    grams: int


class BoxThrownAway(Event):
    box: str


class LampLit(Event):
    """Concerns no box."""


Source: TypeAlias = BoxOpened | BoxFilled | BoxThrownAway


class BoxRow(Row):
    id: str
    owner: Annotated[str, FIXED]
    label: Annotated[str, SEARCH]
    weight: Weight = Weight(0)
    is_heavy: bool = False
    limit: Weight | None = None
    color: Color = Color.RED
    value: Decimal = Decimal(0)
    ratio: float = 0.5
    note: str | None = None
    fills: tuple[int, ...] = ()
    emptied_at: datetime | None = None


def keys(event: Source) -> tuple[str, ...]:
    return (event.box,)


def apply(row: BoxRow | None, event: Source) -> BoxRow | None:
    match event:
        case BoxOpened():
            return BoxRow(id=event.box, owner=event.owner, label=event.label)
        case BoxFilled():
            if row is None:
                return None
            grams = row.weight.grams + event.grams
            return replace(row, weight=Weight(grams), is_heavy=grams > 100, fills=(*row.fills, event.grams)[-3:])
        case BoxThrownAway():
            return None
        case _:
            assert_never(event)


BOXES = ReadModel("boxes", row=BoxRow, keys=keys, apply=apply, version=1, of="box", order=("label", "-weight.grams"))


class OwnerRow(Row):
    id: str
    boxes: int = 0
    by: str = ""


def owner_keys(event: BoxOpened) -> tuple[str, ...]:
    return (event.owner,)


def owner_apply(row: OwnerRow | None, event: BoxOpened, recorded: Recorded) -> OwnerRow:
    total = row or OwnerRow(id=event.owner)
    return replace(total, boxes=total.boxes + 1, by=recorded.actor_id or "")


OWNERS = ReadModel("owners", row=OwnerRow, keys=owner_keys, apply=owner_apply, version=1)


class Tape:
    """A log for tests that is written by hand. It holds what it is given, and refuses to read what it is told to."""

    def __init__(self, events: Sequence[Event] = (), log_id: str = "tape") -> None:
        self.id = log_id
        self.recorded: list[Recorded] = []
        self._versions: Counter[str] = Counter()
        self.unreadable: int | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.append(*events)

    def append(self, *events: Event) -> int:
        for event in events:
            position = len(self.recorded) + 1
            stream = f"box-{event.box}" if hasattr(event, "box") else "lamp-1"
            self._versions[stream] += 1
            self.recorded.append(
                Recorded(
                    position,
                    stream,
                    self._versions[stream],
                    event,
                    START + timedelta(seconds=position),
                    f"c{position}",
                    f"c{position}",
                    None,
                    "ann",
                )
            )
        return len(self.recorded)

    async def read(self, after: int, limit: int) -> list[Recorded]:
        await self.gate.wait()
        page = self.recorded[after : after + limit]
        if any(each.position == self.unreadable for each in page):
            raise LookupError("Nobody knows this event.")
        return page

    @property
    def position(self) -> int:
        return len(self.recorded)

    async def head(self) -> int:
        return len(self.recorded)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Give way to everything else until something holds."""
    async with asyncio.timeout(5):
        while not await holds():  # noqa: ASYNC110  # what is awaited has no event, and gives none
            await asyncio.sleep(0)
