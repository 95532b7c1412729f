"""One trace from a client's mutation to what a subscriber is told of it."""

import gzip
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine import tracing
from engine.faults import Unavailable
from engine.graphql.frame import FrameKind
from tests import worlds
from tests.running import Shop, View, opened
from tests.schema.ordering import lines, stocked

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CLIENT = f"00-{TRACE}-{SPAN}-01"
ORDERS = "subscription { orders { kind since position upserted { id status } removed } }"
PLACE = "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { receipt { position } errors { code } } }"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.close()


def of_trace(exporter: InMemorySpanExporter, trace: str = TRACE) -> list[ReadableSpan]:
    return [each for each in exporter.get_finished_spans() if f"{_context(each).trace_id:032x}" == trace]


def _context(span: ReadableSpan) -> Any:
    return span.get_span_context()


def ways(found: list[ReadableSpan]) -> set[tuple[str, ...]]:
    """Each span by the names of those above it, from the client's on."""
    by_id = {f"{_context(each).span_id:016x}": each for each in found}

    def way(span: ReadableSpan) -> tuple[str, ...]:
        assert span.parent is not None
        above = f"{span.parent.span_id:016x}"
        return (*(() if above == SPAN else way(by_id[above])), span.name)

    return {way(each) for each in found}


async def test_one_trace_leads_from_a_mutation_to_its_push(shop: Shop, spans: InMemorySpanExporter) -> None:
    await stocked(shop)
    customer = await shop.viewer("customer")
    await shop.drained()
    view = View()
    async with customer.follow(ORDERS) as stream:
        view.apply(await stream.next())
        spans.clear()
        before = shop.app.log.position
        customer.http.headers["traceparent"] = CLIENT
        await customer.data(PLACE, input={"id": "o1", "lines": lines(m1=2)})
        del customer.http.headers["traceparent"]
        await shop.drained()
        await view.until(stream, str(shop.app.log.position))
        assert view.rows["o1"]["status"] == "VALIDATED"
        found = of_trace(spans)
        # The push ends when it is sent, and then the client knows of it.
        while not {"push"} <= {each.name for each in found}:
            await shop.http.get("/health/live")
            found = of_trace(spans)
    assert FrameKind.SNAPSHOT.name in view.kinds
    begun = ("graphql mutation", "append PlaceOrder")
    reserved = (*begun, "react fulfilment", "append ReserveStock")
    confirmed = (*reserved, "react fulfilment")
    told = ways(found)
    assert {begun[:1], begun, (*begun, "project orders"), (*begun, "push"), (*begun, "react fulfilment")} <= told
    assert {reserved, (*reserved, "project inventory"), confirmed} <= told
    assert any(way[: len(confirmed)] == confirmed and way[-1] == "project orders" for way in told)
    # What the log holds leads there too, for whoever reads it in another process.
    events = await shop.app.log.read(before, 1000)
    assert {str(each.trace)[3:35] for each in events} == {TRACE}
    assert [type(each.event).__name__ for each in events][:2] == ["OrderInitiated", "StockReserved"]
    for span in found:
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= span.end_time


async def test_spans_hold_nothing_that_a_client_wrote(shop: Shop, spans: InMemorySpanExporter) -> None:
    await shop.accepted("writeRecord", key="ann@example.org", value="Ann Lee")
    await shop.drained()
    told = "".join(each.to_json() for each in spans.get_finished_spans())
    assert "append WriteRecord" in told
    assert "ann@" not in told
    assert "Lee" not in told


async def test_without_opentelemetry_the_trace_of_a_client_is_still_passed_on(shop: Shop) -> None:
    assert not tracing.is_on()
    shop.http.headers["traceparent"] = CLIENT
    await shop.accepted("writeRecord", key="a", value="1")
    del shop.http.headers["traceparent"]
    await shop.accepted("writeRecord", key="a", value="2")
    assert [each.trace for each in await shop.app.log.read(0, 10)] == [CLIENT, None]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "00",
        f"01-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{CLIENT}\r\nx",
        "ü" * 55,
    ],
)
def test_what_is_no_traceparent_is_left_aside(given: str) -> None:
    tracing.carry(given)
    assert tracing.carried() is None


async def test_a_trace_that_is_not_sampled_stays_so(shop: Shop, spans: InMemorySpanExporter) -> None:
    shop.http.headers["traceparent"] = f"00-{TRACE}-{SPAN}-00"
    await shop.accepted("writeRecord", key="a", value="1")
    await shop.drained()
    assert of_trace(spans) == []
    (event,) = await shop.app.log.read(0, 10)
    assert str(event.trace).endswith("-00")


async def test_what_is_caught_up_with_makes_no_spans(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    async with opened(tmp_path) as shop:
        await shop.accepted("writeRecord", key="a", value="1")
        await shop.app.log.writer.run(lambda connection: connection.execute("UPDATE events SET recorded_at = 0"))
    worlds.remove(tmp_path / "read.db")
    spans.clear()
    async with opened(tmp_path) as shop:
        await shop.settled()
        assert spans.get_finished_spans() == ()


def test_without_the_extra_tracing_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Unavailable, match="install the extra `otel`"):
        tracing.export()


class Collector(BaseHTTPRequestHandler):
    """Takes in what an exporter sends."""

    taken: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append((self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_spans_go_where_the_variables_of_opentelemetry_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "our-shop")
        tracing.export()
        with tracing.span("a span", CLIENT) as passed_on:
            assert str(passed_on).startswith(f"00-{TRACE}-")
        tracing.close()
        server.shutdown()
        thread.join()
    ((path, body),) = Collector.taken
    assert path == "/v1/traces"
    assert b"our-shop" in body
    assert b"a span" in body
    assert bytes.fromhex(TRACE) in body
    assert not tracing.is_on()
