"""What an application consists of: its aggregates, read models, processes and upcasters, checked against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

from engine import relay
from engine.codec import Codec, members
from engine.deadletters import DEAD_LETTERS
from engine.discovery import declared
from engine.shapes import Aggregate, Event, Process, ReadModel, Upcaster


@dataclass(frozen=True)
class Declarations:
    """What an application consists of."""

    aggregates: Sequence[Aggregate[Any]]
    models: Sequence[ReadModel[Any]]
    upcasters: Sequence[Upcaster] = ()
    processes: Sequence[Process[Any]] = ()

    @classmethod
    def of(cls, domain: ModuleType, readmodels: ModuleType) -> Self:
        """All that two packages declare, and what operators decide about dead letters."""
        aggregates = (*declared(domain, Aggregate), DEAD_LETTERS)
        processes = declared(domain, Process)
        return cls(aggregates, declared(readmodels, ReadModel), declared(domain, Upcaster), processes)

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work together."""
        if len({process.name for process in self.processes}) < len(self.processes):
            raise ValueError("Two processes have one name, under which each would store how far it has come.")
        if any(process.name == relay.NAME for process in self.processes):
            raise ValueError(f"A process is called {relay.NAME}; how far the relay has come is stored under that name.")
        for process in self.processes:
            if (process.due is None) != (process.wake is None):
                raise ValueError(f"The process {process.name} must have both `due` and `wake`, or neither.")
            if set(members(process.evolve, 1)) != set(members(process.react, 1)):
                raise ValueError(f"`evolve` and `react` of the process {process.name} must take the same events.")
            if unknown := set(members(process.react, 1)) - self.events:
                names = ", ".join(sorted(event.__name__ for event in unknown))
                raise ValueError(f"The process {process.name} takes {names}, which no aggregate stores.")
        self._check_models()

    def _check_models(self) -> None:
        """Raise ValueError for a read model whose rows could show an older version than their stream has."""
        owned = {aggregate.name: set(members(aggregate.evolve, 1)) for aggregate in self.aggregates}
        for model in self.models:
            unseen = owned.get(model.of, set()) - set(members(model.apply, 1))
            if unseen or (model.of and model.of not in owned):
                names = ", ".join(sorted(event.__name__ for event in unseen)) or f"an aggregate called {model.of}"
                raise ValueError(f"{model.name} mirrors {model.of!r}, so `apply` must handle {names}.")

    @property
    def events(self) -> set[type[Event]]:
        return {event for aggregate in self.aggregates for event in members(aggregate.evolve, 1)}

    @property
    def followers(self) -> Sequence[str]:
        """The names of all that follows the log: read models, then processes."""
        return [model.name for model in self.models] + [process.name for process in self.processes]

    def codec(self) -> Codec:
        return Codec(self.events, self.upcasters)
