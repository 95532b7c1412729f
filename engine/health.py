"""Whether what the server depends on answers, and whether what follows the log keeps up."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from engine import clock
from engine.status import State, Status

T = TypeVar("T")

DEADLINE = 2.0
"Seconds that each look may take."
FRESH = 0.5
"Seconds for which what was found is told again: whoever asks, however often, makes no more work than that."
MOST_OF_ERROR = 200

Probe = Callable[[], Awaitable[object]]
"Returns when a dependency does its work; raises when it does not."


class Service(StrEnum):
    """What a server can be ready for."""

    COMMANDS = "commands"
    READS = "reads"
    PROCESSES = "processes"


class _Look(Generic[T]):
    """One piece of work with a deadline. While it hangs no second one is begun: they would pile up behind it."""

    def __init__(self, work: Callable[[], Awaitable[T]], deadline: float) -> None:
        self._work = work
        self._deadline = deadline
        self._task: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """Raises what the work raises, or TimeoutError."""
        task = self._task
        if task is None:
            task = self._task = asyncio.create_task(self._do(), name="health")
        await asyncio.wait((task,), timeout=self._deadline)
        if not task.done():
            raise TimeoutError(f"No answer within {self._deadline:g} s.")
        self._task = None
        return task.result()

    async def _do(self) -> T:
        return await self._work()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


@dataclass(frozen=True)
class Finding:
    """How a dependency is."""

    name: str
    is_up: bool
    since: datetime
    "When it was first found so."
    last_error: str | None
    "Also when it is over."
    needed_for: Collection[Service]
    "What cannot be served without it."


@dataclass(frozen=True)
class Reason:
    """Why the server is not ready for something."""

    service: Service
    name: str
    "Of the dependency, read model or process."
    reason: str


class _Dependency:
    def __init__(self, name: str, look: _Look[object], needed_for: Collection[Service]) -> None:
        self._name = name
        self._look = look
        self._needed_for = needed_for
        self._found: Finding | None = None

    async def find(self, now: clock.Clock) -> Finding:
        before = self._found
        error = before.last_error if before else None
        try:
            await self._look.result()
            is_up = True
        except Exception as fault:  # that is what is asked for
            is_up, error = False, f"{type(fault).__name__}: {fault}"[:MOST_OF_ERROR]
        since = before.since if before and before.is_up == is_up else now()
        self._found = Finding(self._name, is_up, since, error, self._needed_for)
        return self._found

    def cancel(self) -> None:
        self._look.cancel()


@dataclass(frozen=True)
class Condition:
    """How everything is at one moment."""

    dependencies: Sequence[Finding]
    consumers: Sequence[Status] | None
    "None when they cannot be looked at."
    reasons: Sequence[Reason]

    def against(self, services: Collection[Service]) -> Sequence[Reason]:
        """Why the server is not ready for these."""
        return [each for each in self.reasons if each.service in services]

    @property
    def knows_head(self) -> bool:
        """Whether the log answers. If not, who has read to the last position known may be far behind."""
        return all(each.is_up for each in self.dependencies if Service.COMMANDS in each.needed_for)


class Health:
    """Looks after the dependencies that were registered, and after the consumers of the log."""

    def __init__(
        self,
        statuses: Callable[[], Awaitable[Sequence[Status]]],
        read_models: Collection[str],
        *,
        most_lag: float,
        most_dead_letters: int,
        now: clock.Clock = clock.now,
        deadline: float = DEADLINE,
        fresh: float = FRESH,
    ) -> None:
        self._consumers = _Look(statuses, deadline)
        self._read_models = read_models
        self._most_lag = most_lag
        self._most_dead_letters = most_dead_letters
        self._now = now
        self._deadline = deadline
        self._fresh = fresh
        self._dependencies: dict[str, _Dependency] = {}
        self._looking = asyncio.Lock()
        self._found: Condition | None = None
        self._found_at = 0.0

    def register(self, name: str, probe: Probe, needed_for: Collection[Service] = ()) -> None:
        """Look after a dependency from now on, by its name; another of that name makes room."""
        self._dependencies[name] = _Dependency(name, _Look[object](probe, self._deadline), needed_for)

    async def condition(self) -> Condition:
        """How everything is. Never raises, and takes little longer than the deadline."""
        async with self._looking:
            if self._found is None or clock.monotonic() - self._found_at >= self._fresh:
                self._found = await self._look()
                self._found_at = clock.monotonic()
            return self._found

    async def close(self) -> None:
        """Wait for nothing any more."""
        self._consumers.cancel()
        for each in self._dependencies.values():
            each.cancel()

    async def _look(self) -> Condition:
        finding = asyncio.gather(*(each.find(self._now) for each in self._dependencies.values()))
        statuses, found = await asyncio.gather(self._statuses(), finding)
        reasons = [
            Reason(service, each.name, f"does not answer: {each.last_error}")
            for each in found
            if not each.is_up
            for service in each.needed_for
        ]
        if statuses is None:
            unknown = "how they stand cannot be found out"
            reasons += [Reason(Service.READS, "read models", unknown), Reason(Service.PROCESSES, "processes", unknown)]
        else:
            reasons += self._against(statuses)
        return Condition(found, statuses, reasons)

    async def _statuses(self) -> Sequence[Status] | None:
        try:
            return await self._consumers.result()
        except Exception:  # told as such: that they cannot be looked at is what is asked for
            return None

    def _against(self, statuses: Iterable[Status]) -> Iterator[Reason]:
        for each in statuses:
            service = Service.READS if each.name in self._read_models else Service.PROCESSES
            if each.state is State.STALLED and not each.is_waiting:  # what is gone is a reason, and so told as one
                yield Reason(service, each.name, f"stalled after position {each.position}")
            elif each.state in (State.LIVE, State.CATCHING_UP) and each.lag_seconds > self._most_lag:
                behind = f"{each.lag_seconds:.0f} s behind, of {self._most_lag:g} that are allowed"
                yield Reason(service, each.name, behind)
            if each.dead_letters >= self._most_dead_letters > 0:
                full = f"{each.dead_letters} events set aside, of {self._most_dead_letters} that there is room for"
                yield Reason(service, each.name, full)


def shown(status: Status, condition: Condition) -> str:
    """The state of a consumer as it may be told: to have read to a head that nobody knows is not to be live."""
    is_moving = status.state in (State.LIVE, State.CATCHING_UP) or status.is_waiting
    is_unsure = is_moving and not condition.knows_head
    return "UNKNOWN" if is_unsure else status.state.name
