"""A group of commands decided one after another against folded state: the part of dispatch that has rules."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.clock import Clock
from engine.codec import layout, members, secrets
from engine.refusals import AlreadyTaken, CommandIdReused, Refusal, VersionConflict
from engine.shapes import Aggregate, Claim, Command, Erase, Receipt, Release, State
from engine.store.append import About, Appending
from engine.store.log import Log
from engine.store.session import FAULTS, Session


class Request(msgspec.Struct, frozen=True, gc=False):
    """A command on its way, with who sent it and what led to it."""

    command: Command
    stream: str
    about: About
    is_fresh: bool
    "True when the id was made here, so that it cannot have been seen before."
    expected_version: int | None
    mark: bytes
    "What tells its input from another under the same id."
    came_at: float = 0.0
    "On the monotonic clock."


Outcome = Receipt | Refusal | Exception


class _Rules:
    """An aggregate with what the dispatcher derives from it once."""

    def __init__(self, aggregate: Aggregate[Any]) -> None:
        self.aggregate = aggregate
        state = type(aggregate.initial)
        self.decoder = msgspec.msgpack.Decoder(state)
        self.layout = f"{aggregate.version} {layout(state)}"


class Decider:
    """Folded aggregates, and the deciding of commands against them. Lives on the thread of the log's writer."""

    def __init__(self, log: Log, aggregates: Iterable[Aggregate[Any]], clock: Clock, most_cached: int) -> None:
        self._log = log
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
        self._most_cached = most_cached

    def stream(self, command: Command) -> str:
        """The stream that a command is about. Raises KeyError when no aggregate declares it."""
        aggregate = self._rules[type(command)].aggregate
        return aggregate.stream(getattr(command, aggregate.identity))

    def identity(self, command: Command) -> str:
        """The field of a command that names its stream."""
        return self._rules[type(command)].aggregate.identity

    def decide_group(self, connection: Session, requests: Sequence[Request]) -> tuple[list[Outcome], Appending]:
        """Decide a group one after another and commit it as one; on failure nothing of it is stored."""
        now = max(self._clock(), self._log.last_recorded_at)
        is_shared = self._log.dialect.is_shared
        appending = Appending(
            connection, self._log.codec, self._log.position, now, self._known_types, self._log.dialect
        )
        states: dict[str, tuple[State, int]] = {}
        try:
            # Where others append too, what is remembered of a stream holds only if its version is still the same.
            unknown = {request.stream for request in requests if is_shared or request.stream not in self._cache}
            stored = appending.versions(list(unknown))
            for stream, version in stored.items() if is_shared else ():
                if stream in self._cache and self._cache[stream][1] != version:
                    del self._cache[stream]
            outcomes = [self._outcome(appending, request, states, stored) for request in requests]
            appending.commit()
        except BaseException:
            appending.abandon()
            self._cache.clear()
            raise
        for stream, known in states.items():
            if known[1]:  # what holds nothing is not worth a place that something could have
                self._cache[stream] = known
                self._cache.move_to_end(stream)
        while len(self._cache) > self._most_cached:
            self._cache.popitem(last=False)
        return outcomes, appending

    def _outcome(
        self,
        appending: Appending,
        request: Request,
        states: dict[str, tuple[State, int]],
        stored: dict[str, int],
    ) -> Outcome:
        try:
            if (stream := request.stream) not in states:
                states[stream] = self._cache.get(stream) or self._load(appending, request, stored[stream])
            return self._decide(appending, request, states)
        except Refusal as refusal:
            return refusal
        except FAULTS:
            raise
        except Exception as fault:  # one command's fault must not take its neighbors in the group with it
            return fault

    def _decide(self, appending: Appending, request: Request, states: dict[str, tuple[State, int]]) -> Receipt:
        command, about, stream = request.command, request.about, request.stream
        rules = self._rules[type(command)]
        aggregate = rules.aggregate
        if not request.is_fresh and (seen := appending.command(about.command_id)):
            if seen[0] != request.mark:
                raise CommandIdReused(about.command_id)
            return seen[1]
        state, version = states[stream]
        new = self._new(aggregate, state, version, request, appending.at)
        claims = self._claims(appending, aggregate.claims, stream, new) if aggregate.claims else ()
        folded = state
        for event in new:
            folded = aggregate.evolve(folded, event)
        after = version + len(new)
        is_due = after // aggregate.snapshot_every > version // aggregate.snapshot_every
        # What can fail comes before what is handed in: a fault must leave nothing of its command in the transaction.
        snapshot = msgspec.msgpack.encode(folded) if is_due else None
        appending.append(stream, version, new, about)
        if new and (kept := secrets(command)):
            appending.keep_secrets(stream, kept)
        for claim in claims:
            appending.claim(claim, stream)
        states[stream] = folded, after
        if snapshot is not None:
            appending.keep_snapshot(stream, after, rules.layout, snapshot)
        given = Receipt(about.command_id, appending.head, stream, after, appending.at, len(new), False, about.actor_id)
        appending.remember(request.mark, given)
        return given

    def _new(
        self, aggregate: Aggregate[Any], state: State, version: int, request: Request, at: datetime
    ) -> Sequence[Any]:
        """What is decided. Raises the refusal of the rules, or VersionConflict in its place."""
        refusal: Refusal | None = None
        new: Sequence[Any] = ()
        try:
            new = aggregate.decide(state, request.command, at)
        except AlreadyTaken:
            raise  # who wants to make what is there already may not be one who may know how often it changed
        except Refusal as refused:
            refusal = refused
        if request.expected_version is not None and request.expected_version != version:
            raise VersionConflict(request.expected_version, version)
        if refusal is not None:
            raise refusal
        return new

    def _claims(
        self,
        appending: Appending,
        claims: Callable[[Any], Sequence[Claim | Release | Erase]],
        stream: str,
        new: Sequence[Any],
    ) -> Sequence[Claim | Release | Erase]:
        """What the events claim and release. Raises AlreadyTaken for a value that another stream holds."""
        wanted = [each for event in new for each in claims(event)]
        for each in wanted:
            if isinstance(each, Claim) and appending.claimant(each.scope, each.value) not in (None, stream):
                raise AlreadyTaken(each.taken or f"{each.value!r} is already in use.", [each.scope])
        return wanted

    def _load(self, appending: Appending, request: Request, stored: int) -> tuple[State, int]:
        """The state of a stream that the log holds `stored` events of."""
        rules, stream = self._rules[type(request.command)], request.stream
        state: State = rules.aggregate.initial
        version = 0
        if stored >= rules.aggregate.snapshot_every and (kept := appending.snapshot(stream, rules.layout)):
            version, state = kept[0], rules.decoder.decode(kept[1])
        if version == stored:
            return state, version
        evolve: Callable[[Any, Any], State] = rules.aggregate.evolve
        for reached, event in appending.stream(stream, version):
            state, version = evolve(state, event), reached
        return state, version
