"""An audience on trial: what was measured of it."""

from collections.abc import Iterator, Sequence

from benchmarks import records
from benchmarks.audience import Audience, Delivered
from benchmarks.report import percentile


class Trial:
    """Sends changes to an audience, many at once and single ones."""

    def __init__(self, of: Audience, keys: Iterator[str], *, settles: int) -> None:
        """`settles` is the port of whoever has read models, which must have caught up before anything else is done."""
        self._of = of
        self._keys = keys
        self._settles = settles
        self.slices: list[Delivered] = []
        self.singles: list[Delivered] = []

    async def warm_up(self, changes: int) -> None:
        await self._send(changes)

    async def slice(self, changes: int, *, is_at_once: bool = True) -> None:
        """As quickly as they are taken, or each once the one before is everywhere."""
        if is_at_once:
            self.slices.append(await self._send(changes))
        else:
            self.slices.append(sum([await self._send(1) for _ in range(changes)], start=Delivered()))

    async def single(self) -> None:
        self.singles.append(await self._send(1))

    async def _send(self, changes: int) -> Delivered:
        delivered = await self._of.send([next(self._keys) for _ in range(changes)])
        await records.settled(self._settles)
        return delivered

    @property
    def rates(self) -> list[float]:
        """Rows a second that reach a subscriber, all subscribers together."""
        return [each.rows / each.seconds for each in self.slices]

    @property
    def last(self) -> list[float]:
        """Seconds from a single change to the last frame with it."""
        return [max(each.delays) for each in self.singles]

    @property
    def frames(self) -> float:
        """To a row, where there is more than one at a time."""
        return sum(each.frames for each in self.slices) / sum(each.rows for each in self.slices)

    @property
    def share(self) -> float:
        """How much of its core the load generator used at most."""
        return max(each.share for each in self.slices)

    def delay(self, share: float) -> float:
        """The percentile over all frames with single changes, in milliseconds."""
        return percentile([delay for each in self.singles for delay in each.delays], share) * 1e3


def cost(delivered: Sequence[Delivered]) -> float:
    """Processor time of the server for a row, in microseconds."""
    return sum(each.used for each in delivered) / sum(each.rows for each in delivered) * 1e6
