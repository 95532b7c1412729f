"""The event log as those see it who only follow it."""

from collections.abc import Sequence
from typing import Protocol

from engine.faults import ProjectionFailed
from engine.shapes import Recorded


class Source(Protocol):
    """What a projection needs of the event log."""

    @property
    def id(self) -> str: ...
    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events after a position, without gaps, in order."""

    async def head(self) -> int: ...


async def following(source: Source, position: int, most: int) -> Sequence[Recorded]:
    """The next events. Raises ProjectionFailed at one that cannot be read."""
    try:
        return await source.read(position, most)
    except Exception:  # one event that cannot be read spoils its page; those before it can still be had singly
        try:
            return await source.read(position, 1)
        except Exception as error:
            place = f"The event after position {position} cannot be read"
            raise ProjectionFailed(f"{place}: {type(error).__name__}: {error}") from error
