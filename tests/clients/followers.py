"""Followers of the records that go on from their positions, however often the connection is lost."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from gql import Client, GraphQLRequest, gql
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

from tests.running import authorization

FOLLOW = gql("""
subscription ($after: Position) {
  records(after: $after) { kind since position more upserted { id value writeCount } removed }
}
""")
PACE = 0.1
"Seconds before a follower connects again."


@dataclass
class Follower:
    """One with the Python client gql."""

    url: str
    token: str
    rows: dict[str, Any] = field(default_factory=dict)
    position: str | None = None
    connections: int = 0
    frames: dict[str, int] = field(default_factory=lambda: {"SNAPSHOT": 0, "CHANGES": 0, "RESET": 0})
    holes: list[Any] = field(default_factory=list)
    _left: bool = False
    _transport: WebsocketsTransport | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Follow until it has left."""
        while not self._left:
            try:
                await self._follow()
            except (TransportError, OSError, TimeoutError):
                await asyncio.sleep(PACE)

    async def _follow(self) -> None:
        self._transport = WebsocketsTransport(url=self.url, init_payload=authorization(self.token))
        async with Client(transport=self._transport) as session:
            self.connections += 1
            request = GraphQLRequest(FOLLOW, variable_values={"after": self.position})
            async for data in session.subscribe(request):
                self._apply(data["records"])

    def _apply(self, frame: dict[str, Any]) -> None:
        self.frames[frame["kind"]] += 1
        if self.position is not None and frame["since"] != self.position:
            self.holes.append([self.position, frame["since"], frame["kind"]])
        self.rows.update({row["id"]: row for row in frame["upserted"]})
        for id in frame["removed"]:
            self.rows.pop(id, None)
        self.position = frame["position"]
        self._moved.set()

    async def terminate(self) -> None:
        """Leave, only to come back."""
        assert self._transport
        await self._transport.close()

    def leave(self, running: "asyncio.Task[None]") -> None:
        """Leave for good. Cancelling alone is not enough: gql may take it for the end of a connection."""
        self._left = True
        running.cancel()

    async def until(self, position: str) -> dict[str, Any]:
        """What became of it, once its view is exact as of a position."""
        while self.position is None or int(self.position) < int(position):
            self._moved.clear()
            await self._moved.wait()
        return {
            "rows": self.rows,
            "connections": self.connections,
            "frames": self.frames,
            "holes": self.holes,
            "ended": None,
        }
