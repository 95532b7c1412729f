"""One socket's conversation in the graphql-transport-ws subprotocol: messages in turn, operations side by side."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from graphql import OperationType

from engine.graphql import messages
from engine.graphql.envelope import Malformed
from engine.graphql.errors import ProtocolError, shaped, told
from engine.graphql.execution import (
    ContextOf,
    Executor,
    Peer,
    Request,
    Result,
    Scope,
    refused,
)
from engine.graphql.http import Receive, Send
from engine.graphql.messages import Incoming

OnConnect = Callable[[Mapping[str, Any] | None, Scope], Awaitable[Any]]
"Gives the principal of a socket from the payload of connection_init; raises Forbidden."

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


class _Gone(Exception):
    """Nothing can be sent any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a socket waits, in seconds, and how much it runs at a time."""

    init_timeout: float = 10.0
    send_timeout: float = 30.0
    cleanup_timeout: float = 10.0
    operations: int = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """What every conversation of an endpoint shares."""

    executor: Executor
    context: ContextOf
    on_connect: OnConnect
    limits: Limits
    admitted: Callable[["Conversation"], None]
    "Told at once when a conversation has a principal, before anything else can happen."


class Conversation:
    """Reads messages in turn and runs each operation in a task of its own, until the socket closes."""

    def __init__(self, terms: Terms, scope: Scope, receive: Receive, send: Send) -> None:
        self._terms = terms
        self._receive = receive
        self._send = send
        self._peer = Peer(scope)
        self._operations: dict[str, asyncio.Task[None]] = {}
        "By id, those that the client still hears from."
        self._running: set[asyncio.Task[None]] = set()
        "Those that do not yet know that they are to end: a second cancellation would cut their clean-up short."
        self._tasks: set[asyncio.Task[None]] = set()
        "All, also those that are only cleaning up."
        self._open = True
        self.is_admitted = False
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    @property
    def principal(self) -> Any:
        return self._peer.principal

    async def run(self) -> None:
        try:
            await self._send({"type": "websocket.accept", "subprotocol": messages.SUBPROTOCOL})
            await self._read()
        except _Close as close:
            await self.close(close.code, close.reason)
        except (_Gone, OSError):
            pass
        except asyncio.CancelledError:
            # Either _drop woke us, which is no more than a way out of the wait for a message, or the server stops.
            if self._open or self.task.uncancel():
                raise
        finally:
            self._open = False
            await self._end()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, once. The client's answer, or none, ends the reading."""
        if self._open:
            self._open = False
            with suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(self._terms.limits.send_timeout):
                    await self._send({"type": "websocket.close", "code": code, "reason": messages.reason(reason)})

    async def _end(self) -> None:
        for task in list(self._running):
            self._cancel(task)
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=self._terms.limits.cleanup_timeout)
            if stuck:
                _log.error("operations do not end when cancelled", count=len(stuck))

    # Reading

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._terms.limits.init_timeout):
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
                await self._transmit(messages.acknowledged())
                return True
            await self._answer(message)
        return False

    async def _connect(self, params: Mapping[str, Any] | None) -> None:
        try:
            principal = await self._terms.on_connect(params, self._peer.scope)
        except ProtocolError as refusal:
            raise _Close(4403, refusal.message) from None
        except Exception as fault:
            # Going on is safe: nobody was let in. 1013 asks the client to try again, which 4500 does not.
            away = told([fault])[0]["extensions"]["code"] == "UNAVAILABLE"
            raise _Close(*((1013, "Try again later") if away else (4500, "Internal error"))) from None
        self._peer = Peer(self._peer.scope, params, principal)
        self.is_admitted = True
        self._terms.admitted(self)

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
            await self._transmit(messages.pong(message.payload))
        elif message.type == "complete" and (task := self._operations.pop(message.id, None)):
            self._cancel(task)

    # Operations

    async def _subscribe(self, identity: str, request: Request) -> None:
        if identity in self._operations:
            raise _Close(4409, f"Subscriber for {identity} already exists")
        if len(self._tasks) >= self._terms.limits.operations:
            text = f"At most {self._terms.limits.operations} operations run on one socket at a time."
            await self._transmit(_error(identity, refused((shaped("RATE_LIMITED", text),))))
            return
        task = asyncio.create_task(self._operate(identity, request))
        self._operations[identity] = task
        for tasks in (self._running, self._tasks):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if task in self._running:
            self._running.discard(task)
            task.cancel()

    async def _operate(self, identity: str, request: Request) -> None:
        try:
            prefix = orjson.dumps(identity)
            async with aclosing(self._results(request)) as results:
                async for result in results:
                    if result.kind == "refused":
                        await self._finish(identity, _error(identity, result))
                        return
                    if self._is_heard(identity):
                        await self._deliver(messages.next_(prefix, result.encode()))
            await self._finish(identity, messages.complete(prefix))
        except _Gone:
            pass
        except Exception as fault:
            # Going on is safe: a generator failed while it was closed; no other operation has a part in it.
            with suppress(_Gone):
                await self._finish(identity, _error(identity, refused(told([fault]))))

    async def _results(self, request: Request) -> AsyncGenerator[Result, None]:
        executor = self._terms.executor
        operation = executor.plan(request)
        if isinstance(operation, Result):
            yield operation
            return
        try:
            context = await self._terms.context(self._peer, request)
        except Exception as fault:
            # Going on is safe: nothing ran yet, and the client is told.
            yield refused(told([fault]))
            return
        if operation.kind is not OperationType.SUBSCRIPTION:
            yield await executor.run(operation, request, context)
            return
        stream = await executor.stream(operation, request, context)
        if isinstance(stream, Result):
            yield stream
            return
        async with aclosing(stream):
            async for result in stream:
                yield result

    def _is_heard(self, identity: str) -> bool:
        # After its own complete a client may use the id again, so the id alone does not say whose it is.
        return self._operations.get(identity) is asyncio.current_task()

    async def _finish(self, identity: str, last: bytes) -> None:
        if self._is_heard(identity):
            del self._operations[identity]
            await self._deliver(last)

    async def _deliver(self, message: bytes) -> None:
        try:
            await self._transmit(message)
        except _Gone:
            task = asyncio.current_task()
            assert task is not None
            self._running.discard(task)
            raise

    # Sending

    async def _transmit(self, message: bytes) -> None:
        if not self._open:
            raise _Gone
        try:
            async with asyncio.timeout(self._terms.limits.send_timeout):
                await self._send({"type": "websocket.send", "text": message.decode()})
        except TimeoutError:
            self._drop()
            raise _Gone from None
        except (OSError, RuntimeError):
            # The socket closed in between; servers differ in how they say so.
            raise _Gone from None

    def _drop(self) -> None:
        """Leave a client that does not read. A close frame would only wait behind what it has not read."""
        if self._open:
            self._open = False
            if asyncio.current_task() is not self.task:
                self.task.cancel()


def _error(identity: str, result: Result) -> bytes:
    return messages.error(orjson.dumps(identity), result.encode_errors())
