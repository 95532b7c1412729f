"""All who follow one read table: what changes in it is read once, and each of their views takes its part of it."""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

from engine.again import outlasting
from engine.feed import Feed
from engine.shapes import Conditions, ReadModel
from engine.store import conditions as predicates
from engine.store.columns import Scalar
from engine.store.conditions import Finder
from engine.store.found import LAST_ID, Changed, Changes
from engine.store.readstore import ReadStore
from engine.view import Entry, Mark, Outcome, View

MOST_STRETCHES = 64
MOST_CHARACTERS = 8 * 1024 * 1024
"Of the rows in all stretches that are kept for one table."
PAGES_AT_ONCE = 4
"Pages of changes that are read in one go; more is not kept, and each follower reads it for itself."
SWEEPS = 16
"How often within the quiet time it is looked who has been told nothing for all of it."


@dataclass(frozen=True, slots=True)
class Stretch:
    """All that changed in a table after `since`, up to `position`."""

    since: int
    position: int
    entries: list[Entry]
    characters: int


class Audience:
    """Reads what changed in one table, once for all who follow it, for as long as anybody does.

    A few stretches are kept for those who come back from being slow. Nothing is queued for anyone: who is behind what
    is kept reads for itself.
    """

    def __init__(
        self,
        model: ReadModel[Any],
        store: ReadStore,
        feed: Feed,
        *,
        page_size: int,
        quiet: float,
        patience: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._model = model
        self._store = store
        self._feed = feed
        self._page_size = page_size
        self._quiet = quiet
        self._patience = patience
        self._monotonic = monotonic
        self._layout = store.table(model).layout
        self._newest = store.newest(model)
        self._views: dict[Hashable, View] = {}
        self._found: defaultdict[Finder, defaultdict[Scalar, set[View]]] = defaultdict(lambda: defaultdict(set))
        "Views that are restricted to some rows, by what these are found by and by its keys."
        self._others: set[View] = set()
        self._asked: list[View] = []
        "Views that hold outcomes."
        self._outcomes: dict[Hashable, Outcome] = {}
        "Those, by what they say: views in which the same changed share one."
        self._kept: deque[Stretch] = deque()
        self._kept_entries = self._kept_characters = 0
        self._found_behind: dict[int, list[Entry]] = {}
        self._head: Mark | None = None
        "The newest read; None while nobody waits."
        self._swept_at = -math.inf
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ what followers use

    def enter(self, conditions: Conditions) -> View:
        """The view under these conditions; `leave` it in the end."""
        shape, values = predicates.shape(self._layout, conditions)
        key = shape, tuple(values.values())
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(key, self._layout, conditions)
            for views in self._places(view):
                views.add(view)
        view.members += 1
        return view

    def leave(self, view: View) -> None:
        """The last one that leaves ends the reading."""
        view.members -= 1
        if not view.members:
            del self._views[view.key]
            for views in self._places(view):
                views.discard(view)
            self._forget_keys(view)
        if not self._views:
            self._end()

    @property
    def position(self) -> int:
        """That of the newest read; 0 while nobody waits."""
        return self._head.position if self._head is not None else 0

    def keeps(self, position: int) -> bool:
        """Whether all that changed after a position, up to the newest read, is at hand."""
        if self._head is None or position > self._head.position:
            return False
        return position >= (self._kept[0].since if self._kept else self._head.position)

    def take(self, view: View, mark: Mark) -> Outcome | None:
        """What changed in a view behind a mark, up to the newest read; None when that is not kept, or too much."""
        head = self._head
        if head is None or mark.position > head.position:
            return Outcome(mark)
        if mark.position == head.position:
            return Outcome(head)
        if not self.keeps(mark.position):
            return None
        if mark.position not in view.outcomes:
            outcome = view.outcome(self._behind(mark.position), head, self._page_size)
            if outcome is not None:
                outcome = self._outcomes.setdefault(outcome.content, outcome)
            view.outcomes[mark.position] = outcome
            self._asked.append(view)
        return view.outcomes[mark.position]

    def _behind(self, position: int) -> list[Entry]:
        """What is kept of what changed after a position: found once for all views."""
        found = self._found_behind.get(position)
        if found is None:
            behind = [each.entries for each in takewhile(lambda each: each.position > position, reversed(self._kept))]
            found = [entry for entries in reversed(behind) for entry in entries if entry.position > position]
            self._found_behind[position] = found
        return found

    async def wait(self, view: View, mark: Mark, due: float) -> Mark:
        """Wait until something behind a mark may concern a view, or from `due` on anything happens: up to where not.

        Raises what the reading fails with.
        """
        if self._head is None:
            self._begin(mark)
        future: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        view.waiting[future] = due
        try:
            return max(await future, mark)
        finally:
            del view.waiting[future]

    async def close(self) -> None:
        self._end()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # ------------------------------------------------------------ whom an entry concerns

    def _places(self, view: View) -> Iterator[set[View]]:
        """Where a view is found by what changes."""
        if view.found_by is None:
            yield self._others
            return
        finder, keys = view.found_by
        for key in keys:
            yield self._found[finder][key]

    def _forget_keys(self, view: View) -> None:
        if view.found_by is not None:
            finder, keys = view.found_by
            for key in keys:
                if not self._found[finder][key]:
                    del self._found[finder][key]
            if not self._found[finder]:
                del self._found[finder]

    def _concerned(self, entries: list[Entry]) -> Iterator[View]:
        """The views of which an entry is within the scope, each once, of those for which somebody waits."""
        for view in self._others:
            if view.waiting and view.is_concerned(entries):
                yield view
        for finder, views in self._found.items():
            found = {view for entry in entries for view in views.get(finder.key(entry.lasting), ())}
            yield from (view for view in found if view.waiting and view.is_concerned(entries))

    # ------------------------------------------------------------ reading

    def _begin(self, mark: Mark) -> None:
        self._head = mark
        self._newest.follow()
        self._task = asyncio.create_task(self._read(), name=f"live {self._model.name}")
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._stop()

    def _stop(self) -> None:
        if self._head is not None:
            self._newest.leave()
        self._task = self._head = None
        self._forget()

    def _forget(self) -> None:
        self._kept.clear()
        self._kept_entries = self._kept_characters = 0
        self._forget_outcomes()

    def _forget_outcomes(self) -> None:
        for view in self._asked:
            view.outcomes.clear()
        self._asked.clear()
        self._outcomes.clear()
        self._found_behind.clear()

    async def _read(self) -> None:
        try:
            while self._head is not None:
                await self._advance(self._head)
        except Exception as error:  # each of them is told, and whoever waits next begins anew
            self._stop()
            for view in self._views.values():
                view.fail(error)

    async def _advance(self, head: Mark) -> None:
        """Read what changed once there is a hint of it."""
        topic, most = self._model.name, self._page_size * PAGES_AT_ONCE
        newest = await self._feed.beyond(topic, head.position)
        page = self._written(head, most)
        if page is None:
            read = partial(self._store.changes, self._model, after=(head.position, LAST_ID), limit=most)
            page = await outlasting(read)
        if page.position <= head.position:
            # The hint was ahead of the table, or wrong. Ask again, but not as fast as the loop can turn.
            await self._feed.beyond(topic, max(head.position, newest), self._patience)
            return
        self._head = Mark(page.position, page.floor)
        self._forget_outcomes()
        entries = [self._entry(each) for each in page.entries]
        stretch = Stretch(head.position, page.position, entries, self._characters(entries))
        is_too_much = len(entries) == most or stretch.characters > MOST_CHARACTERS
        if is_too_much or page.floor > max(head.floor, head.position):
            # Too much to keep, or removals that matter were forgotten: each finds out by reading for itself.
            self._forget()
            concerned: Iterable[View] = list(self._views.values())
        else:
            self._keep(stretch)
            concerned = list(self._concerned(entries))
        for view in concerned:
            view.wake(head)
        self._sweep(self._head)

    def _written(self, head: Mark, most: int) -> Changes | None:
        """What changed, where it was this process that wrote it: nothing was forgotten of that."""
        found = self._newest.after(head.position, most)
        return Changes(*found, head.floor) if found else None

    def _entry(self, changed: Changed) -> Entry:
        row = changed.row
        fixed = changed.fixed if row is None else self._layout.encode_fixed(row)
        return Entry(changed.position, changed.id, row, (changed.id, *fixed))

    def _characters(self, entries: list[Entry]) -> int:
        return sum(self._layout.weigh(each.row) for each in entries if each.row is not None)

    def _keep(self, stretch: Stretch) -> None:
        self._kept.append(stretch)
        self._kept_entries += len(stretch.entries)
        self._kept_characters += stretch.characters
        while (
            len(self._kept) > MOST_STRETCHES
            or self._kept_entries > self._page_size * PAGES_AT_ONCE
            or self._kept_characters > MOST_CHARACTERS
        ):
            oldest = self._kept.popleft()
            self._kept_entries -= len(oldest.entries)
            self._kept_characters -= oldest.characters

    def _sweep(self, head: Mark) -> None:
        """Wake those that have been told nothing for long, so that they can tell how far they are."""
        now = self._monotonic()
        if now - self._swept_at >= self._quiet / SWEEPS:
            self._swept_at = now
            for view in self._views.values():
                view.wake(head, now)
