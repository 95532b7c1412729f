"""The pace of a projection: as fast as it can, slowed down so that people can watch, or standing still."""

from collections.abc import Awaitable, Callable

from engine import clock
from engine.feed import LOG, Feed

MOST_SECONDS = 10.0
"The longest that a batch is put off."


class Pace:
    """Says when the next batch may be taken. What is said here counts at once, also for a batch that is being put off.

    A batch is put off from when there was something to take, so that in slow motion no event is shown sooner than that.
    """

    def __init__(
        self, name: str, feed: Feed, *, poll_interval: float, monotonic: Callable[[], float] = clock.monotonic
    ) -> None:
        self._topic = f"pace:{name}"
        self._feed = feed
        self._poll_interval = poll_interval
        self._monotonic = monotonic
        self._stirs = 0
        self._since: float | None = None
        "From when on the next batch is put off."
        self._seconds = 0.0
        self.is_paused = False

    @property
    def seconds(self) -> float:
        """How long each batch is put off."""
        return self._seconds

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
        self.stir()

    def slow(self, seconds: float) -> None:
        """Put each batch off from now on, by 0 seconds not at all. Raises ValueError for less, and for too much."""
        if not 0 <= seconds <= MOST_SECONDS:
            raise ValueError(f"A batch is put off for 0 to {MOST_SECONDS:g} seconds, not {seconds:g}.")
        self._seconds = seconds
        self.stir()

    def stir(self) -> None:
        """Let whoever waits here look at what they do again."""
        self._stirs += 1
        self._feed.note(self._topic, self._stirs)

    async def resumed(self) -> None:
        while self.is_paused:
            await self._feed.beyond(self._topic, self._stirs)

    async def is_due(self, position: int, head: Callable[[], Awaitable[int]]) -> bool:
        """Whether the batch behind a position may be taken now; False after a wait, which any change ends."""
        if not self._seconds:
            self._since = None
            return True
        stirs = self._stirs
        if await head() <= position:
            self._since = None
            await self._feed.any_beyond({LOG: position, self._topic: stirs}, self._poll_interval)
            return False
        if self._since is None:
            self._since = self._monotonic()
        left = self._since + self._seconds - self._monotonic()
        if left > 0:
            await self._feed.beyond(self._topic, stirs, left)
            return False
        self._since = None
        return True
