"""The event log as those see it who only follow it."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.faults import GONE, ProjectionFailed
from engine.shapes import Recorded
from engine.store.session import FAULTS

ANSWERING = 1.0
"Seconds that the log may take to say where it ends; then it is told what was known before."


class Source(Protocol):
    """What a projection needs of the event log."""

    @property
    def id(self) -> str: ...
    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events after a position, without gaps, in order."""

    @property
    def position(self) -> int:
        """The newest that is known of it without a look."""

    async def head(self) -> int: ...


class Head(NamedTuple):
    """Where the log ends."""

    position: int
    is_sure: bool
    "False when the log does not answer: it may have more than is known."


async def found_head(source: Source) -> Head:
    """Where the log ends, as far as that is known. Never raises what a store says that it cannot."""
    try:
        async with asyncio.timeout(ANSWERING):
            return Head(await source.head(), True)
    except (TimeoutError, *FAULTS):
        return Head(source.position, False)


async def following(source: Source, position: int, most: int) -> Sequence[Recorded]:
    """The next events. Raises ProjectionFailed at one that cannot be read."""
    try:
        return await source.read(position, most)
    except GONE:
        raise
    except Exception:  # one event that cannot be read spoils its page; those before it can still be had singly
        try:
            return await source.read(position, 1)
        except Exception as error:
            place = f"The event after position {position} cannot be read"
            raise ProjectionFailed(f"{place}: {type(error).__name__}: {error}") from error
