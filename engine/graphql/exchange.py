"""One operation of a socket: what is said of it, from its answers to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from graphql import OperationType

from engine.graphql import messages, traces
from engine.graphql.errors import shaped, told
from engine.graphql.execution import ContextOf, Executor, Peer, Request, Scope
from engine.graphql.group import Group, Subscription
from engine.graphql.result import Result, refused
from engine.graphql.sharing import Groups
from engine.serving import Wire

"Headers that a message on a socket has."

OnConnect = Callable[[Mapping[str, Any] | None, Scope], Awaitable[Any]]
"Gives the principal of a socket from the payload of connection_init; raises Forbidden."

NOT_YOURS_NOW = "Who is signed in has changed, and this subscription belongs to who was. Subscribe again."


class Gone(Exception):
    """Nothing can be sent any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a socket waits, in seconds, and how much it runs at a time."""

    init_timeout: float = 10.0
    send_timeout: float = 20.0
    cleanup_timeout: float = 10.0
    operations: int = 100
    characters: int = 4 * 1024 * 1024
    "Of the messages that all the operations came in that run at a time: they are kept while these do."


@dataclass(slots=True)
class Terms:
    """What every conversation of an endpoint shares."""

    executor: Executor
    context: ContextOf
    on_connect: OnConnect
    limits: Limits
    admitted: Callable[[Any], None]
    "Told at once when a conversation has another principal, before anything else can happen."
    groups: Groups
    is_draining: bool = False
    "Nothing new is begun any more."


class Line(Protocol):
    """What an operation needs of the socket that it came on."""

    @property
    def terms(self) -> Terms: ...
    @property
    def peer(self) -> Peer: ...
    @property
    def wire(self) -> Wire | None: ...

    async def transmit(self, message: bytes) -> None:
        """Send as soon as the client reads. Raises Gone."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read what it was sent. Raises Gone."""
        ...

    def begin(self, exchange: "Exchange", work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def forget(self, exchange: "Exchange") -> None:
        """The operation's id is free."""
        ...


class Exchange:
    """An operation, from the client's subscribe to the last word on it; a Member of what it shares."""

    __slots__ = (
        "_head",
        "_is_ending",
        "_line",
        "_request",
        "_subscription",
        "_task",
        "group",
        "id_json",
        "identity",
        "is_over",
        "is_single",
        "since",
        "size",
        "told",
    )

    def __init__(self, line: Line, identity: str, request: Request | str) -> None:
        """A text in place of the request says why there is none: it can only be refused."""
        self._line = line
        self._request = request if isinstance(request, Request) else None
        self.size = request.size or 0 if isinstance(request, Request) else 0
        "Characters of the message that it came in."
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_ending = False
        self.identity = identity
        self.id_json = orjson.dumps(identity)
        self._head = messages.next_head(self.id_json)
        self.is_over = False
        "Nothing more is said of it: it has ended, or the client does not want to hear."
        self.is_single = True
        "It has one answer, as far as is known."
        self.group: Group | None = None
        self.since: int | None = None
        self.told: bytes | None = None

    def start(self, *, again: bool = False) -> None:
        self._task = self._line.begin(self, self._run(again=again))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # One that was cancelled holds all that it was doing, and so this: it would stay in memory until all garbage is
        # looked for.
        if self._task is task:
            self._task = None

    def end(self) -> None:
        """Say no more of it, and stop it."""
        self.is_over = True
        if self.group is not None:
            self.group.leave(self)
        elif self._task is not None and not self._is_ending:
            # Only once: a second cancellation would cut its clean-up short.
            self._is_ending = True
            self._task.cancel()

    async def refuse(self, code: str, message: str) -> None:
        """Never begin it."""
        await self._line.transmit(self._last(refused((shaped(code, message),))))

    def hold(self) -> None:
        """Say nothing more of it for now: the socket is closing."""
        if self.group is not None:
            self.group.leave(self)

    # ------------------------------------------------------------------ by itself

    async def _run(self, *, again: bool) -> None:
        try:
            if again:
                await self._line.drained()
            last = await (self._follow(again=True) if again else self._answer())
            if self.group is None:
                await self._finish(last)
        except Gone:
            self._is_ending = True
        except Exception as fault:
            # Going on is safe: a generator failed while it was closed; no other operation has a part in it.
            with suppress(Gone):
                await self._finish(refused(told([fault])))

    async def _answer(self) -> Result | None:
        """Answer by itself. Why that cannot be done, or None."""
        terms, request = self._line.terms, self._request
        assert request is not None
        self._request = None
        operation = terms.executor.plan(request)
        if isinstance(operation, Result):
            return operation
        try:
            context = await self._context(request)
        except Exception as fault:
            # Going on is safe: nothing ran yet, and the client is told.
            return refused(told([fault]))
        if operation.kind is OperationType.SUBSCRIPTION:
            self.is_single = False
            self._subscription = terms.groups.subscription(operation, request, context)
            return await self._follow(again=False)
        result = await traces.of(operation, None, terms.executor.run(operation, request, context))
        if result.kind == "refused":
            return result
        await self.send(result.encode())
        return None

    async def _context(self, request: Request) -> Any:
        """The context for whoever the socket belongs to once it is made."""
        while True:
            peer = self._line.peer
            context = await self._line.terms.context(peer, request)
            if peer is self._line.peer:
                return context

    async def _follow(self, *, again: bool) -> Result | None:
        assert self._subscription is not None
        return await self._line.terms.groups.follow(self._subscription, self, again=again)

    async def _finish(self, why: Result | None) -> None:
        if not self.is_over:
            self.is_over = True
            self._line.forget(self)
            await self._line.transmit(self._last(why))

    def _last(self, why: Result | None) -> bytes:
        return messages.complete(self.id_json) if why is None else messages.error(self.id_json, why.encode_errors())

    async def suits(self, peer: Peer) -> bool:
        """Whether what a subscription shows is the same to the socket's new principal."""
        subscription = self._subscription
        assert subscription is not None
        context = await self._line.terms.context(peer, subscription.request)
        now = self._line.terms.groups.subscription(subscription.operation, subscription.request, context)
        return now.visibility is not None and now.visibility == subscription.visibility

    def disown(self) -> asyncio.Task[None]:
        """End it at once, as it was another principal's; the task tells the client so."""
        self.end()
        self._line.forget(self)
        return self._line.begin(self, self._disowned())

    async def _disowned(self) -> None:
        with suppress(Gone):
            await self._line.transmit(self._last(refused((shaped("FORBIDDEN", NOT_YOURS_NOW),))))

    # ------------------------------------------------------------------ as a member of a group

    @property
    def can_share(self) -> bool:
        return self._line.wire is not None

    async def send(self, answer: bytes) -> None:
        if self.is_over:
            return
        try:
            await self._line.transmit(self._head + answer + b"}")
        except Gone:
            self._is_ending = True
            raise

    def push(self, answer: bytes) -> bool:
        wire = self._line.wire
        if wire is None or wire.is_full:
            return False
        wire.put(self._head + answer + b"}")
        return True

    def fell_behind(self) -> None:
        self.start(again=True)

    def finished(self, why: Result | None) -> None:
        self.is_over = True
        self._line.forget(self)
        if (wire := self._line.wire) is not None:
            wire.put(self._last(why))
