"""What the demo tells: a line for each command with its times, and at the end what it all came to."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from engine import clock


@dataclass
class Way:
    """One command on its way, as far as it was seen."""

    who: str
    what: str
    "The mutation."
    about: str
    events: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    stored: float = 0.0
    "Milliseconds from the sending to the receipt."
    pushed: float | None = None
    "Milliseconds from the sending to the frame that shows it."
    view: str = ""
    is_repeated: bool = False
    "Its times say when the server was back, and nothing about its speed."


@dataclass
class Story:
    """Lines on stdout: with colors where a person looks on, plain elsewhere."""

    console: Console = field(default_factory=lambda: Console(file=sys.stdout, highlight=False))
    commands: int = 0
    refused: int = 0
    repeated: int = 0
    replayed: int = 0
    losses: int = 0
    stored: list[float] = field(default_factory=list)
    projected: list[float] = field(default_factory=list)
    pushed: list[float] = field(default_factory=list)

    def say(self, text: str, style: str = "") -> None:
        self._print(Text(text, style))

    def lost(self, reason: str) -> None:
        self.losses += 1
        self._print(Text(f"{_now()}  -- the server is gone ({reason}); trying again until it is back", "bold red"))

    def found(self, seconds: float) -> None:
        if self.losses:
            told = f"-- connected again after {seconds:.1f} s; every view goes on from its position"
            self._print(Text(f"{_now()}  {told}", "bold green"))

    def refusal(self, way: Way, message: str) -> None:
        self.refused += 1
        self._print(Text.assemble(*self._head(way), ("-> refused: ", "red"), message))

    def outcome(self, text: str, style: str = "") -> None:
        """What followed from a command by itself."""
        self._print(Text(f"{_now()}  {'':6} {'':20} {text}", style or "dim"))

    def tell(self, way: Way) -> None:
        """command -> event -> projection -> push"""
        lags = [step["lagMilliseconds"] for step in way.steps if step["lagMilliseconds"] is not None]
        if not way.is_repeated:
            self.stored.append(way.stored)
            self.projected += [max(lags)] if lags else []
            self.pushed += [way.pushed] if way.pushed is not None else []
        events = ", ".join(f"{name} @{place}" for name, place in _events(way.events)) or "nothing to do"
        steps = ", ".join(_step(step) for step in way.steps)
        parts = [
            *self._head(way),
            f"{way.stored:.1f} ms{', sent again' if way.is_repeated else ''} -> ",
            (events, "cyan"),
        ]
        parts += [" -> ", (steps, "yellow")] if steps else []
        parts += [" -> ", (f"frame of {way.view} +{way.pushed:.1f} ms", "green")] if way.pushed is not None else []
        self._print(Text.assemble(*parts))

    def _head(self, way: Way) -> list[Any]:
        return [(f"{_now()}  ", "dim"), f"{way.who:6} ", (f"{way.what:20} ", "bold"), f"{way.about} "]

    def _print(self, text: Text) -> None:
        # A line stays a line: a terminal wraps it, a file has no width.
        self.console.print(text, soft_wrap=True)

    def latencies(self) -> None:
        """Median and 95th percentile of each part of the way."""
        self.say(f"  {'':24} {'median':>9} {'p95':>9}")
        for name, found in (
            ("command -> stored", self.stored),
            ("stored -> projected", self.projected),
            ("command -> pushed", self.pushed),
        ):
            median, most = percentile(found, 0.5), percentile(found, 0.95)
            self.say(f"  {name:24} {median:6.1f} ms {most:6.1f} ms" if found else f"  {name:24} {'none':>9}")


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all do not exceed; 0 without any."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def _events(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each type once, with how often and its last position."""
    counts = Counter(event["type"] for event in events)
    last = {event["type"]: event["position"] for event in events}
    return [(f"{count} {name}" if count > 1 else name, last[name]) for name, count in counts.items()]


def _step(step: Mapping[str, Any]) -> str:
    lag = step["lagMilliseconds"]
    return f"{step['projection']} +{lag:.1f} ms" if lag is not None else str(step["projection"])


def _now() -> str:
    return f"{clock.now().astimezone():%H:%M:%S.%f}"[:-3]
