"""The rows a projection wrote last, in memory: a row that changes again soon need not be read back."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from engine.shapes import Row

R = TypeVar("R", bound=Row)

MOST_ROWS = 16_384
MOST_CHARACTERS = 8 * 1024 * 1024
_NOTHING: tuple[Any, int] = (None, 0)


class RowCache(Generic[R]):
    """Rows by key as they stand in the table, those written longest ago leaving first.

    Only what was committed may be kept, and only by the one that writes the table: `clear` it when in doubt. Measured:
    a third of the time of a rebuild went into reading rows back.
    """

    def __init__(self, weigh: Callable[[R], int]) -> None:
        self._weigh = weigh
        # A plain dict finds its first key ever more slowly, the more were deleted before it.
        self._rows: OrderedDict[str, tuple[R, int]] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._rows)

    def known(self, keys: Iterable[str]) -> dict[str, R]:
        """Those of the rows under these keys that are here."""
        rows = self._rows
        return {key: rows[key][0] for key in keys if key in rows}

    def keep(self, rows: Mapping[str, R], gone: Iterable[str]) -> int:
        """Take in what was written, and let go of what was deleted. Gives the characters of what was written."""
        written = 0
        for key in gone:
            self._characters -= self._rows.pop(key, _NOTHING)[1]
        for key, row in rows.items():
            weight = self._weigh(row)
            written += weight
            self._characters += weight - self._rows.pop(key, _NOTHING)[1]
            self._rows[key] = row, weight  # at the end, as the newest
        while len(self._rows) > MOST_ROWS or self._characters > MOST_CHARACTERS:
            _, (_, weight) = self._rows.popitem(last=False)
            self._characters -= weight
        return written

    def clear(self) -> None:
        self._rows.clear()
        self._characters = 0
