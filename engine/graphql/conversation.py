"""One socket's conversation in the graphql-transport-ws subprotocol: messages in turn, operations side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from engine.graphql import messages
from engine.graphql.envelope import Malformed
from engine.graphql.errors import ProtocolError, told
from engine.graphql.exchange import Exchange, Gone, Terms
from engine.graphql.execution import Peer, Request, Scope
from engine.graphql.http import Receive, Send
from engine.graphql.messages import Incoming
from engine.serving import WIRE, Wire

_log = structlog.get_logger(__name__)


class Forbidden(ProtocolError):
    """The socket may not be used. It is closed with 4403 and the message."""

    def __init__(self, message: str = "Forbidden") -> None:
        super().__init__("FORBIDDEN", message)


class _Close(Exception):
    """The socket is to be closed, by what the client did."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Conversation:
    """Reads messages in turn and runs each operation in a task of its own, until the socket closes."""

    def __init__(self, terms: Terms, scope: Scope, receive: Receive, send: Send) -> None:
        self.terms = terms
        self._receive = receive
        self._send = send
        self.peer = Peer(scope, renew=self._renew)
        self.wire: Wire | None = scope.get("extensions", {}).get(WIRE)
        self._exchanges: dict[str, Exchange] = {}
        "By id, those that the client still hears from."
        self._tasks: dict[asyncio.Task[None], Exchange] = {}
        "Also those that are only cleaning up."
        self._open = True
        self.is_admitted = False
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    @property
    def principal(self) -> Any:
        return self.peer.principal

    async def run(self) -> None:
        try:
            await self._send({"type": "websocket.accept", "subprotocol": messages.SUBPROTOCOL})
            await self._read()
        except _Close as close:
            await self.close(close.code, close.reason)
        except (Gone, OSError):
            pass
        except asyncio.CancelledError:
            # Either _drop woke us, which is no more than a way out of the wait for a message, or the server stops.
            if self._open or self.task.uncancel():
                raise
        finally:
            self._open = False
            try:
                await self._end()
            finally:
                # It would refer to itself for ever, and wait for a look at all garbage.
                self.peer.renew = None

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, once. The client's answer, or none, ends the reading."""
        if self._open:
            self._open = False
            for exchange in self._exchanges.values():
                exchange.hold()
            with suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(self.terms.limits.send_timeout):
                    await self._send({"type": "websocket.close", "code": code, "reason": messages.reason(reason)})

    async def _end(self) -> None:
        for exchange in {*self._exchanges.values(), *self._tasks.values()}:
            exchange.end()
        self._exchanges.clear()
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=self.terms.limits.cleanup_timeout)
            if stuck:
                _log.error("operations do not end when cancelled", count=len(stuck))

    # Reading

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self.terms.limits.init_timeout):
                if not await self._initialise():
                    return
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        while (message := await self._next_message()) is not None:
            if message.type == "connection_init":
                raise _Close(4429, "Too many initialisation requests")
            if message.type == "subscribe":
                await self._subscribe(message.id, message.payload)
            else:
                await self._answer(message)

    async def _initialise(self) -> bool:
        """Wait for connection_init and acknowledge it. False when the client left before."""
        while (message := await self._next_message()) is not None:
            if message.type == "subscribe":
                raise _Close(4401, "Unauthorized")
            if message.type == "connection_init":
                await self._connect(message.payload)
                await self.transmit(messages.acknowledged())
                return True
            await self._answer(message)
        return False

    async def _connect(self, params: Mapping[str, Any] | None) -> None:
        try:
            principal = await self.terms.on_connect(params, self.peer.scope)
        except ProtocolError as refusal:
            raise _Close(4403, refusal.message) from None
        except Exception as fault:
            # Going on is safe: nobody was let in. 1013 asks the client to try again, which 4500 does not.
            away = told([fault])[0]["extensions"]["code"] == "UNAVAILABLE"
            raise _Close(*((1013, "Try again later") if away else (4500, "Internal error"))) from None
        self.peer = replace(self.peer, params=params, principal=principal)
        self.is_admitted = True
        self.terms.admitted(self)

    async def _next_message(self) -> Incoming | None:
        event = await self._receive()
        if event["type"] == "websocket.disconnect" or not self._open:
            return None
        text = event.get("text")
        if text is None:
            raise _Close(4400, "Messages are text, not binary")
        try:
            return messages.parse(text)
        except Malformed as malformed:
            raise _Close(4400, str(malformed)) from None

    async def _answer(self, message: Incoming) -> None:
        if message.type == "ping":
            await self.transmit(message.payload)
        elif message.type == "complete" and (exchange := self._exchanges.pop(message.id, None)):
            exchange.end()

    # Operations

    @property
    def answering(self) -> list[asyncio.Task[None]]:
        """Queries and mutations that are not answered yet."""
        return [task for task, exchange in self._tasks.items() if exchange.is_single and not exchange.is_over]

    @property
    def subscriptions(self) -> int:
        return sum(not exchange.is_single for exchange in self._exchanges.values())

    async def _subscribe(self, identity: str, request: Request | str) -> None:
        if identity in self._exchanges:
            raise _Close(4409, f"Subscriber for {identity} already exists")
        exchange = Exchange(self, identity, request)
        most = self.terms.limits.operations
        held = exchange.size + sum(each.size for each in {*self._exchanges.values(), *self._tasks.values()})
        if isinstance(request, str):
            await exchange.refuse("BAD_REQUEST", request)
        elif held > self.terms.limits.characters:
            text = f"The operations that run on one socket have at most {self.terms.limits.characters} characters."
            await exchange.refuse("RATE_LIMITED", text)
        elif len(self._exchanges) + sum(each.is_over for each in self._tasks.values()) >= most:
            await exchange.refuse("RATE_LIMITED", f"At most {most} operations run on one socket at a time.")
        elif self.terms.is_draining:
            await exchange.refuse("UNAVAILABLE", "The server is stopping.")
        else:
            self._exchanges[identity] = exchange
            exchange.start()

    def begin(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.__delitem__)
        return task

    def forget(self, exchange: Exchange) -> None:
        # After its own complete a client may use the id again, so the id alone does not say whose it is.
        if self._exchanges.get(exchange.identity) is exchange:
            del self._exchanges[exchange.identity]

    async def _renew(self, principal: Any) -> None:
        """Go on as somebody else, or for longer."""
        if not self._open:
            return
        self.peer = replace(self.peer, principal=principal)
        self.terms.admitted(self)
        unsure = [exchange for exchange in self._exchanges.values() if not exchange.is_single]
        others: list[Exchange] = []
        try:
            while unsure:
                if not await unsure[-1].suits(self.peer):
                    others.append(unsure[-1])
                unsure.pop()
        finally:
            # Also when this is cut short, and before anything is told to a client that may not read: what only the one
            # before might see would else go on, and no longer be closed with that one's sockets.
            telling = [exchange.disown() for exchange in (*others, *unsure) if not exchange.is_over]
        if telling:
            await asyncio.wait(telling)

    # Sending

    async def transmit(self, message: bytes) -> None:
        await self._within(lambda: self._send({"type": "websocket.send", "text": message.decode()}))

    def put(self, message: bytes) -> None:
        """Send at once, to a client that has read what it was sent before; others are left alone."""
        if self._open and self.wire is not None and not self.wire.is_full:
            self.wire.put(message)

    async def drained(self) -> None:
        if self.wire is not None:
            await self._within(self.wire.drained)

    async def _within(self, waiting: Callable[[], Awaitable[None]]) -> None:
        if not self._open:
            raise Gone
        try:
            async with asyncio.timeout(self.terms.limits.send_timeout):
                await waiting()
        except TimeoutError:
            self._drop()
            raise Gone from None
        except (OSError, RuntimeError):
            # The socket closed in between; servers differ in how they say so.
            raise Gone from None

    def _drop(self) -> None:
        """Leave a client that does not read. A close frame would only wait behind what it has not read."""
        if self._open:
            self._open = False
            if asyncio.current_task() is not self.task:
                self.task.cancel()
