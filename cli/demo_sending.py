"""Sends the demo's commands, each under an id of its own, and follows each on its way to the frame that shows it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from cli.demo_session import Lost, Session
from cli.demo_story import Story, Way
from cli.demo_views import View
from engine import clock, ids

PROGRESS = """subscription ($id: ID!) { command(id: $id) {
  isComplete events { type position } projections { projection lagMilliseconds }
} }"""
VIEW = {
    "placeOrder": "orders",
    "cancelOrder": "orders",
    "shipOrder": "orders",
    "completeOrder": "orders",
    "processPayment": "payments",
    "refundPayment": "payments",
    "changeMedicinePrice": "medicines",
    "receiveStock": "inventory",
    "adjustStock": "inventory",
    "registerUser": "notifications",
}
"Where the effect of each mutation is seen."
PATIENCE = 10.0
"Seconds that a command gets until it is seen; it is told without what did not come."
MOST_TOLD = 40
"Commands that are followed at a time: a socket takes a hundred operations."


@dataclass(frozen=True)
class Person:
    """Somebody who sends commands."""

    name: str
    session: Session


@dataclass
class Sender:
    """Sends commands and tells of each."""

    watcher: Session
    views: dict[str, View]
    story: Story
    run: str = field(default_factory=ids.new)
    "Part of every command id: another run of the same seed does everything anew."
    _sent: int = 0
    _telling: set[asyncio.Task[None]] = field(default_factory=set)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_TOLD))

    async def send(
        self, person: Person, mutation: str, about: str | Callable[[], str], input: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Send a command until it is answered, and wait until our view shows it. Its receipt; None when refused."""
        self._sent += 1
        command_id = f"demo-{self.run}-{self._sent}"
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = (
            f"mutation ($input: {kind}!) {{ {mutation}(input: $input) "
            "{ receipt { position stream replayed } errors { code message } } }"
        )
        way = Way(person.name, mutation, "", view=VIEW[mutation])

        def again() -> None:
            self.story.repeated += 1
            way.is_repeated = True

        began = clock.monotonic()
        variables = {"input": {"commandId": command_id, **input}}
        payload = (await person.session.ask_until_answered(query, variables, again))[mutation]
        way.stored = 1000 * (clock.monotonic() - began)
        self.story.commands += 1
        if payload["errors"]:
            way.about = about if isinstance(about, str) else ""
            self.story.refusal(way, payload["errors"][0]["message"])
            return None
        receipt: dict[str, Any] = payload["receipt"]
        self.story.replayed += receipt["replayed"]
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                arrived = await self.views[way.view].reached(int(receipt["position"]))
                way.pushed = 1000 * (arrived - began)
                if way.view == "payments":
                    # The next step is chosen by what orders show, and another read model may be a moment behind.
                    await self.views["orders"].reached(int(receipt["position"]))
        way.about = about if isinstance(about, str) else about()
        self._tell(way, command_id)
        return receipt

    async def told(self) -> None:
        """Wait until every command has been told of."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _tell(self, way: Way, command_id: str) -> None:
        task = asyncio.create_task(self._follow(way, command_id))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _follow(self, way: Way, command_id: str) -> None:
        """Tell of a command once every projection shows it, or once that takes too long."""
        async with self._free:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while not await self._is_complete(way, command_id):
                        continue
        if not way.events:
            way.pushed = None  # nothing changed, so no frame tells of it
        self.story.tell(way)

    async def _is_complete(self, way: Way, command_id: str) -> bool:
        try:
            async with aclosing(self.watcher.operate(PROGRESS, {"id": command_id})) as answers:
                async for data in answers:
                    progress = data["command"]
                    way.events, way.steps = progress["events"], progress["projections"]
        except Lost:
            return False
        return True
