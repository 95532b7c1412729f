"""GraphQL over WebSocket: the endpoint for the graphql-transport-ws subprotocol, and the register of its sockets."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from engine.graphql import messages
from engine.graphql.conversation import Conversation, Limits, OnConnect, Terms
from engine.graphql.execution import ContextOf, Executor, Scope
from engine.graphql.http import Receive, Send

DEFAULT_LIMITS = Limits()


async def _anyone(params: Mapping[str, Any] | None, scope: Scope) -> None:
    return None


class GraphQLOverWebSocket:
    """The ASGI application of one endpoint, and the register of its open sockets. It takes WebSocket scopes only."""

    def __init__(
        self,
        executor: Executor,
        context: ContextOf,
        *,
        on_connect: OnConnect = _anyone,
        allowed_origins: Collection[str] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._terms = Terms(executor, context, on_connect, limits)
        self._allowed_origins = frozenset(origin.lower() for origin in allowed_origins)
        self._open: set[Conversation] = set()
        self._draining = False

    def __len__(self) -> int:
        return len(self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self._draining or not self._may_come_from(dict(scope["headers"])):
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

    async def drain(self, *, code: int = 1012, reason: str = "Service Restart", within: float = 5.0) -> None:
        """Close every socket and let no new one in. On 1012 clients of the protocol connect again, later."""
        self._draining = True
        conversations = list(self._open)
        if conversations:
            closing = [asyncio.ensure_future(each.close(code, reason)) for each in conversations]
            await asyncio.wait([*closing, *(each.task for each in conversations)], timeout=within)

    def _may_come_from(self, headers: dict[bytes, bytes]) -> bool:
        # The same-origin policy does not cover WebSockets: any page could open one in its visitor's name.
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        # Compared as text: an origin that cannot be parsed is that of nobody we know.
        return not origin or origin in self._allowed_origins or origin.partition("://")[2] == host
