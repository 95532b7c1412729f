"""Processes that write one log on PostgreSQL together, and processes that follow it meanwhile.

`python -m tests.engine.ledgers URL write SEED EVENTS` says what was accepted, by command: [its last position, its
events]. `... follow` says what was seen, likewise, once it has come to the position that it is told.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeVar, cast

from engine import clock, ids, logs
from engine.codec import Codec
from engine.dispatcher import Dispatcher
from engine.faults import Unavailable
from engine.feed import Feed
from engine.shapes import Aggregate, Command, Event, Receipt, State, replace
from engine.store.log import Log
from engine.store.postgres import Database
from engine.store.session import Connection, Work

WRITERS = 8
LEDGERS = 16
MOST_ENTRIES = 80
SLOWEST_PACE = 0.5
"Seconds that a writer waits before a command, and a process, now and then, until it learns of its commit."
LATE = 0.1
"Of all commits are those of which the process learns late."
PACE = 0.002
AT_ONCE = 1000
T = TypeVar("T")


class Enter(Command):
    ledger: str
    entries: int


class Entered(Event):
    ledger: str
    place: int


class Ledger(State):
    entries: int = 0


def decide(ledger: Ledger, command: Enter, now: object) -> Sequence[Entered]:
    return [Entered(ledger=command.ledger, place=ledger.entries + each) for each in range(1, command.entries + 1)]


def evolve(ledger: Ledger, event: Entered) -> Ledger:
    return replace(ledger, entries=event.place)


LEDGER = Aggregate("ledger", identity="ledger", initial=Ledger(), decide=decide, evolve=evolve)
CODEC = Codec([Entered])


class Late:
    """A connection whose answers are late now and then: others have long seen what was committed."""

    def __init__(self, connection: Connection, random: ids.Seeded) -> None:
        self._connection = connection
        self._random = random
        self.runs = 0

    async def run(self, work: Work[T]) -> T:
        found = await self._connection.run(work)
        if self._random.random() < LATE:
            await asyncio.sleep(self._random.uniform(0, SLOWEST_PACE))
        return found

    async def close(self) -> None:
        await self._connection.close()


class Seen:
    """What was read of a log, which must be all of it in order."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._digest = blake2b(digest_size=16)
        self._places: dict[str, int] = {}
        self.position = 0
        self.commands: dict[str, tuple[int, int]] = {}

    async def until(self, told: "asyncio.Future[int]") -> None:
        while not told.done() or self.position < told.result():
            events = await self._log.read(self.position, AT_ONCE)
            if not events:
                await asyncio.sleep(PACE)
            for each in events:
                event = cast(Entered, each.event)
                place = self._places.get(each.stream, 0) + 1
                assert (each.position, each.version, event.place) == (self.position + 1, place, place), each
                self.position, self._places[each.stream] = each.position, place
                self._digest.update(f"{each.position} {each.stream} {each.command_id}\n".encode())
                self.commands[each.command_id] = each.position, self.commands.get(each.command_id, (0, 0))[1] + 1

    def told(self) -> dict[str, Any]:
        return {"position": self.position, "digest": self._digest.hexdigest(), "commands": self.commands}


async def write(url: str, seed: int, events: int) -> dict[str, Any]:
    random = ids.seeded(seed)
    log, feed = await Log.open(Database(url), CODEC), Feed()
    log._writer = Late(log.writer, random)
    dispatcher = Dispatcher(log, [LEDGER], feed, clock.now)
    dispatcher.start()
    accepted: dict[str, tuple[int, int]] = {}
    failed, left = 0, events

    async def writer() -> None:
        nonlocal failed, left
        while left:
            count = min(random.randint(1, MOST_ENTRIES), left)
            left -= count
            command = Enter(ledger=str(random.randrange(LEDGERS)), entries=count)
            id, receipt = ids.new(), None
            while receipt is None:
                await asyncio.sleep(random.uniform(0, SLOWEST_PACE))
                try:
                    receipt = await dispatcher.send(command, command_id=id)
                except Unavailable:
                    failed += 1
            assert isinstance(receipt, Receipt)
            assert not receipt.replayed, "what was rolled back was never stored"
            accepted[id] = receipt.position, receipt.events

    # It follows what it writes, too: of the newest it has in memory what nobody but itself wrote.
    written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    seen = Seen(log)
    following = asyncio.create_task(seen.until(written))
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    written.set_result(max(position for position, _ in accepted.values()))
    await following
    await dispatcher.stop()
    await log.close()
    return {"accepted": accepted, "failed": failed}


async def follow(url: str) -> dict[str, Any]:
    log = await Log.look(Database(url), CODEC)
    seen = Seen(log)
    last = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    last.add_done_callback(lambda line: told.set_result(int(line.result())))
    await seen.until(told)
    await log.close()
    return seen.told()


if __name__ == "__main__":
    logs.configure("error", "json")
    where, role, *rest = sys.argv[1:]
    print(json.dumps(asyncio.run(write(where, *map(int, rest)) if role == "write" else follow(where))))
