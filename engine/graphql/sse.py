"""GraphQL over server-sent events: an operation's answers as the events of one response.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, its distinct connections mode. The position of a frame
is the event's id, so that a client that says in Last-Event-ID what it saw last goes on from there.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import aclosing, contextmanager
from typing import Any

from engine.graphql.envelope import Malformed
from engine.graphql.errors import ProtocolError, told
from engine.graphql.execution import Scope
from engine.graphql.frame import Span
from engine.graphql.result import Result, refused
from engine.graphql.scalars import MOST_POSITION, Position
from engine.graphql.stream import Stream
from engine.graphql.traces import pushing

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OnRequest = Callable[[Scope], Awaitable[Any]]
"Gives the principal of a stream from the head of its request. What it raises is the answer."

HEARTBEAT = 12.0
"Seconds between two comments, which keep proxies from taking a quiet stream for a dead one."
MOST_STREAMS = 10_000
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Else nginx keeps the events until it has a buffer full of them.
    (b"x-accel-buffering", b"no"),
)
COMMENT = b":\n\n"
# Without a data line, even an empty one, EventSource tells nobody of an event.
COMPLETE = b"event: complete\ndata:\n\n"


def next_(answer: bytes, identity: bytes = b"") -> bytes:
    """An event with an answer as JSON, which has no line breaks."""
    return b"event: next\n" + identity + b"data: " + answer + b"\n\n"


def identity(payload: Any, result: Result) -> bytes:
    """The line with an event's id, where a client knows all there is once it has applied the event; else nothing.

    An empty id makes a client forget the one before, and begin anew: so does a reset, and before position 0 is nothing.
    """
    if not isinstance(payload, Span) or result.errors:
        return b""
    if payload.is_reset or not payload.position:
        return b"id:\n"
    return b"id: %d\n" % payload.position if payload.is_exact else b""


def resumed(headers: Mapping[bytes, bytes]) -> Position | None:
    """The position in Last-Event-ID. Raises Malformed: whoever goes on from nowhere would miss something unawares."""
    last = headers.get(b"last-event-id")
    if not last:
        return None
    if not last.isdigit() or len(last) > 19 or int(last) > MOST_POSITION:
        raise Malformed("Last-Event-ID is the id of an event of this stream: a position, or nothing.")
    return Position(int(last))


class EventStreams:
    """The register of an endpoint's open streams. `lasts` gives the seconds for which a principal is good, or None."""

    def __init__(
        self,
        on_request: OnRequest,
        lasts: Callable[[Any], float | None],
        *,
        heartbeat: float = HEARTBEAT,
        most: int = MOST_STREAMS,
    ) -> None:
        self._on_request = on_request
        self._lasts = lasts
        self._heartbeat = heartbeat
        self._most = most
        self._open: set[EventStream] = set()
        self._frames = 0
        "Of streams that are over."
        self.is_draining = False
        "Nothing new is begun any more."

    def __len__(self) -> int:
        return len(self._open)

    @property
    def frames(self) -> int:
        """Events sent on streams."""
        return self._frames + sum(stream.frames for stream in self._open)

    async def principal(self, scope: Scope) -> Any:
        """Who asks for a stream. Open it at once, before anything else is waited for: only an open one is closed when
        its principal may no longer have it."""
        return await self._on_request(scope)

    @contextmanager
    def opened(self, principal: Any) -> Iterator["EventStream"]:
        """A stream, in the register while the block lasts. Raises ProtocolError when there is no room for it."""
        if self.is_draining:
            raise ProtocolError("UNAVAILABLE", "The server restarts. Try again.")
        if len(self._open) >= self._most:
            raise ProtocolError("RATE_LIMITED", f"At most {self._most} streams are open at a time.")
        stream = EventStream(principal, self._heartbeat)
        seconds = self._lasts(principal)
        timer = None if seconds is None else asyncio.get_running_loop().call_later(max(seconds, 0.0), stream.end)
        self._open.add(stream)
        try:
            yield stream
        finally:
            self._open.discard(stream)
            self._frames += stream.frames
            if timer is not None:
                timer.cancel()

    def end_where(self, which: Callable[[Any], bool]) -> None:
        """End the streams of such principals. Nothing more is sent on them."""
        for stream in self._open:
            if which(stream.principal):
                stream.end()

    async def drain(self, *, within: float = 2.0) -> None:
        """End every stream and open none any more. The clients come again, as after any end that is no `complete`."""
        self.is_draining = True
        tasks = [stream.task for stream in self._open]
        self.end_where(lambda principal: True)
        if tasks:
            await asyncio.wait(tasks, timeout=within)


class EventStream:
    """One response, as long as it lasts: until the operation completes, the client leaves, or somebody ends it.

    An end from outside is the end of the response without `complete`: the client connects again, and learns then why.
    A client that does not read is the server's business, which aborts its connection.
    """

    def __init__(self, principal: Any, heartbeat: float) -> None:
        self.principal = principal
        self._heartbeat = heartbeat
        self._until: asyncio.Timeout | None = None
        "While it runs."
        self._is_over = False
        self.frames = 0
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    def end(self) -> None:
        """End it soon, without waiting for its client."""
        self._is_over = True
        if self._until is not None:
            self._until.reschedule(0)
            self._until = None

    async def run(self, answers: Stream, receive: Receive, send: Send) -> None:
        """Send the answers. Returns once the response is over; the answers are closed then."""
        async with aclosing(_events(answers)) as events:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            attending = asyncio.create_task(self._attend(receive, send))
            try:
                await self._send(events, send)
            finally:
                attending.cancel()
                await asyncio.gather(attending, return_exceptions=True)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, events: AsyncGenerator[bytes, None], send: Send) -> None:
        try:
            async with asyncio.timeout(0 if self._is_over else None) as self._until:
                async for event in events:
                    if self._is_over:
                        # The end came, and the operation failed at it.
                        return
                    await send(_piece(event))
                    self.frames += event.startswith(b"event: next")
        except TimeoutError:
            # This is `end`: what the operation raises is an event.
            pass
        finally:
            self._until = None

    async def _attend(self, receive: Receive, send: Send) -> None:
        """Wait for the client to leave; let it know meanwhile that the stream lives."""
        try:
            while True:
                try:
                    async with asyncio.timeout(self._heartbeat):
                        message = await receive()
                except TimeoutError:
                    await send(_piece(COMMENT))
                    continue
                if message["type"] == "http.disconnect":
                    return
        finally:
            self.end()


async def _events(answers: Stream) -> AsyncGenerator[bytes, None]:
    """All that there is to send, until the operation is complete."""
    try:
        # Some browsers do not tell of the head of a response before something of its body has come.
        yield COMMENT
        while True:
            try:
                payload = await answers.next()
            except StopAsyncIteration:
                break
            except Exception as fault:
                # Going on is safe: the source has ended by raising, and the stream ends with it.
                yield next_(refused(told([fault])).encode())
                break
            with await pushing(answers.context, payload):
                result = await answers.answer(payload)
                event = next_(result.encode(), identity(payload, result))
            yield event
        yield COMPLETE
    finally:
        await _close(answers)


async def _close(answers: Stream) -> None:
    try:
        await answers.close()
    except Exception as fault:
        # Going on is safe: the clean-up of one operation failed, and its client knows all that it can.
        told([fault])


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
