"""One read model as it runs: it follows the log, batch by batch, and stops alone when it cannot."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engine import clock
from engine.faults import Unavailable
from engine.feed import LOG, Feed, wanted
from engine.fold import Fold, Folded
from engine.shapes import ReadModel, Recorded, Row
from engine.status import Rate, State, Status
from engine.store.readstore import ReadStore
from engine.store.rowcache import RowCache

R = TypeVar("R", bound=Row)
_log = logging.getLogger(__name__)
_LEAST_DELAY, _MOST_DELAY = 0.5, 30.0
_FORGET_EVERY = 1000
_GATHERING = 0.05
"Seconds for which events that do not concern a table are gathered."
_LIVE_SECONDS = 1.0
"A projection less behind than this counts as live: there is always an event on its way."


class Source(Protocol):
    """What a projection needs of the event log."""

    @property
    def id(self) -> str: ...
    async def read(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events after a position, without gaps, in order."""
        ...

    async def head(self) -> int: ...


@dataclass
class _Rebuild:
    """A fold into the other place of a table, which goes on serving meanwhile."""

    slot: str
    done: "asyncio.Future[None]"
    position: int = 0
    exists: bool = False


class Projection(Generic[R]):
    """Keeps one read table in step with the log: each batch in one transaction with its checkpoint, so exactly once."""

    def __init__(
        self,
        model: ReadModel[R],
        source: Source,
        store: ReadStore,
        feed: Feed,
        *,
        random: Callable[[], float],
        batch_size: int = 1000,
        poll_interval: float = 0.5,
        now: clock.Clock = clock.now,
        monotonic: Callable[[], float] = clock.monotonic,
        retry_after: float = _LEAST_DELAY,
    ) -> None:
        self.model = model
        self.name = model.name
        self._source = source
        self._store = store
        self._feed = feed
        self._random = random
        self._batch_size = batch_size
        self._poll_interval = poll_interval
        self._now = now
        self._monotonic = monotonic
        self._retry_after = retry_after
        self._table = store.table(model)
        self._fold = Fold(model)
        self._cache = RowCache(self._table.layout.weigh)
        self._rate = Rate(monotonic)
        self._progressed_at = monotonic()
        self._failures = 0
        self._slot = "a"
        self._batches = 0
        self._fresh_until = 0
        self._rebuild: _Rebuild | None = None
        self._running = asyncio.Event()
        self._running.set()
        self._task: asyncio.Task[None] | None = None
        self.position = 0
        self.last_error: str | None = None

    # ------------------------------------------------------------ what operators use

    async def start(self) -> None:
        """Find where to go on; the catching up happens in the background, while the table is served."""
        head = await self._source.head()
        checkpoint, fresh = await self._store.prepare(self.model, self._source.id, head)
        self.position, self._slot = checkpoint.position, checkpoint.slot
        self._fresh_until = head if fresh else 0
        self._feed.note(self.name, self.position)
        self._task = asyncio.create_task(self._run(), name=f"projection {self.name}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._end_rebuild(Unavailable(f"{self.name} was stopped."))

    def pause(self) -> None:
        """Stop after the batch under way; the table goes on serving what it has."""
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    async def rebuild(self) -> None:
        """Fold the whole log into a new table beside the old one, and serve it once it has caught up.

        Raises what the fold raised; the old table then stays.
        """
        if self._task is None or self._task.done():
            raise Unavailable(f"{self.name} does not run, so it cannot be rebuilt.")
        if not self._running.is_set():
            raise Unavailable(f"{self.name} is paused; resume it, then rebuild it.")
        if self._rebuild is None:
            slot = "b" if self._slot == "a" else "a"
            self._rebuild = _Rebuild(slot, asyncio.get_running_loop().create_future())
        await asyncio.shield(self._rebuild.done)

    async def status(self) -> Status:
        head = await self._source.head()
        lag = max(head - self.position, 0)
        seconds = await self._lag_seconds() if lag else 0.0
        return Status(
            self.name, self.position, head, lag, seconds, self._state(lag, seconds), self._rate.value(), self.last_error
        )

    async def _lag_seconds(self) -> float:
        try:
            oldest = await self._source.read(self.position, 1)
        except Exception:  # an event that cannot be read is what it stands before; its age is then the standstill's
            return self._monotonic() - self._progressed_at
        return max((self._now() - oldest[0].recorded_at).total_seconds(), 0.0) if oldest else 0.0

    def _state(self, lag: int, seconds: float) -> State:
        if not self._running.is_set():
            return State.PAUSED
        if self.last_error is not None:
            return State.STALLED
        if self._rebuild is not None or self.position < self._fresh_until:
            return State.REBUILDING
        return State.LIVE if not lag or seconds < _LIVE_SECONDS else State.CATCHING_UP

    # ------------------------------------------------------------ the loop

    async def _run(self) -> None:
        while True:
            await self._running.wait()
            try:
                await self._step()
            except Exception as error:  # what failed is still before the checkpoint; other models run on
                self._failed(error)
                self._end_rebuild(error)  # it would come to the same event, and whoever asked would wait for ever
                await asyncio.sleep(self._delay())

    def _failed(self, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        if message != self.last_error:
            _log.error("The projection %s stopped at position %d. %s", self.name, self.position, message)
        self.last_error = message
        self._failures += 1

    def _delay(self) -> float:
        most = min(self._retry_after * 2.0 ** min(self._failures - 1, 16), _MOST_DELAY)
        return most * (0.5 + self._random() / 2)  # half of it random, so that several do not retry in step

    async def _step(self) -> None:
        """One batch, or a wait for something to do."""
        newest = self._feed.latest(LOG)
        events = await self._next()
        if events and not self._fold.concerns(events):
            events = await self._more(events)
        if events:
            await self._advance(events)
        if self._rebuild is not None:
            await self._step_rebuild(self._rebuild)
        elif not events:
            self.last_error, self._failures = None, 0
            await self._feed.beyond(LOG, max(self.position, newest), self._poll_interval)

    async def _more(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """Events that do not concern the table, with those that come in the next moment, up to the first that does.

        That the table has passed them is a transaction as well; one for each group of commands, in each of ten tables,
        costs more than the one that matters. Whoever waits for a position gets it at once.
        """
        found, end = list(events), self._monotonic() + _GATHERING
        while (left := end - self._monotonic()) > 0 and len(found) < self._batch_size:
            last = found[-1].position
            if self._feed.latest(wanted(self.name)) > self.position:
                break
            await self._feed.any_beyond({LOG: last, wanted(self.name): self.position}, left)
            if self._feed.latest(LOG) > last:
                new = await self._source.read(last, self._batch_size - len(found))
                found += new
                if not new or self._fold.concerns(new):
                    break
        return found

    async def _next(self) -> Sequence[Recorded]:
        try:
            return await self._source.read(self.position, self._batch_size)
        except Exception:  # one event that cannot be read spoils its page; those before it can still be had singly
            try:
                return await self._source.read(self.position, 1)
            except Exception as error:
                place = f"The event after position {self.position} cannot be read"
                raise ProjectionFailed(f"{place}: {type(error).__name__}: {error}") from error

    async def _advance(self, events: Sequence[Recorded]) -> None:
        try:
            await self._project(events)
        except Exception:  # done again one by one: all before the event that fails is applied, and that one is named
            for event in events:
                await self._project_one(event)

    async def _project_one(self, event: Recorded) -> None:
        try:
            await self._project([event])
        except Exception as error:
            kind = type(event.event).__name__
            raise ProjectionFailed(f"{kind} at position {event.position}: {type(error).__name__}: {error}") from error

    async def _project(self, events: Sequence[Recorded]) -> None:
        position = events[-1].position
        if position != self.position + len(events):
            raise Unavailable(f"The log gave positions {events[0].position} to {position} after {self.position}.")
        after, slot, table = self.position, self._slot, self._table

        def unit(connection: sqlite3.Connection) -> Folded[R]:
            found = table.checkpoint(connection)
            if found is None or (found.position, found.slot) != (after, slot):
                raise Unavailable(f"Somebody else moved the checkpoint of {self.name}.")
            folded = self._fold.write(connection, table, slot, events, self._cache)
            table.move(connection, position, self._now())
            self._batches += 1
            if self._batches % _FORGET_EVERY == 0:
                table.forget_passages(connection)
            return folded

        try:
            folded = await self._store.write(unit)
        except BaseException:
            self._cache.clear()  # whether it was committed may not be known
            raise
        self._cache.keep(folded.rows, folded.gone)
        self.position = position
        await self._feed.publish(self.name, position)
        self._rate.add(len(events))
        self._progressed_at = self._monotonic()
        self.last_error, self._failures = None, 0

    # ------------------------------------------------------------ rebuilding

    async def _step_rebuild(self, rebuild: _Rebuild) -> None:
        table, slot = self._table, rebuild.slot
        try:
            if not rebuild.exists:
                await self._store.write(lambda connection: table.create(connection, slot))
                rebuild.exists = True
            events = await self._source.read(rebuild.position, self._batch_size)
            events = events[: self.position - rebuild.position]  # never ahead of the table it will replace
            if events:
                await self._store.write(lambda connection: self._fold.write(connection, table, slot, events))
                rebuild.position = events[-1].position
            if rebuild.position == self.position:
                await self._store.swap(self.model, slot, self.position)
                self._slot = slot
                self._cache.clear()
                self._end_rebuild(None)
        except Exception as error:  # the old table goes on; whoever asked for the rebuild is told
            self._end_rebuild(error)

    def _end_rebuild(self, error: Exception | None) -> None:
        rebuild, self._rebuild = self._rebuild, None
        if rebuild is None or rebuild.done.done():
            return
        if error is None:
            rebuild.done.set_result(None)
        else:
            rebuild.done.set_exception(error)
            rebuild.done.exception()  # whoever asked may have gone; nobody needs to be warned of that


class ProjectionFailed(Exception):
    """A fold or a write failed at an event, which the message names."""
