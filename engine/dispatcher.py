"""Commands to their aggregates: decided in order against folded state, durable in groups, answered by a receipt."""

import asyncio
import hashlib
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import structlog

from engine import ids
from engine.clock import Clock
from engine.codec import fingerprint, members
from engine.faults import Unavailable
from engine.feed import LOG, Feed
from engine.refusals import AlreadyTaken, CommandIdReused, InvalidInput, Refusal, VersionConflict
from engine.shapes import Aggregate, Claim, Command, Receipt, Release, State
from engine.store.append import About, Appending
from engine.store.log import Log

logger = structlog.get_logger(__name__)

MOST_CHARACTERS_OF_ID = 200


class Request(msgspec.Struct, frozen=True, gc=False):
    """A command on its way, with who sent it and what led to it."""

    command: Command
    about: About
    is_fresh: bool
    "True when the id was made here, so that it cannot have been seen before."
    expected_version: int | None


Outcome = Receipt | Refusal | Exception
_Waiting = tuple[Request, "asyncio.Future[Receipt | Refusal]"]


class _Rules:
    """An aggregate with what the dispatcher derives from it once."""

    def __init__(self, aggregate: Aggregate[Any]) -> None:
        self.aggregate = aggregate
        state = type(aggregate.initial)
        self.decoder = msgspec.msgpack.Decoder(state)
        self.layout = f"{aggregate.version} {_layout(state)}"


def _layout(state: type[State]) -> str:
    """Marks the fields of a state and of the values in it: a snapshot stored under another layout is not read."""
    described = msgspec.json.encode(msgspec.json.schema(state), order="deterministic")
    return hashlib.blake2b(described, digest_size=16).hexdigest()


