"""A group: subscriptions that are told the same by one source, and how one of them finds its place among the others."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.graphql.documents import Operation
from engine.graphql.errors import told
from engine.graphql.execution import Request
from engine.graphql.frame import Span
from engine.graphql.result import Result, refused
from engine.graphql.stream import Stream
from engine.graphql.traces import pushing

KEPT = 8
"The spans that are kept for whoever is a moment behind."
MOST_OPENING = 256 * 1024
"Bytes of the first answers that are kept for those who come later."
AT_ONCE = 250
"Members that are told before others get their turn: about 2 ms."


class Member(Protocol):
    """One subscription of one client. It holds a place, never a queue."""

    group: "Group | None"
    "Which tells it; None while it is told by itself."
    since: int | None
    "The position that its client has been told of, where answers have positions."
    told: bytes | None
    "The last answer, where they have none; without what only a first answer tells."

    @property
    def can_share(self) -> bool:
        """Whether `push` works."""
        ...

    async def send(self, answer: bytes) -> None:
        """Send as soon as the client reads. Raises when it does not in time, or is gone."""
        ...

    def push(self, answer: bytes) -> bool:
        """Send at once. False, with nothing sent, when the client has not read what it was sent before."""
        ...

    def fell_behind(self) -> None:
        """It is no longer told what the others are; it may follow again once its client reads."""
        ...

    def finished(self, why: Result | None) -> None:
        """The source ended, or failed with these errors."""
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client subscribed to, and the context in which its answers are made."""

    operation: Operation
    request: Request
    context: Any
    visibility: Hashable = None
    key: Hashable = None
    "Equal for those who are to be told the same; None for one who shares with nobody."
    start: object = None
    "What the client said of where to go on from."


@dataclass(slots=True)
class Opening:
    """The first answers to a subscription, up to the first position at which it was exact."""

    start: object
    answers: list[bytes] = field(default_factory=list)
    position: int = 0
    is_spans: bool = False

    @property
    def is_small(self) -> bool:
        return sum(map(len, self.answers)) <= MOST_OPENING

    def take(self, payload: Any, answer: bytes, member: Member) -> bool:
        """Take in what a member was told; whether it may now be told the same as others."""
        self.is_spans = isinstance(payload, Span)
        if not isinstance(payload, Span):
            return True
        self.answers.append(answer)
        if payload.is_exact:
            member.since = self.position = payload.position
        return payload.is_exact


