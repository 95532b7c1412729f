"""Live views of the demo: each follows a list, proves that it misses nothing, and can be compared with a query."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from cli.demo_session import AGAIN, Denied, Lost, Session
from engine import clock

MONEY = "{ amount currency }"
FIELDS = {
    "orders": f"id version position number userId status statusReason total {MONEY} trackingCode updatedAt "
    "lines { medicineId quantity } payment { id status method }",
    "payments": f"id version position orderId orderNumber amount {MONEY} method status statusReason updatedAt",
    "medicines": f"id version position name price {MONEY} stockQuantity reservedQuantity isAvailable isDiscontinued",
    "inventory": "id position medicineId medicineName availableQuantity reservedQuantity totalQuantity lowStockAlert "
    "pendingOrders",
    "notifications": "id position kind recipientId message createdAt",
}
STATISTICS = f"position totalOrders revenue {MONEY} ordersByStatus {{ status count }}"
MOST_REMEMBERED = 512
"Frames whose arrival is remembered, for those who ask when a position was reached."
PAUSE = 0.2


class Gap(Exception):
    """A frame did not begin where the one before it ended: something was missed."""


@dataclass
class View:
    """A copy of one list, as its user may see it."""

    name: str
    session: Session
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    position: str | None = None
    "How far the copy is exact; None until the first snapshot is whole."
    frames: int = 0
    resumes: int = 0
    restarts: int = 0
    "How often it had to begin anew."
    on_row: Callable[[dict[str, Any]], None] = lambda row: None
    _arrived: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=MOST_REMEMBERED))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Follow until cancelled. Raises Gap, and Denied."""
        query = (
            f"subscription ($after: Position) {{ {self.name}(after: $after) "
            f"{{ kind since position more upserted {{ {FIELDS[self.name]} }} removed }} }}"
        )
        while True:
            try:
                await self._begin()
                async with aclosing(self.session.operate(query, {"after": self.position})) as answers:
                    async for data in answers:
                        self.apply(data[self.name])
            except Lost:
                continue
            except Denied as denied:
                if denied.code not in AGAIN:
                    raise
                await asyncio.sleep(PAUSE)

    async def _begin(self) -> None:
        await self.session.connected()
        if self.position is None:
            self.rows.clear()
        else:
            self.resumes += 1

    def apply(self, frame: dict[str, Any]) -> None:
        """Take a frame in. Raises Gap when it does not follow the one before."""
        self.frames += 1
        if frame["kind"] == "RESET":
            self.rows.clear()
            self.position = None  # a snapshot follows; without it there is nothing to go on from
            self.restarts += 1
            return
        if self.position is not None and frame["since"] != self.position:
            raise Gap(f"{self.name}: a frame begins at {frame['since']}, and the one before ended at {self.position}.")
        for row in frame["upserted"]:
            self.rows[row["id"]] = row
            self.on_row(row)
        for id in frame["removed"]:
            self.rows.pop(id, None)
        if frame["kind"] == "CHANGES" or not frame["more"]:
            self.position = frame["position"]
        if not frame["more"]:
            self._arrived.append((int(frame["position"]), clock.monotonic()))
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next frame."""
        await self._changed.wait()

    async def reached(self, position: int) -> float:
        """When the frame came that shows a position; waits for it."""
        while self.position is None or int(self.position) < position:
            await self.changed()
        return next((at for reached, at in self._arrived if reached >= position), clock.monotonic())

    async def equals_query(self, position: int) -> bool:
        """Whether the copy is what a fresh query answers that is at least at a position."""
        return self.rows == await fetched(self.session, self.name, position)


async def fetched(session: Session, name: str, position: int) -> dict[str, dict[str, Any]]:
    """A whole list, page by page."""
    query = (
        f"query ($after: String, $atLeast: Position) {{ {name}(first: 100, after: $after, atLeast: $atLeast) "
        f"{{ nodes {{ {FIELDS[name]} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    rows: dict[str, dict[str, Any]] = {}
    info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while info["hasNextPage"]:
        variables = {"after": info["endCursor"], "atLeast": str(position)}
        page = (await session.ask_until_answered(query, variables))[name]
        rows |= {node["id"]: node for node in page["nodes"]}
        info = page["pageInfo"]
    return rows


@dataclass
class Figures:
    """The statistics over all orders, as they are."""

    session: Session
    value: dict[str, Any] = field(default_factory=dict)

    async def follow(self) -> None:
        """Follow until cancelled. Raises Denied. What was missed meanwhile does not matter: only the newest counts."""
        while True:
            try:
                query = f"subscription {{ orderStatistics {{ {STATISTICS} }} }}"
                async with aclosing(self.session.operate(query)) as answers:
                    async for data in answers:
                        self.value = data["orderStatistics"]
            except Lost:
                continue
            except Denied as denied:
                if denied.code not in AGAIN:
                    raise
                await asyncio.sleep(PAUSE)

    async def equals_query(self, position: int) -> bool:
        query = f"query ($atLeast: Position) {{ orderStatistics(atLeast: $atLeast) {{ {STATISTICS} }} }}"
        found = await self.session.ask_until_answered(query, {"atLeast": str(position)})
        return bool(self.value == found["orderStatistics"])
