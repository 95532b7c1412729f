"""Hints as they travel, "this topic reached this position", and how the channel that carries them stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

MOST_TOPICS = 1024
"Of which hints are kept for whoever is slow to take them."
WAKE = "wake"
"A message that is no hint: some may have been missed, so that everybody had better look."


def joined(positions: Mapping[str, int]) -> str:
    """One message of many hints."""
    return "\n".join(f"{topic}:{position}" for topic, position in positions.items())


def parsed(message: str) -> Iterator[tuple[str, int]]:
    """The hints in a message; what is none is left out."""
    for line in message.splitlines():
        topic, _, position = line.rpartition(":")
        if position.isascii() and position.isdecimal():
            yield topic, int(position)


class Newest:
    """Hints that were not taken yet: of each topic the greatest position, and of too many topics none but WAKE."""

    def __init__(self, most: int = MOST_TOPICS) -> None:
        self._most = most
        self._positions: dict[str, int] = {}
        self._is_wake = False

    def __bool__(self) -> bool:
        return self._is_wake or bool(self._positions)

    def add(self, message: str) -> None:
        for topic, position in parsed(message):
            if topic not in self._positions and len(self._positions) >= self._most:
                self.wake()
                return
            self._positions[topic] = max(position, self._positions.get(topic, 0))

    def wake(self) -> None:
        self._is_wake = True

    def take(self) -> str:
        """All of it as one message, which is then forgotten."""
        lines = [WAKE] if self._is_wake else []
        if self._positions:
            lines.append(joined(self._positions))
        self._positions, self._is_wake = {}, False
        return "\n".join(lines)


def shown(url: str) -> str:
    """Where a URL leads, fit to be shown: without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if url else ""


@dataclass
class Standing:
    """How the channel stands: whoever runs it writes here, health and metrics read."""

    address: str
    "Where it leads, without user and password; empty within this process."
    is_connected: bool = False
    since: datetime | None = None
    "Since when it has been connected, or has not been."
    failures: int = 0
    "Connections that were lost or could not be made."
    error: str = ""
    "What the last of them failed of."

    def connected(self, at: datetime) -> None:
        if not self.is_connected:
            self.is_connected, self.since = True, at

    def lost(self, at: datetime, error: str) -> None:
        self.failures += 1
        self.error = error
        if self.is_connected or self.since is None:
            self.is_connected, self.since = False, at
