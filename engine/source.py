"""The event log as those see it who only follow it."""

from collections.abc import Sequence
from typing import Protocol

from engine.shapes import Recorded


class Source(Protocol):
    """What a projection needs of the event log."""

    @property
    def id(self) -> str: ...
    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events after a position, without gaps, in order."""

    async def head(self) -> int: ...
