"""The same where others append too, at the other end of a wire: its turn is waited for, and every journey counts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import compress
from typing import Any

from engine.codec import Codec
from engine.shapes import Event
from engine.store import tables
from engine.store.append import Appending
from engine.store.arrays import sought
from engine.store.dialect import Dialect
from engine.store.instants import instant
from engine.store.session import Cursor, Gathering, Question, Session, gathering


class SharedAppending(Appending):
    """An append in two journeys, if all that is asked for was foreseen and is in memory: one to begin, one to commit.

    Measured: to append without waiting for the turn, on condition that nobody else did meanwhile, would save a journey
    only where every stream of a group is in memory.
    """

    def __init__(
        self,
        session: Gathering,
        codec: Codec,
        at: datetime,
        known_types: set[tuple[str, int]],
        dialect: Dialect,
        streams: Sequence[str],
        command_ids: Sequence[str],
    ) -> None:
        """`streams` and `command_ids` are what will be asked for."""
        self._wire = session
        self._streams = streams
        self._command_ids = command_ids
        self._held: dict[tuple[str, str], str | None] = {}
        self._whole: dict[str, list[tuple[int, str, int, str]]] = {}
        self._kept: dict[str, Sequence[Any] | None] = {}
        super().__init__(session, codec, 0, at, known_types, dialect)

    def _begin(self, session: Session, head: int, at: datetime) -> tuple[int, datetime]:
        """The head stays where it is from here to the commit."""
        questions: list[Question] = [(tables.VERSIONS_OF_ARRAY, (sought(self._streams),))]
        if self._command_ids:
            questions.append((tables.COMMANDS_OF_ARRAY, (sought(self._command_ids),)))
        turn, versions, *commands = self._wire.append(*questions)
        self._found = {**dict.fromkeys(self._streams, 0), **dict(versions)}
        self._seen: dict[str, Sequence[Any] | None] = dict.fromkeys(self._command_ids)
        self._seen.update((row[0], row) for cursor in commands for row in cursor)
        head, recorded_at = turn.fetchone()
        return head, max(at, instant(recorded_at))

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        return {stream: self._found[stream] for stream in streams}

    def expect(self, streams: Sequence[str], snapshots: Sequence[str], claims: Sequence[tuple[str, str]] = ()) -> None:
        self._whole.update((stream, []) for stream in streams)
        self._kept.update(dict.fromkeys(snapshots))
        self._held.update(dict.fromkeys(claims))
        scopes, values = zip(*claims, strict=True) if claims else ((), ())
        asked = [
            (tables.READ_STREAMS, (sought(streams),)),
            (tables.SNAPSHOTS, (sought(snapshots),)),
            (tables.CLAIMANTS, (sought(scopes), sought(values))),
        ]
        wanted = [bool(each) for each in (streams, snapshots, claims)]
        events, kept, held = _spread(self._wire.ask(*compress(asked, wanted)), wanted)
        for stream, version, type, schema, data in events:
            self._whole[stream].append((version, type, schema, data))
        self._kept.update((row[0], row) for row in kept)
        self._held.update(((scope, value), stream) for scope, value, stream in held)

    def stream(self, stream: str, after: int) -> Iterable[tuple[int, Event]]:
        if after or stream not in self._whole:
            yield from super().stream(stream, after)
            return
        for version, type, schema, data in self._whole.pop(stream):
            yield version, self._codec.decode(type, schema, data)

    def _stored_command(self, command_id: str) -> Sequence[Any] | None:
        return self._seen[command_id] if command_id in self._seen else super()._stored_command(command_id)

    def _stored_snapshot(self, stream: str) -> Sequence[Any] | None:
        return self._kept[stream] if stream in self._kept else super()._stored_snapshot(stream)

    def _stored_claimant(self, scope: str, value: str) -> str | None:
        key = scope, value
        return self._held[key] if key in self._held else super()._stored_claimant(scope, value)

    def _advance(self, session: Session) -> None:
        if self._events:
            session.execute(tables.ADVANCE, (self.head, self._stored_at))


def _spread(cursors: Sequence[Cursor], wanted: Sequence[bool]) -> Iterator[Iterable[Any]]:
    """An answer for each that was wanted, and nothing for those that were not."""
    answers = iter(cursors)
    return (next(answers) if each else () for each in wanted)


def appending(
    session: Session,
    codec: Codec,
    head: int,
    at: datetime,
    known_types: set[tuple[str, int]],
    dialect: Dialect,
    streams: Sequence[str],
    command_ids: Sequence[str],
) -> Appending:
    """Begin to append, wherever that is. `streams` and `command_ids` are what will be asked for."""
    if wire := gathering(session):
        return SharedAppending(wire, codec, at, known_types, dialect, streams, command_ids)
    return Appending(session, codec, head, at, known_types, dialect)
