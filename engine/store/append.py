"""One transaction of the log's writer: what has to be read to decide a batch of commands, and what it appends."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from engine.codec import Codec
from engine.shapes import Claim, Erase, Event, Receipt, Recorded, Release
from engine.store import tables
from engine.store.dialect import SQLITE, Dialect
from engine.store.instants import microseconds
from engine.store.session import Session, together
from engine.store.tables import receipt


class About(NamedTuple):
    """What an event goes back to, in the order of the columns."""

    command_id: str
    correlation_id: str
    causation_id: str | None = None
    actor_id: str | None = None
    trace: str | None = None


class Appending:
    """An open transaction. Everything handed in becomes durable with `commit`, together or not at all."""

    def __init__(
        self,
        session: Session,
        codec: Codec,
        head: int,
        at: datetime,
        known_types: set[tuple[str, int]],
        dialect: Dialect = SQLITE,
    ) -> None:
        head, at = self._begin(session, head, at)
        self.head = head
        self.at = at
        "When everything in this transaction is recorded."
        self.recorded: list[Recorded] = []
        self.characters = 0
        "Of the data of all events, which is what they take in memory."
        self._session = session
        self._writes = tables.WRITES[dialect.name]
        self._codec = codec
        self._stored_at = microseconds(at)
        self._known_types = known_types
        self._new_types: set[tuple[str, int]] = set()
        self._events: list[tuple[Any, ...]] = []
        self._commands: dict[str, tuple[Any, ...]] = {}
        self._claims: dict[tuple[str, str], str | None] = {}
        self._released: list[tuple[str, str, str]] = []
        self._secrets: dict[tuple[str, str], str] = {}
        self._erased: dict[str, None] = {}
        self._snapshots: dict[str, tuple[Any, ...]] = {}

    def _begin(self, session: Session, head: int, at: datetime) -> tuple[int, datetime]:
        """Begin; gives the position that this follows, and when it is recorded, which is `at` or later."""
        session.execute("BEGIN IMMEDIATE")
        return head, at

    # ------------------------------------------------------------------ reading

    def command(self, command_id: str) -> tuple[bytes, Receipt] | None:
        """The fingerprint and receipt stored under a command id, in this transaction or before."""
        row: Sequence[Any] | None = self._commands.get(command_id)
        row = row or self._stored_command(command_id)
        return (row[1], receipt(row, replayed=True)) if row else None

    def _stored_command(self, command_id: str) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._session.execute(tables.COMMAND, (command_id,)).fetchone()
        return row

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        """The versions of streams before this transaction; 0 for one that holds nothing."""
        found = dict.fromkeys(streams, 0)
        for start in range(0, len(streams), tables.STREAMS_AT_ONCE):
            wanted = streams[start : start + tables.STREAMS_AT_ONCE]
            places = next(each for each in tables.VERSIONS if each >= len(wanted))
            padding = [None] * (places - len(wanted))
            found.update(self._session.execute(tables.VERSIONS[places], [*wanted, *padding]))
        return found

    def expect(self, streams: Sequence[str], snapshots: Sequence[str], claims: Sequence[tuple[str, str]] = ()) -> None:
        """Say what will be asked for: whole streams, snapshots, who holds what. A wire makes one journey of it."""

    def stream(self, stream: str, after: int) -> Iterable[tuple[int, Event]]:
        """The events of a stream behind a version, oldest first. Not those handed in to this transaction."""
        for version, type, schema, data in self._session.execute(tables.READ_STREAM, (stream, after)):
            yield version, self._codec.decode(type, schema, data)

    def snapshot(self, stream: str, layout: str) -> tuple[int, bytes] | None:
        """The version and state stored for a stream, if it was stored with this layout of the state."""
        row = self._stored_snapshot(stream)
        return (row[1], row[3]) if row and row[2] == layout else None

    def _stored_snapshot(self, stream: str) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._session.execute(tables.SNAPSHOT, (stream,)).fetchone()
        return row

    def claimant(self, scope: str, value: str) -> str | None:
        """The stream that holds a claim now, also within this transaction."""
        if (scope, value) in self._claims:
            return self._claims[scope, value]
        return self._stored_claimant(scope, value)

    def _stored_claimant(self, scope: str, value: str) -> str | None:
        row = self._session.execute(tables.CLAIMANT, (scope, value)).fetchone()
        return row[0] if row else None

    # ------------------------------------------------------------------ writing

    def append(
        self,
        stream: str,
        version: int,
        new: Sequence[Event],
        about: About,
    ) -> None:
        """Put events behind `version` of a stream. May be called for several streams; all are stored together.

        Raises UnicodeEncodeError, with nothing handed in, for text that no encoding can hold.
        """
        # What can fail comes before anything is handed in.
        made = [(event, type(event).__name__, event.schema, self._codec.encode(event)) for event in new]
        position, stored_at, at = self.head, self._stored_at, self.at
        for event, name, schema, data in made:
            position += 1
            version += 1
            if (name, schema) not in self._known_types:
                self._new_types.add((name, schema))
            self._events.append((position, stream, version, name, schema, data, stored_at, *about))
            self.recorded.append(Recorded(position, stream, version, event, at, *about))
            self.characters += len(data)
        self.head = position

    def remember(self, fingerprint: bytes, receipt: Receipt) -> None:
        self._commands[receipt.command_id] = (
            receipt.command_id,
            bytearray(fingerprint),  # which sqlite3 takes as it is, while bytes take it 0.3 µs more to adapt
            receipt.stream,
            receipt.version,
            receipt.position,
            receipt.events,
            self._stored_at,
            receipt.actor_id,
        )

    def keep_secrets(self, stream: str, secrets: Mapping[str, str]) -> None:
        for name, value in secrets.items():
            self._secrets[stream, name] = value

    def claim(self, claim: Claim | Release | Erase, stream: str) -> None:
        """Take or give back a value, or erase the stream's secrets. The caller has asked `claimant` before it takes."""
        if isinstance(claim, Erase):
            self._secrets = {key: value for key, value in self._secrets.items() if key[0] != stream}
            self._erased[stream] = None
            return
        is_held = self.claimant(claim.scope, claim.value) == stream
        if isinstance(claim, Claim):
            if not is_held:
                self._claims[claim.scope, claim.value] = stream
        elif is_held:
            self._claims[claim.scope, claim.value] = None
            self._released.append((claim.scope, claim.value, stream))

    def keep_snapshot(self, stream: str, version: int, layout: str, state: bytes) -> None:
        self._snapshots[stream] = (stream, version, layout, state)

    def commit(self) -> None:
        """Make it durable. Raises one of FAULTS with nothing stored when it cannot be, or Unconfirmed."""
        session, writes = self._session, self._writes
        if not self._commands and not self._events:
            session.execute("ROLLBACK")
            return
        with together(session) as all:
            writes.append.run(all, self._events)
            writes.remember.run(all, list(self._commands.values()))
            writes.type.run(all, sorted(self._new_types))
            if self._released:
                all.executemany(tables.RELEASE, self._released)
            writes.claim.run(all, [(*key, stream) for key, stream in self._claims.items() if stream])
            if self._erased:
                all.executemany(tables.ERASE, [(stream,) for stream in self._erased])
            writes.secret.run(all, [(*key, value) for key, value in self._secrets.items()])
            writes.snapshot.run(all, list(self._snapshots.values()))
            self._advance(all)
            all.execute("COMMIT")
        self._known_types |= self._new_types

    def _advance(self, session: Session) -> None:
        """Let those who append next know what they follow."""

    def abandon(self) -> None:
        if self._session.in_transaction:
            self._session.execute("ROLLBACK")
