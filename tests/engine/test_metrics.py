"""What /metrics says of a shop that runs."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.metrics import METRICS, Kind, Metric, Spread
from tests.running import Shop, opened

FRAMES = "subscription { records { kind position upserted { key } } }"

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def figures(shop: Shop) -> Figures:
    text = (await shop.http.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float:
    return found[f"dispensary_{name}", frozenset(labels.items())]


async def test_every_figure_is_told_with_its_kind_and_meaning(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    text = (await shop.http.get("/metrics")).text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in METRICS:
        family = found[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind.value, metric.help)
    ours = {name for name in found if not name.startswith("process_")}
    assert ours == {metric.name.removesuffix("_total") for metric in METRICS}
    assert found["process_resident_memory_bytes"].samples[0].value > 0


def test_names_say_what_they_are() -> None:
    for metric in METRICS:
        assert metric.name.startswith("dispensary_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.help.endswith(".")
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


async def test_commands_are_counted_by_what_came_of_them(shop: Shop) -> None:
    for _ in range(2):
        await shop.accepted("writeRecord", key="a", value="1", commandId="one")
    assert await shop.errors("deleteRecord", key="nothing")
    assert await shop.app.drained()
    found = await figures(shop)
    assert of(found, "commands_total", command="WriteRecord", outcome="accepted") == 1
    assert of(found, "commands_total", command="WriteRecord", outcome="replayed") == 1
    assert of(found, "commands_total", command="DeleteRecord", outcome="refused") == 1
    assert of(found, "command_seconds_count", command="WriteRecord") == 2
    assert of(found, "command_seconds_bucket", command="WriteRecord", le="+Inf") == 2
    assert 0 < of(found, "command_seconds_sum", command="WriteRecord") < 60
    assert of(found, "events_stored_total", event="RecordWritten") == 1
    assert of(found, "commit_seconds_count") == of(found, "commit_commands_count") == 3
    assert of(found, "commit_commands_sum") == 3
    assert of(found, "log_position") == 1
    assert of(found, "graphql_operations_total", kind="mutation", outcome="ok") == 3


async def test_what_follows_the_log_is_counted(shop: Shop) -> None:
    await shop.accepted("writeRecord", key="a", value="1")
    assert await shop.app.drained()
    found = await figures(shop)
    for consumer in ("records", "orders", "fulfilment"):
        assert of(found, "events_consumed_total", consumer=consumer) == 1
        assert of(found, "consumer_lag_events", consumer=consumer) == 0
        assert of(found, "consumer_state", consumer=consumer, state="live") == 1
        assert of(found, "consumer_state", consumer=consumer, state="stalled") == 0
    assert of(found, "update_seconds_count", consumer="records") == 1
    assert of(found, "update_seconds_count", consumer="orders") == 0
    assert of(found, "read_store_seconds_count") >= 1
    assert of(found, "hint_seconds_count") >= 1
    assert of(found, "hint_failures_total") == 0
    assert of(found, "ready") == 1


async def test_a_reaction_is_timed_and_what_it_sets_aside_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await shop.viewer("customer")
        assert await shop.app.drained()
        found = await figures(shop)
        assert of(found, "reaction_seconds_count", consumer="correspondence") == 1  # the welcome
        assert of(found, "dead_letters", consumer="correspondence") == 0


async def test_operations_sockets_and_frames_are_counted(shop: Shop) -> None:
    await shop.data("{ records { position } }")
    await shop.post("{ nothing }")
    async with shop.follow(FRAMES) as one, shop.follow(FRAMES) as other:
        await one.next()
        await other.next()
        await shop.accepted("writeRecord", key="a", value="1")
        await one.next()
        await other.next()
        found = await figures(shop)
        assert of(found, "sockets") == of(found, "subscriptions", transport="websocket") == 2
        assert (of(found, "shared_groups"), of(found, "shared_members")) == (1, 2)
        assert of(found, "frames_total", transport="websocket") == 4
        url, accept = "/graphql", {"accept": "text/event-stream"}
        async with shop.http.stream("POST", url, json={"query": FRAMES}, headers=accept) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    break
            found = await figures(shop)
            assert (of(found, "streams"), of(found, "subscriptions", transport="sse")) == (1, 1)
            assert of(found, "frames_total", transport="sse") == 1
    found = await figures(shop)
    while of(found, "sockets") or of(found, "streams"):
        found = await figures(shop)
    assert of(found, "subscriptions", transport="websocket") == of(found, "shared_groups") == 0
    assert of(found, "frames_total", transport="websocket") == 4, "what was sent stays counted"
    assert of(found, "graphql_operations_total", kind="subscription", outcome="ok") == 3
    assert of(found, "graphql_operations_total", kind="query", outcome="ok") == 1
    assert of(found, "graphql_operations_total", kind="none", outcome="refused") == 1


async def test_a_client_cannot_make_up_labels(shop: Shop) -> None:
    before = len(await figures(shop))
    for number in range(20):
        await shop.post(f"query q{number} {{ nothing{number} }}")
    assert len(await figures(shop)) - before <= 1


async def test_other_names_of_the_server_are_told_nothing(shop: Shop) -> None:
    assert (await shop.http.get("/metrics", headers={"host": "example.org"})).status_code == 421


@pytest.mark.parametrize(("value", "below"), [(0.5, 1), (1.0, 1), (1.5, 2), (9.0, 3)])
def test_a_value_falls_into_the_first_bucket_that_holds_it(value: float, below: int) -> None:
    spread = Spread(Metric("m", Kind.HISTOGRAM, "", (), (1.0, 2.0)))
    spread.add(value)
    counts = [count for _, count in spread.buckets()]
    assert counts == [0.0] * (below - 1) + [1.0] * (4 - below)
    assert (spread.buckets()[-1][0], spread.total) == ("+Inf", value)
