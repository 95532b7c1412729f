"""Examples of rules and folds, without a database.

given/when/then for aggregates, rows for read models, reactions for processes.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from inspect import signature
from typing import Any, Generic, TypeVar

from engine.codec import members
from engine.refusals import Refusal
from engine.shapes import Aggregate, Command, Effect, Event, Process, ReadModel, Recorded, Row, State, replace

S = TypeVar("S", bound=State)
R = TypeVar("R", bound=Row)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
"The instant at which everything happens in an example that says nothing else."


@dataclass(frozen=True)
class Decided:
    """What came of a command: the events it led to, or the refusal."""

    events: tuple[Event, ...]
    refusal: Refusal | None = None

    def then(self, *events: Event) -> None:
        """Exactly these events; none at all for a command that has nothing to do."""
        assert self.refusal is None, f"refused: {self.refusal!r}"
        assert self.events == events

    def then_refused(self, kind: type[Refusal], **fields: Any) -> None:
        """Refused with exactly this kind, its fields as given, and nothing to store."""
        assert self.events == ()
        assert type(self.refusal) is kind, f"expected {kind.__name__}, got {self.refusal!r}"
        assert {name: getattr(self.refusal, name) for name in fields} == fields


@dataclass(frozen=True)
class Given(Generic[S]):
    """An aggregate in the state that some events led to."""

    aggregate: Aggregate[S]
    state: S

    def when(self, command: Command, now: datetime = NOW) -> Decided:
        _belongs(command, self.aggregate.decide, "aggregate", self.aggregate.name)
        try:
            return Decided(tuple(self.aggregate.decide(self.state, command, now)))
        except Refusal as refusal:
            return Decided((), refusal)


def given(aggregate: Aggregate[S], *events: Event) -> Given[S]:
    state = aggregate.initial
    for event in events:
        _belongs(event, aggregate.evolve, "aggregate", aggregate.name)
        state = aggregate.evolve(state, event)
    return Given(aggregate, state)


def followed(process: Process[S], *events: Event) -> S:
    """The state of the instance that the last event belongs to; events of other instances leave it alone."""
    key = process.key(events[-1])
    state = process.initial
    for event in events:
        _belongs(event, process.evolve, "process", process.name)
        if process.key(event) == key:
            state = process.evolve(state, event)
    return state


def reactions(process: Process[Any], *events: Event) -> list[Command | Effect]:
    """What the last event makes a process send, after the others."""
    return list(process.react(followed(process, *events), events[-1]))


def rows(model: ReadModel[R], *events: Event | Recorded) -> dict[str, R]:
    """The table of a read model after some events, by key.

    Plain events get the stream of the aggregate that owns them, positions from 1, and NOW as their time.
    """
    return fold(model, {}, recorded(*events))


def recorded(*events: Event | Recorded, at: datetime = NOW) -> list[Recorded]:
    """Events as the log would hold them; those that are recorded already stay as they are."""
    log: list[Recorded] = []
    versions: dict[str, int] = {}
    for event in events:
        if isinstance(event, Event):
            event = _record(event, log[-1].position + 1 if log else 1, versions, at)
        versions[event.stream] = event.version
        log.append(event)
    return log


def fold(model: ReadModel[R], table: Mapping[str, R], log: Iterable[Recorded]) -> dict[str, R]:
    """The table after more of the log. Events outside the model's subscription leave it as it is."""
    folded = dict(table)
    source = members(model.apply, 1)
    for entry in log:
        if isinstance(entry.event, tuple(source)):
            for key in keys_of(model, entry):
                _fold_key(model, folded, key, entry)
    return folded


def keys_of(model: ReadModel[Any], entry: Recorded) -> tuple[str, ...]:
    """The keys that an event touches."""
    takes_entry = len(signature(model.keys).parameters) == 2
    return model.keys(entry.event, entry) if takes_entry else model.keys(entry.event)


def _fold_key(model: ReadModel[R], table: dict[str, R], key: str, entry: Recorded) -> None:
    before = table.get(key)
    takes_entry = len(signature(model.apply).parameters) == 3
    after = model.apply(before, entry.event, entry) if takes_entry else model.apply(before, entry.event)
    if after is None:
        table.pop(key, None)
        return
    first = before or replace(after, created_at=entry.recorded_at, version=0)
    version = entry.version if entry.stream == f"{model.of}-{key}" else first.version
    after = replace(
        after, position=first.position, version=version, created_at=first.created_at, updated_at=first.updated_at
    )
    if after != before:
        after = replace(after, position=entry.position, updated_at=entry.recorded_at)
    table[key] = after


def _record(event: Event, position: int, versions: Mapping[str, int], at: datetime) -> Recorded:
    aggregate = _owner(type(event))
    stream = aggregate.stream(getattr(event, aggregate.identity))
    return Recorded(
        position=position,
        stream=stream,
        version=versions.get(stream, 0) + 1,
        event=event,
        recorded_at=at,
        command_id=f"command-{position}",
        correlation_id=f"command-{position}",
        causation_id=None,
        actor_id=None,
    )


@cache
def _owner(event: type[Event]) -> Aggregate[Any]:
    """The aggregate that an event belongs to: it is declared in the same package."""
    package = event.__module__.rpartition(".")[0]
    for name, module in list(sys.modules.items()):
        if name != event.__module__ and name.rpartition(".")[0] != package:
            continue
        for value in vars(module).values():
            if isinstance(value, Aggregate) and event in members(value.evolve, 1):
                return value
    raise TypeError(f"No aggregate beside {event.__module__} evolves with {event.__name__}; give it recorded.")


def _belongs(message: Command | Event, function: Any, kind: str, name: str) -> None:
    if type(message) not in members(function, 1):
        raise TypeError(f"{type(message).__name__} does not belong to the {kind} {name!r}.")
