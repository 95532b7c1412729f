"""Followers of the records with two clients, npm's graphql-ws and Python's gql, each on a wire of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from engine.endpoint import PATH
from tests.clients.followers import Follower
from tests.clients.node import Node, Running
from tests.clients.wires import Wire, wires

PATIENCE = 30.0
"Seconds after which a follower that has not come to the end never will."


@dataclass
class Fleet:
    """One half of them in this process, the other in Node's."""

    wires: list[Wire]
    mine: list[Follower]
    theirs: Running

    async def live(self) -> None:
        """Wait until each has a frame by a connection made since the last `renew`."""
        for wire in self.wires:
            await wire.live()

    def renew(self) -> None:
        for wire in self.wires:
            wire.renew()

    async def terminate(self, number: int) -> None:
        """Have a follower leave, only to come back."""
        if number < len(self.mine):
            await self.mine[number].terminate()
        else:
            self.theirs.say(f"terminate {number - len(self.mine)}")

    async def until(self, position: str) -> list[dict[str, Any]]:
        """What became of each, once its view is exact as of a position."""
        self.theirs.say(f"until {position}")
        async with asyncio.timeout(PATIENCE):
            mine = [await follower.until(position) for follower in self.mine]
        return [*mine, *await self.theirs.report(PATIENCE)]


@asynccontextmanager
async def fleet(node: Node, port: int, tokens: list[str]) -> AsyncIterator[Fleet]:
    """A follower for each token, for as long as the block lasts. The server may come later."""
    async with wires(len(tokens), port) as made:
        doors = [
            {"url": f"ws://127.0.0.1:{wire.port}{PATH}", "token": token}
            for token, wire in zip(tokens, made, strict=True)
        ]
        half = len(doors) // 2
        mine = [Follower(door["url"], door["token"]) for door in doors[:half]]
        async with node.running("followers.mjs", json.dumps(doors[half:])) as theirs:
            tasks = [asyncio.create_task(follower.run()) for follower in mine]
            try:
                yield Fleet(made, mine, theirs)
            finally:
                for follower, task in zip(mine, tasks, strict=True):
                    follower.leave(task)
                await asyncio.gather(*tasks, return_exceptions=True)
