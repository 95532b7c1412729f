"""Events to their stored form and back, through every schema version they ever had."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol, get_args, get_type_hints

import msgspec

from engine.faults import UnknownEvent
from engine.shapes import PERSONAL, Command, Event, Secret, Upcaster


class Stored(Protocol):
    """The columns an event is stored in."""

    type: str
    schema: int
    data: str


class Codec:
    """Knows every event class by name. Raises UnknownEvent for what it cannot read."""

    def __init__(self, events: Iterable[type[Event]], upcasters: Iterable[Upcaster] = ()) -> None:
        self._decoders: dict[tuple[str, int], Callable[[str], Event]] = {}
        self._encode = msgspec.json.Encoder().encode
        self.types: dict[str, type[Event]] = {}
        for event in events:
            if self.types.setdefault(event.__name__, event) is not event:
                raise ValueError(f"Two events are called {event.__name__}; the name is storage, rename one of them.")
        for event in self.types.values():
            if _secret_fields(event):
                raise ValueError(f"{event.__name__} holds a secret; only a command may.")
            self._decoders[event.__name__, event.schema] = msgspec.json.Decoder(event).decode
        for upcaster in sorted(upcasters, key=lambda each: -each.schema):
            self._add(upcaster)

    def _add(self, upcaster: Upcaster) -> None:
        name, schema = upcaster.event, upcaster.schema
        if name not in self.types or (name, schema + 1) not in self._decoders:
            raise ValueError(f"The upcaster of {name} from schema {schema} leads to no schema that this code knows.")
        if (name, schema) in self._decoders:
            raise ValueError(f"Two ways to read {name} at schema {schema}.")
        following = self._decoders[name, schema + 1]

        def decode(data: str) -> Event:
            return following(self._encode(upcaster.upcast(msgspec.json.decode(data))).decode())

        self._decoders[name, schema] = decode

    def encode(self, event: Event) -> str:
        return self._encode(event).decode()

    def decode(self, name: str, schema: int, data: str) -> Event:
        try:
            decode = self._decoders[name, schema]
        except KeyError:
            raise UnknownEvent(self.explain(name, schema)) from None
        return decode(data)

    def knows(self, name: str, schema: int) -> bool:
        return (name, schema) in self._decoders

    def explain(self, name: str, schema: int) -> str:
        return f"The log holds {name} at schema {schema}, unknown to this code. Run the code that wrote it, or newer."


def fingerprint(command: Command, expected_version: int | None = None, said: Any = None) -> bytes:
    """16 bytes that tell one input from another under the same command id.

    `said` is what the sender gave, where the command holds more: what was looked up for it, and may differ the next
    time. Secrets do not count: a mark of one would be a way to guess it.
    """
    given = command if said is None else said
    hidden = _secret_fields(type(command))
    if hidden and said is None:
        given = [getattr(command, name) for name in command.__struct_fields__ if name not in hidden]
    return fingerprint_of(type(command), expected_version, given)


def fingerprint_of(kind: type[Command], expected_version: int | None, given: Any) -> bytes:
    """The fingerprint of a command that was not made, from what the sender gave."""
    body = msgspec.msgpack.encode((kind.__name__, given, expected_version))
    return hashlib.blake2b(body, digest_size=16).digest()


def secrets(command: Command) -> dict[str, str]:
    """What a command wants kept beside its stream, by the name of the field."""
    if not (names := _secret_fields(type(command))):
        return {}
    given = ((name, getattr(command, name)) for name in names)
    return {name: secret.text for name, secret in given if secret is not None}


@cache
def personal_fields(event: type[Event]) -> frozenset[str]:
    """The fields of an event that hold personal data, as the event declares them."""
    hints = get_type_hints(event, include_extras=True).items()
    return frozenset(name for name, hint in hints if PERSONAL in getattr(hint, "__metadata__", ()))


@cache
def _secret_fields(message: type[Command] | type[Event]) -> tuple[str, ...]:
    return tuple(name for name, hint in get_type_hints(message).items() if Secret in (hint, *get_args(hint)))


def layout(state: type[Any]) -> str:
    """Marks the fields of a state and of the values in it: what was stored under another layout is not read."""
    described = msgspec.json.encode(msgspec.json.schema(state), order="deterministic")
    return hashlib.blake2b(described, digest_size=16).hexdigest()


def members(function: Callable[..., Any], argument: int) -> Sequence[type[Any]]:
    """The classes in the union that annotates one argument of a function: the only list of what it handles."""
    hint = list(get_type_hints(function).values())[argument]
    return get_args(hint) or (hint,)
