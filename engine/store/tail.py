"""The newest events of the log, in memory, so that those who follow closely need not read them back."""

from collections import deque
from collections.abc import Sequence

from engine.shapes import Recorded

MOST_EVENTS = 4096
MOST_CHARACTERS = 8 * 1024 * 1024


class Tail:
    """Groups of events as they were committed or found, without a gap. Whole groups leave when there are too many
    events or when they hold too much."""

    def __init__(self) -> None:
        self._groups: deque[tuple[Sequence[Recorded], int]] = deque()
        self._events = 0
        self._characters = 0

    def add(self, recorded: Sequence[Recorded], characters: int) -> None:
        """Take in the group that was committed last; others may have appended between it and the one before."""
        if self._groups and recorded[0].position != self._groups[-1][0][-1].position + 1:
            self._groups.clear()
            self._events = self._characters = 0
        self._groups.append((recorded, characters))
        self._events += len(recorded)
        self._characters += characters
        while self._events > MOST_EVENTS or self._characters > MOST_CHARACTERS:
            oldest, size = self._groups.popleft()
            self._events -= len(oldest)
            self._characters -= size

    def follow(self, found: Sequence[Recorded], characters: int) -> None:
        """Take in what was found behind all that was known, unless somebody else has found it meanwhile."""
        if not self._groups or found[0].position > self._groups[-1][0][-1].position:
            self.add(found, characters)

    def read(self, after: int, limit: int) -> list[Recorded] | None:
        """The events that follow a position, at most `limit`; None when the first of them is no longer here."""
        behind: list[Sequence[Recorded]] = []
        for recorded, _ in reversed(self._groups):
            behind.append(recorded)
            if recorded[0].position <= after + 1:
                break
        else:
            return None
        found: list[Recorded] = []
        while behind and len(found) < limit:
            recorded = behind.pop()
            start = max(after + 1 - recorded[0].position, 0)
            found.extend(recorded[start : start + limit - len(found)])
        return found
