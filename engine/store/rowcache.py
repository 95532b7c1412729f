"""The rows a projection wrote last, in memory: a row that changes again soon need not be read back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from engine.shapes import Row

R = TypeVar("R", bound=Row)

MOST_ROWS = 16_384
MOST_CHARACTERS = 8 * 1024 * 1024


class RowCache(Generic[R]):
    """Rows by key as they stand in the table, those written longest ago leaving first.

    Only what was committed may be kept, and only by the one that writes the table: `clear` it when in doubt. Measured:
    a third of the time of a rebuild went into reading rows back.
    """

    def __init__(self, weigh: Callable[[R], int]) -> None:
        self._weigh = weigh
        self._rows: dict[str, tuple[R, int]] = {}
        self._characters = 0

    def __len__(self) -> int:
        return len(self._rows)

    def known(self, keys: Iterable[str]) -> dict[str, R]:
        """Those of the rows under these keys that are here."""
        rows = self._rows
        return {key: rows[key][0] for key in keys if key in rows}

    def keep(self, rows: Mapping[str, R], gone: Iterable[str]) -> None:
        """Take in what was written, and let go of what was deleted."""
        for key in gone:
            self._drop(key)
        for key, row in rows.items():
            self._drop(key)  # and to the end, as the newest
            weight = self._weigh(row)
            self._rows[key] = row, weight
            self._characters += weight
        while len(self._rows) > MOST_ROWS or self._characters > MOST_CHARACTERS:
            self._drop(next(iter(self._rows)))

    def clear(self) -> None:
        self._rows.clear()
        self._characters = 0

    def _drop(self, key: str) -> None:
        if found := self._rows.pop(key, None):
            self._characters -= found[1]
