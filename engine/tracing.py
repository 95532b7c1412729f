"""Traces of a command's whole story: the W3C traceparent that carries them, and spans where OpenTelemetry is on."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Protocol

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from engine.faults import Unavailable
from engine.shapes import Recorded

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
MISSING = "TRACING=true needs OpenTelemetry: install the extra `otel` (requirements/otel.txt)."
STALE = timedelta(minutes=5)
"What was recorded before that is being caught up with; its trace was closed long ago."
MOST_AT_ONCE = 16
"Traces that one frame is told in."

# By this name it is in every log line.
_carried: ContextVar[str | None] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}traceparent", default=None)
_provider: Any = None
_tracer: Any = None


class Ended(Protocol):
    """Something that tells of its end: a future."""

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None: ...


# ------------------------------------------------------------------ on and off


def export() -> None:
    """Send spans from now on as the OTEL_* variables of OpenTelemetry say. Raises Unavailable without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Unavailable(MISSING) from None
    provider = TracerProvider(resource=Resource({SERVICE_NAME: "dispensary"}).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: Any) -> None:
    """Make spans with an SDK's TracerProvider from now on; with None, none."""
    global _provider, _tracer
    _provider, _tracer = provider, provider.get_tracer("dispensary") if provider else None


def close() -> None:
    """Send what is left, and make no more spans. Takes as long as the exporter's deadline at most."""
    provider = _provider
    use(None)
    if provider:
        provider.shutdown()


def is_on() -> bool:
    return _tracer is not None


# ------------------------------------------------------------------ what is carried


def carried() -> str | None:
    """The traceparent of what is under way here."""
    return _carried.get()


def carry(traceparent: str) -> None:
    """Take what is under way here for a part of somebody's trace; what is no traceparent is left aside."""
    if TRACEPARENT.fullmatch(traceparent):
        _carried.set(traceparent)


# ------------------------------------------------------------------ spans


@contextmanager
def span(name: str, parent: str | None, *, is_server: bool = False, **about: Any) -> Iterator[str | None]:
    """What happens within is a span of a trace. Gives the traceparent to pass on: the parent while tracing is off."""
    if _tracer is None:
        yield parent
        return
    from opentelemetry.trace import SpanKind

    kind = SpanKind.SERVER if is_server else SpanKind.INTERNAL
    with _tracer.start_as_current_span(name, context=_context(parent), kind=kind, attributes=about) as made:
        token = _carried.set(_told(made))
        try:
            yield _told(made)
        finally:
            _carried.reset(token)


@contextmanager
def spans(name: str, parents: Iterable[str]) -> Iterator[None]:
    """What happens within is a span in each of several traces."""
    with ExitStack() as stack:
        for parent in dict.fromkeys(parents):
            made = _tracer.start_span(name, context=_context(parent))
            stack.callback(made.end)
        yield


def until(ended: Ended, name: str, parent: str | None, **about: Any) -> str | None:
    """A span that lasts until something has ended. Gives the traceparent to pass on."""
    made = _tracer.start_span(name, context=_context(parent), attributes=about)
    ended.add_done_callback(lambda _: made.end())
    return _told(made)


def followed(name: str, events: Iterable[Recorded], kinds: Collection[type[Any]], now: datetime) -> None:
    """A span for each event of these kinds that has a trace: from its recording to now."""
    if _tracer is None:
        return
    for each in events:
        if each.trace and type(each.event) in kinds and now - each.recorded_at < STALE:
            about = {"event": type(each.event).__name__, "position": each.position}
            made = _tracer.start_span(
                name, context=_context(each.trace), attributes=about, start_time=_nanoseconds(each.recorded_at)
            )
            made.end(max(_nanoseconds(now), _nanoseconds(each.recorded_at)))


def _context(parent: str | None) -> Any:
    """The context of a parent; an empty one, whatever is under way here, begins a trace."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if parent is None:
        return Context()
    _, trace, of, flags = parent.split("-")
    remote = SpanContext(int(trace, 16), int(of, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(remote), Context())


def _told(made: Any) -> str:
    context = made.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
