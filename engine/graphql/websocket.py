"""GraphQL over WebSocket: the endpoint for the graphql-transport-ws subprotocol, and the register of its sockets."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from engine.graphql import messages
from engine.graphql.conversation import Conversation, Limits, OnConnect, Terms
from engine.graphql.execution import ContextOf, Executor, Scope
from engine.graphql.http import Receive, Send
from engine.graphql.origins import Origins

DEFAULT_LIMITS = Limits()

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
        self._terms = Terms(executor, context, on_connect, limits, self._admit)
        self._lasts = lasts
        self._origins = Origins(allowed_origins)
        self._open: set[Conversation] = set()
        self._ends: dict[Conversation, asyncio.TimerHandle] = {}
        "Of the sockets whose principal is not good for ever."
        self._closing: set[asyncio.Task[None]] = set()
        self._draining = False

    def __len__(self) -> int:
        return len(self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self._draining or not self._origins.let_in(dict(scope["headers"])):
            # Before it is accepted, a close becomes the HTTP answer 403.
            await send({"type": "websocket.close"})
            return
        if messages.SUBPROTOCOL not in scope["subprotocols"]:
            # Accepted first, because a browser learns no more of a refused handshake than that it failed.
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        conversation = Conversation(self._terms, scope, receive, send)
        self._open.add(conversation)
        try:
            await conversation.run()
        finally:
            self._open.discard(conversation)
            if timer := self._ends.pop(conversation, None):
                timer.cancel()

    def close_where(self, which: Callable[[Any], bool], *, code: int = 4403, reason: str = "Forbidden") -> None:
        """Close the sockets with such a principal, without waiting for their clients. Nothing more is sent on them."""
        for conversation in [each for each in self._open if each.is_admitted and which(each.principal)]:
            self._close(conversation, code, reason)

    async def drain(self, *, code: int = 1012, reason: str = "Service Restart", within: float = 5.0) -> None:
        """Close every socket and let no new one in. On 1012 clients of the protocol connect again, later."""
        self._draining = True
        conversations = list(self._open)
        if conversations:
            closing = [asyncio.ensure_future(each.close(code, reason)) for each in conversations]
            await asyncio.wait([*closing, *(each.task for each in conversations)], timeout=within)

    def _admit(self, conversation: Conversation) -> None:
        seconds = self._lasts(conversation.principal)
        if seconds is not None:
            loop = asyncio.get_running_loop()
            end = loop.call_later(max(seconds, 0.0), self._close, conversation, 4403, "The sign-in has expired.")
            self._ends[conversation] = end

    def _close(self, conversation: Conversation, code: int, reason: str) -> None:
        task = asyncio.ensure_future(conversation.close(code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
