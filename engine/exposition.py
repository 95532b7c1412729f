"""What /metrics says: the figures of a running application, read off it when somebody asks."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family

from engine import metrics
from engine.app import App
from engine.graphql.execution import Executor
from engine.graphql.sse import EventStreams
from engine.graphql.websocket import GraphQLOverWebSocket
from engine.health import Condition, Service, shown
from engine.metrics import Kind, Metric, Spread
from engine.status import State, Status

STATES = (*(state.name.lower() for state in State), "unknown")

Numbers = Mapping[Any, float]
Spreads = Mapping[Any, Spread]
"By the values of the labels."


class Consumer(Protocol):
    """What a read model and a process have in common here."""

    @property
    def name(self) -> str: ...
    @property
    def rate(self) -> Any: ...


class Ways(NamedTuple):
    """How the API is reached."""

    executor: Executor
    sockets: GraphQLOverWebSocket
    streams: EventStreams


class Exposition:
    """The figures of an application, and of the ways to its API where it has one."""

    def __init__(self, app: App, ways: Ways | None) -> None:
        self._app = app
        self._ways = ways
        # In no registry of the library's: two applications may run in one process, each with figures of its own.
        self._process = ProcessCollector(registry=None)

    async def text(self) -> bytes:
        """All of it in the text format of Prometheus. Never raises; what cannot be looked at is left out."""
        condition = await self._app.health.condition()
        return generate_latest(_Families([*self._families(condition), *self._process.collect()]))

    def _families(self, condition: Condition) -> Iterator[Family]:
        yield from self._writing()
        yield from self._consuming()
        yield from self._standing(condition)
        if self._ways is not None:
            yield from self._reaching(*self._ways)
        up = {(each.name,): float(each.is_up) for each in condition.dependencies}
        yield _numbers(metrics.DEPENDENCY_UP, up)
        yield _number(metrics.READY, not condition.against(tuple(Service)))

    def _writing(self) -> Iterator[Family]:
        dispatcher, counted = self._app.dispatcher, self._app.dispatcher.counted
        outcomes = {(kind.__name__, outcome): count for (kind, outcome), count in counted.outcomes.items()}
        yield _numbers(metrics.COMMANDS, outcomes)
        yield _spreads(metrics.COMMAND_SECONDS, {(kind.__name__,): each for kind, each in counted.seconds.items()})
        yield _number(metrics.COMMANDS_WAITING, dispatcher.waiting)
        yield _numbers(metrics.EVENTS_STORED, {(kind.__name__,): count for kind, count in counted.events.items()})
        yield _spreads(metrics.COMMIT_SECONDS, {(): counted.commits})
        yield _spreads(metrics.COMMIT_COMMANDS, {(): counted.groups})
        yield _number(metrics.LOG_POSITION, self._app.log.position)

    def _consuming(self) -> Iterator[Family]:
        models, processes = self._app.projector.projections.values(), self._app.reactor.reactions
        consumers: list[Consumer] = [*models, *processes]
        yield _numbers(metrics.EVENTS_CONSUMED, {(each.name,): each.rate.total for each in consumers})
        yield _spreads(metrics.UPDATE_SECONDS, {(each.name,): each.counted.seconds for each in models})
        yield _spreads(metrics.READ_STORE_SECONDS, {(): self._app.projector.convoy.writes})
        yield _spreads(metrics.REACTION_SECONDS, {(each.name,): each.rules.counted.seconds for each in processes})
        counts = {each.name: each.counted for each in models} | {each.name: each.rules.counted for each in processes}
        errors = {(name, event): count for name, each in counts.items() for event, count in each.errors.items()}
        yield _numbers(metrics.CONSUMER_ERRORS, errors)
        yield _spreads(metrics.HINT_SECONDS, {(): self._app.feed.hints})
        yield _number(metrics.HINT_FAILURES, self._app.feed.failures)

    def _standing(self, condition: Condition) -> Iterator[Family]:
        """How far the consumers are."""
        statuses = condition.consumers or ()
        known = 0.0 if condition.knows_head else math.nan
        yield _numbers(metrics.LAG_EVENTS, {(each.name,): each.lag_events + known for each in statuses})
        yield _numbers(metrics.LAG_SECONDS, {(each.name,): each.lag_seconds + known for each in statuses})
        yield _numbers(metrics.CONSUMER_STATE, dict(_states(statuses, condition)))
        yield _numbers(metrics.CONSUMER_OWNED, {(name,): float(owned) for name, owned in self._app.owned().items()})
        parked = {(each.name,): each.dead_letters for each in self._processes(statuses)}
        yield _numbers(metrics.DEAD_LETTERS, parked)

    def _processes(self, statuses: Iterable[Status]) -> Iterable[Status]:
        return (each for each in statuses if each.name not in self._app.projector.projections)

    def _reaching(self, executor: Executor, sockets: GraphQLOverWebSocket, streams: EventStreams) -> Iterator[Family]:
        groups = sockets.groups
        yield _numbers(metrics.OPERATIONS, executor.outcomes)
        yield _number(metrics.SOCKETS, len(sockets))
        yield _number(metrics.STREAMS, len(streams))
        running = {("websocket",): sockets.subscriptions, ("sse",): len(streams)}
        yield _numbers(metrics.SUBSCRIPTIONS, running)
        yield _number(metrics.SHARED_GROUPS, len(groups))
        yield _number(metrics.SHARED_MEMBERS, groups.members)
        yield _numbers(metrics.FRAMES, {("websocket",): groups.frames, ("sse",): streams.frames})


class _Families(CollectorRegistry):
    """The figures of a moment, as the library writes them out."""

    def __init__(self, families: Iterable[Family]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _states(statuses: Iterable[Status], condition: Condition) -> Iterator[tuple[tuple[str, ...], float]]:
    for each in statuses:
        now = shown(each, condition).lower()
        for state in STATES:
            yield (each.name, state), float(state == now)


def _number(metric: Metric, value: float) -> Family:
    return _numbers(metric, {(): value})


def _numbers(metric: Metric, values: Numbers) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _spreads(metric: Metric, spreads: Spreads) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, spread in spreads.items():
        family.add_metric(labels, spread.buckets(), spread.total)
    return family
