"""The vocabulary an application is written in: messages, states, rows, aggregates, read models, processes, conditions.

Everything here is a frozen value or a record of pure functions. The engine does what waits, fails, retries or stores.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, dataclass_transform

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Type checkers do not see that `frozen=True` is inherited; this says so. It changes nothing at run time.
@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class _Frozen(msgspec.StructMeta):
    pass


# gc=False: a frozen value made of frozen values cannot be part of a reference cycle; the collector need not visit it.
class Value(msgspec.Struct, metaclass=_Frozen, frozen=True, gc=False, forbid_unknown_fields=True):
    """A frozen value. Validate in `__post_init__`, raising InvalidInput; then no bad value can exist."""


class Command(Value):
    """A wish, in the imperative. Names its stream by the field that its aggregate declares as `identity`."""


class Effect(Value):
    """A wish to the world outside, in the imperative: what a process wants done that no aggregate decides.

    Whoever performs it may be asked again for the same one, after a crash, and is told the same id then.
    """


class Secret(Value):
    """Text that only a command may hold, and only a field of its own.

    It is kept beside the stream that the command was accepted for, under the field's name, until another takes its
    place or it is erased. It is in no event, state, snapshot, row or log line.
    """

    text: str

    def __repr__(self) -> str:
        return "Secret(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []  # a pretty printer asks this first


class Event(Value):
    """A fact, in the past tense. Its class name and its fields are storage: change them only with an upcaster."""

    schema: ClassVar[int] = 1


class State(Value):
    """What an aggregate remembers of its stream: only what a decision needs."""


class Row(Value, kw_only=True):
    """One row of a read table. The columns are the fields; the engine fills in those declared here.

    `position` is that of the last event that changed the row, `version` that of the stream the row mirrors
    (see ReadModel.of), `created_at` and `updated_at` are when the row's first and last event were recorded.
    """

    position: int = 0
    version: int = 0
    created_at: datetime = EPOCH
    updated_at: datetime = EPOCH


class Recorded(Value):
    """An event as the log holds it."""

    position: int
    stream: str
    version: int
    event: Event
    recorded_at: datetime
    command_id: str
    correlation_id: str
    causation_id: str | None
    actor_id: str | None
    trace: str | None = None


S = TypeVar("S", bound=State)
R = TypeVar("R", bound=Row)


replace = msgspec.structs.replace
"`replace(value, **changes)`: a copy of a value with some fields changed."


class Claim(Value):
    """A stream takes `value` for itself within `scope`; another stream that claims it is refused with AlreadyTaken."""

    scope: str
    value: str
    taken: str = ""
    "What the second one is told; that the value is in use, if this is empty."


class Release(Value):
    """A stream gives a claimed value back."""

    scope: str
    value: str


class Erase(Value):
    """A stream's secrets are deleted."""


# Compared by identity: there is one of each, and a state may hold what cannot be hashed.
@dataclass(frozen=True, eq=False)
class Aggregate(Generic[S]):
    """The rules of one kind of stream: `decide(state, command, now) -> events`, `evolve(state, event) -> state`.

    The unions in the signatures of `decide` and `evolve` say which commands and events belong to it.
    """

    name: str
    "The category: the stream of one instance is `name-identity`."
    identity: str
    "The field of every command and event that holds the instance's id."
    initial: S
    decide: Callable[[S, Any, datetime], Sequence[Any]]
    evolve: Callable[[S, Any], S]
    claims: Callable[[Any], Sequence[Claim | Release | Erase]] | None = None
    "What an event claims, releases or erases, in the append's transaction."
    version: int = 1
    "Raise it when `evolve` gives stored events another meaning: older snapshots are then ignored."
    snapshot_every: int = 200

    def stream(self, identity: str) -> str:
        return f"{self.name}-{identity}"