class Dispatcher:
    """Routes each command to the aggregate that declares it, and owns the only writer of the log.

    Commands that arrive while a group is being committed form the next group, so the disk decides the group's size.
    A caller that goes away harms nothing: its command is decided and stored all the same.
    """

    def __init__(
        self,
        log: Log,
        aggregates: Iterable[Aggregate[Any]],
        feed: Feed,
        clock: Clock,
        *,
        most_waiting: int = 10_000,
        most_in_group: int = 512,
        most_cached: int = 10_000,
        timeout: float = 30.0,
    ) -> None:
        self._log = log
        self._feed = feed
        self._clock = clock
        self._rules: dict[type[Command], _Rules] = {}
        for aggregate in aggregates:
            rules = _Rules(aggregate)
            for command in members(aggregate.decide, 1):
                if command in self._rules:
                    raise ValueError(f"{command.__name__} is decided by two aggregates; leave it in one union.")
                if aggregate.identity not in command.__struct_fields__:
                    raise ValueError(
                        f"{command.__name__} lacks the field {aggregate.identity!r} that names its stream."
                    )
                self._rules[command] = rules
        self._cache: OrderedDict[str, tuple[State, int]] = OrderedDict()
        self._known_types: set[tuple[str, int]] = set()
        self._most_waiting = most_waiting
        self._most_in_group = most_in_group
        self._most_cached = most_cached
        self._timeout = timeout
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="dispatcher")

    async def stop(self) -> None:
        """Refuse new commands, finish those accepted, end."""
        self._is_stopping = True
        self._arrived.set()
        if self._task:
            await self._task

    async def send(
        self,
        command: Command,
        *,
        command_id: str | None = None,
        expected_version: int | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        actor_id: str | None = None,
        trace: str | None = None,
    ) -> Receipt | Refusal:
        """Decide and store a command; returns once it is on disk.

        Raises Unavailable when it could not be stored, or when that is not known within the timeout: sending it again
        under the same command id then finds out.
        """
        if command_id is not None and not _is_id(command_id):
            return InvalidInput(f"A command id has 1 to {MOST_CHARACTERS_OF_ID} printable characters.", ["commandId"])
        if self._is_stopping:
            raise Unavailable("The server is stopping.")
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable("Too many commands are waiting.")
        id = command_id or ids.new()
        about = About(id, correlation_id or id, causation_id, actor_id, trace)
        request = Request(command, about, command_id is None, expected_version)
        future: asyncio.Future[Receipt | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            # Those who were just answered get the turn first: they may have the next command ready for this group.
            await asyncio.sleep(0)
            group = self._waiting[: self._most_in_group]
            del self._waiting[: self._most_in_group]
            if not self._waiting:
                self._arrived.clear()
            if group:
                await self._commit(group)
            elif self._is_stopping:
                return
            if self._is_stopping:
                self._arrived.set()

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        requests = [request for request, _ in group]
        # One deadline for the group and for those behind it: a timer for each command would cost more than deciding it.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, group)
        try:
            outcomes, appended = await self._log.writer.run(lambda connection: self._decide_group(connection, requests))
        except Exception as error:  # the writer must outlive any fault of one group; the group's senders are told
            logger.exception("commands not stored", count=len(group))
            outcomes = [Unavailable(f"The command could not be stored: {error}.")] * len(group)
        else:
            self._log.committed(appended.recorded, appended.sizes)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Receipt | Refusal):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
        self._deadline.cancel()
        await self._feed.publish(LOG, self._log.position)

    def _give_up(self, group: Sequence[_Waiting]) -> None:
        # Armed again, for those who come while the log goes on being silent.
        self._deadline = asyncio.get_running_loop().call_later(self._timeout, self._give_up, ())
        waiting = [*group, *self._waiting]
        self._waiting.clear()
        if waiting:
            logger.error("the log does not answer", seconds=self._timeout, commands=len(waiting))
        for request, future in waiting:
            if not future.done():
                again = f"Send it again under the command id {request.about.command_id!r} to find out."
                future.set_exception(Unavailable(f"Not confirmed within {self._timeout:g} s. {again}"))

    # ------------------------------------------------------------------ on the writer's thread

    def _decide_group(
        self, connection: sqlite3.Connection, requests: Sequence[Request]
    ) -> tuple[list[Outcome], Appending]:
        """Decide a group one after another and commit it as one; on failure nothing of it is stored."""
        now = max(self._clock(), self._log.last_recorded_at)
        appending = Appending(connection, self._log.codec, self._log.position, now, self._known_types)
        states: dict[str, tuple[State, int]] = {}
        try:
            outcomes = [self._outcome(appending, request, states) for request in requests]
            appending.commit()
        except BaseException:
            appending.abandon()
            self._cache.clear()
            raise
        self._cache.update(states)
        for stream in states:
            self._cache.move_to_end(stream)
        while len(self._cache) > self._most_cached:
            self._cache.popitem(last=False)
        return outcomes, appending

    def _outcome(self, appending: Appending, request: Request, states: dict[str, tuple[State, int]]) -> Outcome:
        try:
            return self._decide(appending, request, states)
        except Refusal as refusal:
            return refusal
        except sqlite3.Error:
            raise
        except Exception as fault:  # one command's fault must not take its neighbors in the group with it
            return fault

    def _decide(self, appending: Appending, request: Request, states: dict[str, tuple[State, int]]) -> Receipt:
        command, about = request.command, request.about
        rules = self._rules[type(command)]
        aggregate = rules.aggregate
        stream = aggregate.stream(getattr(command, aggregate.identity))
        mark = fingerprint(command, request.expected_version)
        if not request.is_fresh and (seen := appending.command(about.command_id)):
            if seen[0] != mark:
                raise CommandIdReused(about.command_id)
            return seen[1]
        state, version = states.get(stream) or self._cache.get(stream) or self._load(appending, rules, stream)
        states[stream] = state, version
        if request.expected_version is not None and request.expected_version != version:
            raise VersionConflict(request.expected_version, version)
        new = aggregate.decide(state, command, appending.at)
        claims = self._claims(appending, aggregate, stream, new)
        folded = state
        for event in new:
            folded = aggregate.evolve(folded, event)
        after = version + len(new)
        is_due = after // aggregate.snapshot_every > version // aggregate.snapshot_every
        # What can fail comes before what is handed in: a fault must leave nothing of its command in the transaction.
        snapshot = msgspec.msgpack.encode(folded) if is_due else None
        appending.append(stream, version, new, about)
        for claim in claims:
            appending.claim(claim, stream)
        states[stream] = folded, after
        if snapshot is not None:
            appending.keep_snapshot(stream, after, rules.layout, snapshot)
        given = Receipt(about.command_id, appending.head, stream, after, appending.at, len(new), False, about.actor_id)
        appending.remember(mark, given)
        return given

    def _claims(
        self, appending: Appending, aggregate: Aggregate[Any], stream: str, new: Sequence[Any]
    ) -> Sequence[Claim | Release]:
        """What the events claim and release. Raises AlreadyTaken for a value that another stream holds."""
        wanted = [each for event in new for each in aggregate.claims(event)] if aggregate.claims else []
        for each in wanted:
            if isinstance(each, Claim) and appending.claimant(each.scope, each.value) not in (None, stream):
                raise AlreadyTaken(f"{each.value!r} is already in use.", [each.scope])
        return wanted

    def _load(self, appending: Appending, rules: _Rules, stream: str) -> tuple[State, int]:
        state: State = rules.aggregate.initial
        version = 0
        stored = appending.version(stream)
        if stored >= rules.aggregate.snapshot_every and (kept := appending.snapshot(stream, rules.layout)):
            version, state = kept[0], rules.decoder.decode(kept[1])
        if version == stored:
            return state, version
        evolve: Callable[[Any, Any], State] = rules.aggregate.evolve
        for reached, event in appending.stream(stream, version):
            state, version = evolve(state, event), reached
        return state, version


def _is_id(value: str) -> bool:
    return 1 <= len(value) <= MOST_CHARACTERS_OF_ID and value.isprintable()
