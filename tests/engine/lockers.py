"""A small aggregate for the tests of the write side: lockers with codes that no two may share."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias, assert_never

from engine.codec import Codec
from engine.dispatcher import Dispatcher
from engine.feed import Feed
from engine.refusals import NotAllowedNow
from engine.shapes import Aggregate, Claim, Command, Event, Receipt, Recorded, Release, State, replace
from engine.store.log import Log
from engine.store.session import Session
from tests import worlds

START = datetime(2026, 1, 1, tzinfo=UTC)


class RentLocker(Command):
    locker: str
    code: str


class ChangeCode(Command):
    locker: str
    code: str


class PutIn(Command):
    locker: str
    grams: int


class ReturnLocker(Command):
    locker: str


class JamLocker(Command):
    """Whoever sends this finds a fault in the rules."""

    locker: str


LockerCommand: TypeAlias = RentLocker | ChangeCode | PutIn | ReturnLocker | JamLocker


class LockerRented(Event):
    locker: str
    code: str


class CodeChanged(Event):
    locker: str
    code: str
    previous: str


class ThingPutIn(Event):
    locker: str
    grams: int


class LockerReturned(Event):
    locker: str
    code: str


LockerEvent: TypeAlias = LockerRented | CodeChanged | ThingPutIn | LockerReturned


class Locker(State):
    code: str | None = None
    grams: int = 0
    weights: tuple[int, ...] = ()


def decide(locker: Locker, command: LockerCommand, now: datetime) -> Sequence[LockerEvent]:
    name = command.locker
    match command:
        case RentLocker():
            return [LockerRented(locker=name, code=command.code)]
        case JamLocker():
            raise ZeroDivisionError("jammed")
        case PutIn():
            if command.grams < 0:
                raise NotAllowedNow("Nothing weighs less than nothing.", "RENTED", ["grams"])
            return [ThingPutIn(locker=name, grams=command.grams)] if command.grams else []
        case ChangeCode():
            return [CodeChanged(locker=name, code=command.code, previous=locker.code or "")]
        case ReturnLocker():
            # Emptied first: two events from one command.
            return [ThingPutIn(locker=name, grams=-locker.grams), LockerReturned(locker=name, code=locker.code or "")]
        case _:
            assert_never(command)


def evolve(locker: Locker, event: LockerEvent) -> Locker:
    match event:
        case LockerRented() | CodeChanged():
            return replace(locker, code=event.code)
        case ThingPutIn():
            return replace(locker, grams=locker.grams + event.grams, weights=(*locker.weights, event.grams)[-3:])
        case LockerReturned():
            return Locker()
        case _:
            assert_never(event)


def claims(event: LockerEvent) -> Sequence[Claim | Release]:
    match event:
        case LockerRented():
            return [Claim("code", event.code)]
        case CodeChanged():
            return [Release("code", event.previous), Claim("code", event.code)]
        case LockerReturned():
            return [Release("code", event.code)]
        case ThingPutIn():
            return []
        case _:
            assert_never(event)


LOCKERS = Aggregate(
    "locker", identity="locker", initial=Locker(), decide=decide, evolve=evolve, claims=claims, snapshot_every=5
)
EVENTS = (LockerRented, CodeChanged, ThingPutIn, LockerReturned)
CODEC = Codec(EVENTS)


class Times:
    """A clock that goes on by a second each time it is read, unless it is set."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Desk:
    """A running dispatcher on a log, with what a test wants to know of it."""

    log: Log
    feed: Feed
    dispatcher: Dispatcher
    times: Times

    async def send(self, command: Command, command_id: str | None = None, **more: Any) -> Any:
        return await self.dispatcher.send(command, command_id=command_id, **more)

    async def together(self, *commands: Command) -> list[Any]:
        """Commands that arrive at once, and so are decided in one group; faults in place of answers."""
        return await asyncio.gather(*(self.dispatcher.send(each) for each in commands), return_exceptions=True)

    async def accepted(self, *commands: Command) -> Receipt:
        """Send commands one after the other; the receipt of the last."""
        for command in commands:
            answer = await self.dispatcher.send(command)
            assert isinstance(answer, Receipt), answer
            receipt = answer
        return receipt

    async def all(self) -> list[Recorded]:
        return (await self.log.select(limit=100_000))[0]

    async def events(self) -> list[Event]:
        return [each.event for each in await self.all()]

    async def query(self, text: str, *parameters: Any) -> list[Any]:
        """Rows of the log's file."""

        def work(connection: Session) -> list[Any]:
            found = connection.execute(text, parameters)
            return [] if text.startswith(("UPDATE", "DELETE")) else found.fetchall()

        return await self.log.writer.run(work)


@asynccontextmanager
async def desk(
    folder: Path, aggregate: Aggregate[Any] = LOCKERS, codec: Codec = CODEC, **options: Any
) -> AsyncIterator[Desk]:
    """A dispatcher on the log in a folder; it stops and closes at the end."""
    log = await Log.open(worlds.place(folder / "log.db"), codec)
    feed, times = worlds.feed(), Times()
    await feed.open()
    dispatcher = Dispatcher(log, [aggregate], feed, times, **options)
    dispatcher.start()
    try:
        yield Desk(log, feed, dispatcher, times)
    finally:
        await dispatcher.stop()
        await feed.close()
        await log.close()
