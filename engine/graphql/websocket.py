"""GraphQL over WebSocket: the endpoint for the graphql-transport-ws subprotocol, and the register of its sockets."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from itertools import takewhile
from typing import Any

from engine.graphql import messages
from engine.graphql.conversation import Conversation
from engine.graphql.exchange import Limits, OnConnect, Terms
from engine.graphql.execution import ContextOf, Executor, Scope
from engine.graphql.http import Receive, Send
from engine.graphql.origins import Origins
from engine.graphql.sharing import Groups

DEFAULT_LIMITS = Limits()
PING_EVERY = 25.0
"Seconds. Whoever is between us and the client closes what is silent for a minute or so."
SPREAD = 2.0
"Seconds over which a server that stops sends its clients away, so that they do not all come back at once."
SPREAD_EACH = 0.002
PATIENCE = 1.0
"Seconds that a server that stops waits for what is being answered."

Lasts = Callable[[Any], float | None]
"Seconds for which a principal is good from now on; None when it is for ever."


async def _anyone(params: Mapping[str, Any] | None, scope: Scope) -> None:
    return None


def _for_ever(principal: Any) -> None:
    return None


class GraphQLOverWebSocket:
    """The ASGI application of one endpoint, and the register of its open sockets. It takes WebSocket scopes only."""

    def __init__(
        self,
        executor: Executor,
        context: ContextOf,
        *,
        on_connect: OnConnect = _anyone,
        lasts: Lasts = _for_ever,
        allowed_origins: Collection[str] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.groups = Groups(executor)
        self.terms = Terms(executor, context, on_connect, limits, self._admit, self.groups)
        self._lasts = lasts
        self._origins = Origins(allowed_origins)
        self._open: set[Conversation] = set()
        self._ends: dict[Conversation, asyncio.TimerHandle] = {}
        "Of the sockets whose principal is not good for ever."
        self._closing: set[asyncio.Task[None]] = set()
        self._pings: dict[Conversation, float] = {}
        "When each socket is to be pinged, soonest first, on the clock of the loop."
        self._pinging: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def subscriptions(self) -> int:
        """Subscriptions that run on its sockets."""
        return sum(each.subscriptions for each in self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self.terms.is_draining or not self._origins.let_in(dict(scope["headers"])):
            # Before it is accepted, a close becomes the HTTP answer 403.
            await send({"type": "websocket.close"})
            return
        if messages.SUBPROTOCOL not in scope["subprotocols"]:
            # Accepted first, because a browser learns no more of a refused handshake than that it failed.
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        conversation = Conversation(self.terms, scope, receive, send)
        self._open.add(conversation)
        try:
            await conversation.run()
        finally:
            self._open.discard(conversation)
            self._pings.pop(conversation, None)
            if timer := self._ends.pop(conversation, None):
                timer.cancel()

    def close_where(self, which: Callable[[Any], bool], *, code: int = 4403, reason: str = "Forbidden") -> None:
        """Close the sockets with such a principal, without waiting for their clients. Nothing more is sent on them."""
        for conversation in [each for each in self._open if each.is_admitted and which(each.principal)]:
            self._close(conversation, code, reason)

    async def drain(self, *, code: int = 1012, reason: str = "Service Restart", within: float = 1.0) -> None:
        """Begin nothing new, answer what was asked, then close every socket, one after the other.

        On 1012 clients of the protocol connect again, later, and go on where they were.
        """
        self.terms.is_draining = True
        if answering := [task for each in self._open for task in each.answering]:
            await asyncio.wait(answering, timeout=PATIENCE)
        if conversations := list(self._open):
            spread = min(SPREAD, SPREAD_EACH * len(conversations))
            waits = (spread * place / len(conversations) for place in range(len(conversations)))
            closing = [
                asyncio.ensure_future(_later(wait, each.close(code, reason)))
                for wait, each in zip(waits, conversations, strict=True)
            ]
            await asyncio.wait([*closing, *(each.task for each in conversations)], timeout=spread + within)
        await self.groups.close(within)

    def _admit(self, conversation: Conversation) -> None:
        loop = asyncio.get_running_loop()
        if conversation not in self._pings:
            self._pings[conversation] = loop.time() + PING_EVERY
            if self._pinging is None:
                self._pinging = loop.call_later(PING_EVERY, self._ping)
        if timer := self._ends.pop(conversation, None):
            timer.cancel()
        seconds = self._lasts(conversation.principal)
        if seconds is not None:
            end = loop.call_later(max(seconds, 0.0), self._close, conversation, 4403, "The sign-in has expired.")
            self._ends[conversation] = end

    def _ping(self) -> None:
        """Ping those whose time has come, and come again when it is the next one's."""
        loop = asyncio.get_running_loop()
        now, message = loop.time(), messages.ping()
        for conversation in [each for each, due in takewhile(lambda item: item[1] <= now, self._pings.items())]:
            del self._pings[conversation]
            self._pings[conversation] = now + PING_EVERY
            conversation.put(message)
        due = next(iter(self._pings.values()), None)
        # Not more often than once a second, whatever the moments at which they came.
        self._pinging = None if due is None else loop.call_later(max(due - now, 1.0), self._ping)

    def _close(self, conversation: Conversation, code: int, reason: str) -> None:
        task = asyncio.ensure_future(conversation.close(code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _later(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        work.close()
        raise
    await work