class Group:
    """Members that are told the same by one source, for as long as there are any."""

    def __init__(
        self,
        subscription: Subscription,
        stream: Stream,
        member: Member,
        opening: Opening,
        ended: Callable[["Group"], None],
    ) -> None:
        """Goes on with the source of its first member."""
        self._ended = ended
        self._subscription = subscription
        self._members: set[Member] = set()
        self._is_spans = opening.is_spans
        self._is_exact = True
        "Whether what comes next goes on from a position at which everything was told."
        self._kept: deque[Span] = deque()
        self._floor = member.since or 0
        "Whoever was told of this position, or of more, can join."
        self._last = member.told
        self._opening: Opening | None = None
        self.stream = stream
        self.is_open = True
        self.frames = 0
        "Answers sent to members."
        self._is_begun = False
        self._let_in(member, opening)
        self._task: asyncio.Task[None] | None = asyncio.create_task(self._run(), name="shared subscription")
        self._task.add_done_callback(self._let_go)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def key(self) -> Hashable:
        return self._subscription.key

    # ------------------------------------------------------------------ who is told

    async def welcome(self, subscription: Subscription, member: Member) -> bool:
        """Let somebody in who comes anew, or comes back; False for one who has to find the way alone."""
        if self._is_spans and member.since is None:
            opening = self._opening
            if opening is None or opening.start != subscription.start or opening.position < subscription.context.head:
                # Whoever begins is shown what is now: they may have read more elsewhere than the others were told.
                return False
            for answer in opening.answers:
                await member.send(answer)
                self.frames += 1
            member.since = opening.position
        return await self.join(member)

    async def join(self, member: Member, opening: Opening | None = None) -> bool:
        """Let somebody in once they know what the others do; False when that has to be read anew."""
        if not (await self._overtakes(member) if self._is_spans else await self._agrees(member)):
            return False
        self._let_in(member, opening)
        return True

    async def _overtakes(self, member: Member) -> bool:
        """Tell somebody the spans that they lack; whether they know all then."""
        while self.is_open and self._reaches(member.since):
            span = next((span for span in self._kept if span.position > (member.since or 0)), None)
            if span is None:
                return True
            answer, member.since = await self._answer(span, member.since), span.position
            await member.send(answer)
            self.frames += 1
        return False

    async def _agrees(self, member: Member) -> bool:
        """Whether somebody was told last what the others were. If not, nothing says which of the two is newer."""
        if member.told != self._last:
            # One who was told a moment earlier of what the others are just being told waits for them.
            await asyncio.sleep(0)
        return self.is_open and member.told == self._last

    def _let_in(self, member: Member, opening: Opening | None) -> None:
        if opening is not None and opening.is_small:
            self._opening = opening
        self._members.add(member)
        member.group = self

    def leave(self, member: Member) -> None:
        """Tell this one no more. Without members the source ends."""
        self._members.discard(member)
        member.group = None
        if not self._members:
            self._end()

    def close(self) -> asyncio.Task[None]:
        """Tell nobody any more, of a group that is open. The task ends once the source has."""
        task = self._task
        assert task is not None
        self._end()
        return task

    def _end(self) -> None:
        if self.is_open:
            self.is_open = False
            self._ended(self)
            if self._is_begun and self._task is not None:
                self._task.cancel()
            # Else it finds out at its beginning: cancelled before that, it would never close the source.

    def _let_go(self, task: asyncio.Task[None]) -> None:
        # One that was cancelled holds all that it was doing, and so this: it would stay in memory until all garbage is
        # looked for.
        self._task = None

    def _reaches(self, since: int | None) -> bool:
        """Whether somebody who was told of a position can be told the rest."""
        return self._is_exact and since is not None and since >= self._floor

    def _leave_behind(self, member: Member) -> None:
        self._members.discard(member)
        member.group = None
        member.fell_behind()

    # ------------------------------------------------------------------ what they are told

    async def _run(self) -> None:
        why: Result | None = None
        self._is_begun = True
        try:
            while self.is_open:
                payload = await self.stream.next()
                with await pushing(self._subscription.context, payload):
                    await self._pass_on(payload)
        except StopAsyncIteration:
            pass
        except Exception as fault:
            # Going on is safe: the source has ended by raising, and all its members are told.
            why = refused(told([fault]))
        finally:
            self.is_open = False
            self._ended(self)
            await self.stream.close()
        for member in list(self._members):
            member.group = None
            member.finished(why)

    async def _pass_on(self, payload: Any) -> None:
        if isinstance(payload, Span):
            self._note(payload)
            for since, members in self._by_place(payload):
                position = payload.position if payload.is_exact or payload.is_reset else since
                await self._push(members, await self._answer(payload, since), position)
        else:
            self._last = (await self.stream.answer(payload)).encode()
            await self._push(list(self._members), self._last, None)
        if not self._members:
            self._end()

    def _note(self, span: Span) -> None:
        """Keep what somebody who comes now has to be told, unless it is part of something bigger."""
        is_whole = self._is_exact and span.is_exact
        self._is_exact = span.is_exact
        if not is_whole:
            self._kept.clear()
            self._floor = span.position
            return
        self._kept.append(span)
        if len(self._kept) > KEPT:
            self._floor = self._kept.popleft().position

    def _by_place(self, span: Span) -> Iterable[tuple[int, list[Member]]]:
        """Whom a span concerns, by where they stand; who knows it already is left out."""
        places: defaultdict[int, list[Member]] = defaultdict(list)
        for member in list(self._members):
            since = member.since or 0
            if span.is_reset or since == span.since or (span.is_exact and span.since <= since < span.position):
                places[since].append(member)
            elif not span.is_exact:
                # How far this goes is not known before its end, and this member may be further.
                self._leave_behind(member)
        return places.items()

    async def _answer(self, span: Span, since: int | None) -> bytes:
        there = span if since is None or span.since == since else span.at(since)
        return await self.stream.encoded(there)

    async def _push(self, members: list[Member], answer: bytes, position: int | None) -> None:
        self.frames += len(members)
        for number, member in enumerate(members, 1):
            if member in self._members:
                if member.push(answer):
                    member.since, member.told = position, answer if position is None else None
                else:
                    self._leave_behind(member)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
