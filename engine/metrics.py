"""Every figure that the engine keeps of itself: its name, its unit, what it says, and the counting behind it."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress, repeat

# Counted by hand and not by the client library, which takes a lock for each: there is one thread. The library writes
# them out when somebody asks.


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, eq=False)
class Metric:
    """A figure as Prometheus knows it. The unit is in the name, as is its habit: seconds, else a plain number."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    "Of each there are only as many values as the application declares, or as the help says."
    buckets: tuple[float, ...] = ()


SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)

COMMANDS = Metric(
    "dispensary_commands_total",
    Kind.COUNTER,
    "Commands answered. Outcome: accepted, replayed (the stored answer to a command id seen before), refused, failed.",
    ("command", "outcome"),
)
COMMAND_SECONDS = Metric(
    "dispensary_command_seconds",
    Kind.HISTOGRAM,
    "From the arrival of a command at the dispatcher to its answer, on disk by then.",
    ("command",),
    SHORT,
)
COMMANDS_WAITING = Metric("dispensary_commands_waiting", Kind.GAUGE, "Commands that wait for the next group commit.")
EVENTS_STORED = Metric("dispensary_events_stored_total", Kind.COUNTER, "Events appended to the log.", ("event",))
COMMIT_SECONDS = Metric(
    "dispensary_commit_seconds",
    Kind.HISTOGRAM,
    "Latency of the write store: one group of commands decided, stored and on disk.",
    (),
    SHORT,
)
COMMIT_COMMANDS = Metric("dispensary_commit_commands", Kind.HISTOGRAM, "Commands in a group commit.", (), SIZES)
LOG_POSITION = Metric("dispensary_log_position", Kind.GAUGE, "Position of the newest event of the log.")

EVENTS_CONSUMED = Metric(
    "dispensary_events_consumed_total",
    Kind.COUNTER,
    "Events that a read model or process has taken or passed.",
    ("consumer",),
)
UPDATE_SECONDS = Metric(
    "dispensary_update_seconds",
    Kind.HISTOGRAM,
    "From the recording of the oldest event of a batch to the moment that the read model shows it.",
    ("consumer",),
    LONG,
)
READ_STORE_SECONDS = Metric(
    "dispensary_read_store_seconds",
    Kind.HISTOGRAM,
    "Latency of the read store: one transaction that updates read models.",
    (),
    SHORT,
)
REACTION_SECONDS = Metric(
    "dispensary_reaction_seconds",
    Kind.HISTOGRAM,
    "Time that a process takes to handle one event or deadline, with all that it asks for.",
    ("consumer",),
    LONG,
)
CONSUMER_ERRORS = Metric(
    "dispensary_consumer_errors_total",
    Kind.COUNTER,
    "Attempts at an event that failed. Event: its type; deadline; or unknown where it could not be told.",
    ("consumer", "event"),
)
LAG_EVENTS = Metric(
    "dispensary_consumer_lag_events",
    Kind.GAUGE,
    "Events not yet taken; not a number while the log does not answer.",
    ("consumer",),
)
LAG_SECONDS = Metric(
    "dispensary_consumer_lag_seconds",
    Kind.GAUGE,
    "Age of the oldest event not yet taken; not a number while the log does not answer.",
    ("consumer",),
)
CONSUMER_STATE = Metric(
    "dispensary_consumer_state",
    Kind.GAUGE,
    "1 for the state a consumer is in. State: live, catching_up, stalled, rebuilding, paused, unknown.",
    ("consumer", "state"),
)
CONSUMER_OWNED = Metric(
    "dispensary_consumer_owned",
    Kind.GAUGE,
    "1 for a consumer that this process runs, 0 for one that another process does, or none.",
    ("consumer",),
)
DEAD_LETTERS = Metric(
    "dispensary_dead_letters",
    Kind.GAUGE,
    "Events that a process has set aside, with those that wait behind them.",
    ("consumer",),
)