@dataclass(frozen=True)
class ReadModel(Generic[R]):
    """A table that is a fold per key: `keys(event) -> keys`, `apply(row | None, event) -> row | None`.

    The union in the signature of `apply` is the subscription. `apply` may take a third argument, and `keys` a second:
    the Recorded event, where a row tells who did what and when. None in place of a row means that there is none.
    """

    name: str
    row: type[R]
    keys: Callable[..., tuple[str, ...]]
    apply: Callable[..., R | None]
    version: int = 1
    "Raise it with every change of row, keys or apply: the table is then folded anew."
    of: str = ""
    "The category whose streams the rows mirror one to one; gives Row.version."
    order: tuple[str, ...] = ()
    "Columns that a connection sorts by before the id; `-column` sorts downwards."
    indexes: tuple[str, ...] = ()
    "Columns by whose value rows are looked up; such rows are found in the order above."


@dataclass(frozen=True, eq=False)
class Process(Generic[S]):
    """What follows from events, across streams: `evolve(state, event) -> state`, `react(state, event) -> wishes`.

    There is one state for each key; one that equals `initial` is not kept. The union in the signature of `evolve`, the
    same as in that of `react`, is the subscription. `react` is given the state with the event already in it. It is
    asked once for each event, and again after a crash: what it gives is sent under ids derived from the event's.
    """

    name: str
    key: Callable[[Any], str]
    "Which instance an event belongs to. Events of one key are taken in order, those of others side by side."
    initial: S
    evolve: Callable[[S, Any], S]
    react: Callable[[S, Any], Sequence[Command | Effect]]
    due: Callable[[S], datetime | None] | None = None
    "When an instance is to be woken, if its state does not change before. Stored, so it outlives the server."
    wake: Callable[[S], Sequence[Command | Effect]] | None = None
    "What follows when that time has come."
    version: int = 1
    "Raise it when `evolve` gives stored events another meaning: the states are then folded anew, without reacting."


@dataclass(frozen=True)
class Upcaster:
    """How the stored fields of an event at one schema version become those of the next."""

    event: str
    schema: int
    "The version it reads; it gives `schema + 1`."
    upcast: Callable[[dict[str, Any]], dict[str, Any]]


class _Mark(Value):
    name: str


SEARCH = _Mark("search")
"Annotated[str, SEARCH]: a column that full-text search covers."
FIXED = _Mark("fixed")
"Annotated[..., FIXED]: a column that never changes once its row exists. The key always is."
PERSONAL = _Mark("personal")
T = TypeVar("T")
Personal = Annotated[T, PERSONAL]
"""`email: Personal[str]`: a field of an event that tells who somebody is or how to reach them, or holds what people
wrote freely. It leaves the application only where a setting says so."""


class Condition(Value):
    """A predicate over one column, usable as SQL and on a row in memory. Build it with the functions below."""

    column: str
    "A field of the row; `price.units` reaches into a value object."
    test: Literal["equals", "one_of", "at_most", "at_least", "starts_with"]
    value: Any


Conditions = tuple[Condition, ...]


def equals(column: str, value: Any) -> Condition:
    return Condition(column, "equals", value)


def one_of(column: str, values: Sequence[Any] | None) -> Condition:
    return Condition(column, "one_of", None if values is None else tuple(values))


def at_most(column: str, value: Any) -> Condition:
    return Condition(column, "at_most", value)


def at_least(column: str, value: Any) -> Condition:
    return Condition(column, "at_least", value)


def starts_with(column: str, prefix: str) -> Condition:
    return Condition(column, "starts_with", prefix)


def those_given(*conditions: Condition) -> Conditions:
    """A filter's conditions without those whose value is None: what was not asked for restricts nothing."""
    return tuple(condition for condition in conditions if condition.value is not None)


class Receipt(Value):
    """What the log answers to a command it accepted."""

    command_id: str
    position: int
    "Of the last event stored; for a command that had nothing to do, the head it was decided at."
    stream: str
    version: int
    accepted_at: datetime
    events: int = 0
    "How many events were stored: those at `position - events + 1` to `position`."
    replayed: bool = False
    "True for the stored answer to a command id seen before."
    actor_id: str | None = None
