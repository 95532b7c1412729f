"""A small domain for the tests of processes: runners with errands that are noted, delivered or bound to a time."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias, assert_never

from engine.app import App
from engine.deadletters import DEAD_LETTERS, DiscardDeadLetter, RetryDeadLetter
from engine.declarations import Declarations
from engine.lane import Manner
from engine.parked import Parked
from engine.refusals import NotAllowedNow
from engine.shapes import Aggregate, Command, Effect, Event, Process, Receipt, Recorded, State, replace
from engine.store.session import Session
from tests import worlds
from tests.running import settings

START = datetime(2026, 1, 1, tzinfo=UTC)


class GiveErrand(Command):
    runner: str
    number: int
    kind: str = "note"
    due_at: datetime | None = None


class DropAll(Command):
    runner: str


RunnerCommand: TypeAlias = GiveErrand | DropAll


class ErrandGiven(Event):
    runner: str
    number: int
    kind: str
    due_at: datetime | None


class AllDropped(Event):
    runner: str


RunnerEvent: TypeAlias = ErrandGiven | AllDropped


class Runner(State):
    pass


def decide(runner: Runner, command: RunnerCommand, now: datetime) -> Sequence[RunnerEvent]:
    match command:
        case GiveErrand():
            return [ErrandGiven(command.runner, command.number, command.kind, command.due_at)]
        case DropAll():
            return [AllDropped(command.runner)]
        case _:
            assert_never(command)


def evolve(runner: Runner, event: RunnerEvent) -> Runner:
    return runner


RUNNERS = Aggregate("runner", identity="runner", initial=Runner(), decide=decide, evolve=evolve)


class Note(Command):
    ledger: str
    text: str


class Noted(Event):
    ledger: str
    text: str


def note(ledger: Runner, command: Note, now: datetime) -> Sequence[Noted]:
    if command.text.endswith("refused"):
        raise NotAllowedNow("Not that.", "OPEN")
    if command.text.endswith("jam"):
        raise ZeroDivisionError("jammed")
    return [Noted(command.ledger, command.text)]


def noted(ledger: Runner, event: Noted) -> Runner:
    return ledger


LEDGERS = Aggregate("ledger", identity="ledger", initial=Runner(), decide=note, evolve=noted)


class Deliver(Effect):
    runner: str
    number: int


class Day(State):
    numbers: tuple[int, ...] = ()
    due_at: datetime | None = None


def take(day: Day, event: RunnerEvent) -> Day:
    match event:
        case ErrandGiven():
            if event.kind == "riddle":
                raise ValueError("Nobody \udcff understands that.")
            return replace(day, numbers=(*day.numbers, event.number), due_at=event.due_at or day.due_at)
        case AllDropped():
            return Day()
        case _:
            assert_never(event)


def react(day: Day, event: RunnerEvent) -> Sequence[Command | Effect]:
    if isinstance(event, AllDropped):
        return []
    match event.kind:
        case "note":
            return [Note(event.runner, " ".join(map(str, day.numbers)))]
        case "deliver":
            return [Deliver(event.runner, event.number)]
        case "mystery":
            raise LookupError("What is that?")
        case "nothing" | "riddle":
            return []
        case other:
            return [Note(event.runner, f"first {event.number}"), Note(event.runner, other)]


def wake(day: Day) -> Sequence[Command | Effect]:
    if day.numbers[0] < 0:
        return [Deliver("late", day.numbers[0])]
    return [Note("late", " ".join(map(str, day.numbers)))]


ERRANDS = Process(
    "errands",
    key=lambda event: event.runner,
    initial=Day(),
    evolve=take,
    react=react,
    due=lambda day: day.due_at,
    wake=wake,
)
DECLARATIONS = Declarations([RUNNERS, LEDGERS, DEAD_LETTERS], [], processes=[ERRANDS])
HASTY = Manner(patience=0.05, timeout=5.0, attempts=3, first_delay=60.0, last_delay=100.0)


class Fixed:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **much: float) -> None:
        self.at += timedelta(**much)


@dataclass
class Street:
    """Where things are delivered: what came, and who stands in the way."""

    closed: set[str] = field(default_factory=set)
    fault: BaseException = field(default_factory=lambda: ConnectionError("No way."))
    gates: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(_open))
    begun: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    ids: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    arrived: list[tuple[str, int]] = field(default_factory=list)

    async def deliver(self, effect: Deliver, id: str) -> Sequence[Command]:
        self.begun[effect.runner].set()
        self.ids[effect.runner, effect.number].append(id)
        await self.gates[effect.runner].wait()
        if effect.runner in self.closed:
            raise self.fault
        self.arrived.append((effect.runner, effect.number))
        return [Note(effect.runner, f"delivered {effect.number}")]

    def shut(self, runner: str) -> None:
        self.gates[runner] = asyncio.Event()


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class Town:
    """A running application with the process, its street and its clock."""

    app: App
    street: Street
    clock: Fixed

    async def send(self, *commands: Command, **about: Any) -> Receipt:
        for command in commands:
            answer = await self.app.dispatcher.send(command, **about)
            assert isinstance(answer, Receipt), answer
            receipt = answer
        return receipt

    async def give(self, runner: str, *numbers: int, kind: str = "note", due_at: datetime | None = None) -> int:
        """Give errands; the position of the last."""
        return (await self.send(*(GiveErrand(runner, number, kind, due_at) for number in numbers))).position

    async def drained(self) -> None:
        assert await self.app.drained()

    async def later(self, **much: float) -> None:
        self.clock.forward(**much)
        await self.drained()

    async def all(self) -> list[Recorded]:
        return (await self.app.log.select(limit=100_000))[0]

    async def notes(self, ledger: str) -> list[str]:
        return [e.event.text for e in await self.all() if isinstance(e.event, Noted) and e.event.ledger == ledger]

    async def noted(self, ledger: str, text: str) -> None:
        """Wait until something is in a ledger."""
        async with asyncio.timeout(5):
            position = 0
            while text not in await self.notes(ledger):
                position = await self.app.feed.beyond("log", position)

    async def parked(self) -> list[Parked]:
        return list(await self.app.reactor.dead_letters())

    async def retry(self, position: int) -> None:
        await self.send(RetryDeadLetter("errands", position))
        await self.drained()

    async def discard(self, position: int) -> None:
        await self.send(DiscardDeadLetter("errands", position, "It is over."))
        await self.drained()

    async def query(self, text: str) -> list[Any]:
        def work(connection: Session) -> list[Any]:
            return connection.execute(text).fetchall()

        return await self.app.log.reader(work)

    @contextmanager
    def jammed(self, folder: Path) -> Any:
        """The log cannot be written meanwhile."""
        other = sqlite3.connect(folder / "log.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()


@asynccontextmanager
async def town(
    folder: Path,
    declarations: Declarations = DECLARATIONS,
    *,
    street: Street | None = None,
    clock: Fixed | None = None,
    manner: Manner = HASTY,
    **more: Any,
) -> AsyncIterator[Town]:
    """The application on the files in a folder; it stops at the end."""
    street, clock = street or Street(), clock or Fixed()
    performers = more.get("performers", {Deliver: street.deliver})
    chosen = settings(folder, projector_poll_interval=0.02)
    async with App.running(chosen, declarations, performers, now=clock, manner=manner) as app:
        if not worlds.is_postgres():
            await app.log.writer.run(lambda connection: connection.execute("PRAGMA busy_timeout = 0").fetchall())
        yield Town(app, street, clock)


def with_process(process: Process[Any]) -> Declarations:
    return changed(DECLARATIONS, processes=[process])
