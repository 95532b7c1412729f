"""Operations, and the pushes of frames, as parts of traces."""

from collections.abc import Awaitable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from engine import tracing
from engine.graphql.documents import Operation
from engine.graphql.frame import Frame
from engine.graphql.result import Result

_NOTHING = nullcontext()


async def of(operation: Operation, traceparent: bytes | None, running: Awaitable[Result]) -> Result:
    """What an operation comes to that is run in the trace which its client's `traceparent` names."""
    if traceparent is not None:
        tracing.carry(traceparent.decode("latin-1"))
    if not tracing.is_on():
        return await running
    with tracing.span(f"graphql {operation.kind.value}", tracing.carried(), is_server=True):
        return await running


async def pushing(context: Any, payload: Any) -> AbstractContextManager[None]:
    """A span around whatever makes, encodes and sends the answers to what a subscription's source gave.

    It is the last in the traces of the commands whose events a frame tells of.
    """
    if not tracing.is_on() or not isinstance(payload, Frame) or not payload.told_of:
        return _NOTHING
    return tracing.spans("push", await context.traces(payload.told_of))
