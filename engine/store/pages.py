"""Pages that were read, for as long as their table shows nothing newer: what is asked for often is read once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from engine.store.checkpoints import Checkpoint
from engine.store.found import Page

MOST_PAGES = 256
MOST_CHARACTERS = 8 * 1024 * 1024


class Remembered(NamedTuple):
    """A page with the checkpoint that its table was at, and about how many characters its rows hold."""

    checkpoint: Checkpoint | None
    page: Page[Any]
    weight: int


class Pages:
    """Pages by what was asked for, those used longest ago leaving first.

    Whatever is written to a table moves its checkpoint in the same transaction. So a page is as good as when it was
    read for whoever finds the same checkpoint.
    """

    def __init__(self) -> None:
        self._pages: OrderedDict[Hashable, Remembered] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._pages)

    def get(self, wanted: Hashable) -> Remembered | None:
        found = self._pages.get(wanted)
        if found is not None:
            self._pages.move_to_end(wanted)
        return found

    def keep(self, wanted: Hashable, found: Remembered) -> None:
        self._drop(wanted)
        self._pages[wanted] = found
        self._characters += found.weight
        while len(self._pages) > MOST_PAGES or self._characters > MOST_CHARACTERS:
            _, dropped = self._pages.popitem(last=False)
            self._characters -= dropped.weight

    def _drop(self, wanted: Hashable) -> None:
        if found := self._pages.pop(wanted, None):
            self._characters -= found.weight