HINT_SECONDS = Metric(
    "dispensary_hint_seconds",
    Kind.HISTOGRAM,
    "Publishing latency: from the commit to the moment that the broadcast channel has taken the hint of it.",
    (),
    SHORT,
)
HINT_FAILURES = Metric(
    "dispensary_hint_failures_total",
    Kind.COUNTER,
    "Hints that could not be sent, polls that failed and connections to the broadcast channel that were lost.",
)

OPERATIONS = Metric(
    "dispensary_graphql_operations_total",
    Kind.COUNTER,
    "GraphQL operations. Kind: query, mutation, subscription; none if refused unread. Outcome: ok, errors, refused.",
    ("kind", "outcome"),
)
SOCKETS = Metric("dispensary_sockets", Kind.GAUGE, "Open WebSockets.")
STREAMS = Metric("dispensary_streams", Kind.GAUGE, "Open streams of server-sent events.")
SUBSCRIPTIONS = Metric(
    "dispensary_subscriptions",
    Kind.GAUGE,
    "Running subscriptions. Transport: websocket, sse.",
    ("transport",),
)
SHARED_GROUPS = Metric("dispensary_shared_groups", Kind.GAUGE, "Groups of equal subscriptions that share their work.")
SHARED_MEMBERS = Metric("dispensary_shared_members", Kind.GAUGE, "Subscriptions that are in such a group.")
FRAMES = Metric(
    "dispensary_frames_total",
    Kind.COUNTER,
    "Answers sent to subscriptions. Transport: websocket, sse.",
    ("transport",),
)

DEPENDENCY_UP = Metric(
    "dispensary_dependency_up",
    Kind.GAUGE,
    "1 while a dependency answers within 2 seconds, else 0.",
    ("dependency",),
)
READY = Metric("dispensary_ready", Kind.GAUGE, "1 while /health/ready says so, else 0.")

METRICS: tuple[Metric, ...] = tuple(each for each in globals().values() if isinstance(each, Metric))


class Spread:
    """How often a value fell into each bucket of a histogram."""

    __slots__ = ("_counts", "_edges", "total")

    def __init__(self, metric: Metric) -> None:
        self._edges = metric.buckets
        self._counts = [0] * (len(metric.buckets) + 1)
        self.total = 0.0
        "Of all values."

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._edges, value)] += 1
        self.total += value

    def add_all(self, values: Sequence[float]) -> None:
        for place, count in Counter(map(bisect_left, repeat(self._edges), values)).items():
            self._counts[place] += count
        self.total += sum(values)

    def buckets(self) -> list[tuple[str, float]]:
        """How many values are at most each edge, by how Prometheus writes it."""
        found, below = [], 0
        for edge, count in zip((*map(str, self._edges), "+Inf"), self._counts, strict=True):
            below += count
            found.append((edge, float(below)))
        return found


class Writing:
    """What a dispatcher counts."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[type, str]] = Counter()
        self.seconds: defaultdict[type, Spread] = defaultdict(lambda: Spread(COMMAND_SECONDS))
        self.events: Counter[type] = Counter()
        self.commits = Spread(COMMIT_SECONDS)
        self.groups = Spread(COMMIT_COMMANDS)

    def answered(self, commands: Sequence[type], outcomes: Sequence[str], seconds: Sequence[float]) -> None:
        """Count a group: of each command its class, what it came to, and how long that took."""
        self.outcomes.update(zip(commands, outcomes, strict=True))
        kinds = set(commands)
        for kind in kinds:
            of_kind = seconds if len(kinds) == 1 else compress(seconds, [each is kind for each in commands])
            self.seconds[kind].add_all(list(of_kind))


class Consuming:
    """What a read model or a process counts, beside its Rate."""

    def __init__(self, metric: Metric) -> None:
        self.seconds = Spread(metric)
        self.errors: Counter[str] = Counter()
        "By the type of the event."
