"""One read model as it runs: it follows the log, batch by batch, and stops alone when it cannot."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from engine import clock, metrics, tracing
from engine.again import pause
from engine.faults import GONE, ProjectionFailed, SetBack, Unavailable
from engine.feed import Feed
from engine.fold import Fold, Folded
from engine.pace import Pace
from engine.part import Company, Part
from engine.rebuild import Rebuild
from engine.shapes import ReadModel, Recorded, Row
from engine.source import Head, Source, following, found_head
from engine.status import LIVE_SECONDS, Rate, State, Status, Told, age
from engine.store.newest import Written
from engine.store.readstore import ReadStore
from engine.store.session import Guard, alone

R = TypeVar("R", bound=Row)
_log = structlog.get_logger(__name__)
_LEAST_DELAY, _MOST_DELAY = 0.5, 30.0
_FORGET_EVERY = 1000


class Projection(Generic[R]):
    """Keeps one read table in step with the log: each batch in one transaction with its checkpoint, so exactly once."""

    def __init__(
        self,
        model: ReadModel[R],
        source: Source,
        store: ReadStore,
        feed: Feed,
        company: "Company[Projection[Any]]",
        *,
        random: Callable[[], float],
        batch_size: int = 1000,
        poll_interval: float = 0.5,
        now: clock.Clock = clock.now,
        monotonic: Callable[[], float] = clock.monotonic,
        retry_after: float = _LEAST_DELAY,
    ) -> None:
        self.model, self.name = model, model.name
        self.lease = f"projection {model.name}"
        self._source, self._store, self._feed, self._company = source, store, feed, company
        self._batch_size, self._now, self._monotonic = batch_size, now, monotonic
        self._pause = partial(pause, first=retry_after, longest=_MOST_DELAY, random=random)
        self._table = store.table(model)
        self.fold = Fold(model)
        self.written = Written(self._table.layout.weigh, store.newest(model))
        self.rate = Rate(monotonic)
        self.counted = metrics.Consuming(metrics.UPDATE_SECONDS)
        self._progressed_at = monotonic()
        self._is_sure, self._slot = True, "a"
        self._guard: Guard = alone
        self._failures = self._batches = self._fresh_until = 0
        self._rebuild: Rebuild[R] | None = None
        self.pace = Pace(model.name, feed, poll_interval=poll_interval, monotonic=monotonic)
        self._task: asyncio.Task[None] | None = None
        self.position, self._is_waiting = 0, False
        self.last_error: str | None = None

    # ------------------------------------------------------------ what operators use

    async def prepare(self, guard: Guard = alone) -> None:
        """Find where to go on; the catching up happens in the background, while the table is served."""
        # Asked for now that nobody else writes the table: it cannot be ahead of this, but of what was the head before.
        head = await self._source.head()
        checkpoint, fresh = await self._store.prepare(self.model, self._source.id, head, guard)
        self.position, self._slot, self._guard = checkpoint.position, checkpoint.slot, guard
        self._fresh_until = head if fresh else 0
        self.written.begin(checkpoint.floor)
        self._is_sure, self._failures, self.last_error = True, 0, None
        self._feed.set_back(self.name, self.position)
        self._feed.note(self.name, self.position)

    async def begin(self, guard: Guard) -> None:
        """Take over from the last owner."""
        await self.prepare(guard)
        self.start()

    @property
    def is_running(self) -> bool:
        """Whether this process projects it."""
        return self._task is not None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"projection {self.name}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._end_rebuild(Unavailable(f"{self.name} was stopped."))

    def pause(self) -> None:
        """Stop after the batch under way; the table goes on serving what it has."""
        self.pace.pause()
        self._company.release(self)

    def resume(self) -> None:
        self.pace.resume()

    def slow(self, seconds: float) -> None:
        """Put off each batch from now on, but not a rebuild; by 0 seconds not at all. Raises ValueError, see Pace."""
        self.pace.slow(seconds)
        self._company.release(self)

    async def rebuild(self) -> None:
        """Fold the whole log into a new table beside the old one, and serve it once it has caught up.

        Raises what the fold raised; the old table then stays.
        """
        if self._task is None or self._task.done():
            raise Unavailable(f"{self.name} does not run, so it cannot be rebuilt.")
        if self.pace.is_paused:
            raise Unavailable(f"{self.name} is paused; resume it, then rebuild it.")
        if self._rebuild is None:
            self._rebuild = Rebuild(self._table, self.fold, self._store, self._guard)
            self.pace.stir()
            self._company.release(self)
        await self._rebuild.ended()

    async def status(self, found: Head | None = None) -> Status:
        (head, is_sure), now = found or await found_head(self._source), self._now()
        lag, seconds = max(head - self.position, 0), self._monotonic() - self._progressed_at
        seconds = (await age(self._source, self.position, now, seconds) if is_sure else seconds) if lag else 0.0
        state, rate = self._state(lag, seconds), self.rate.value()
        return Status(
            self.name, self.position, head, lag, seconds, state, rate, self.last_error, 0,
            self._is_waiting and state is State.STALLED, self._rebuild_position(), as_of=self._now(),
        )  # fmt: skip

    def _rebuild_position(self) -> int | None:
        if self._rebuild is not None:
            return self._rebuild.position
        return self.position if self.position < self._fresh_until else None

    def told(self) -> Told:
        return Told(self.position, self.rate.value(), self._state(0, 0.0), self.last_error, self._rebuild_position())

    def _state(self, lag: int, seconds: float) -> State:
        if self.pace.is_paused:
            return State.PAUSED
        if self.last_error is not None:
            return State.STALLED
        if self._rebuild is not None or self.position < self._fresh_until:
            return State.REBUILDING
        return State.LIVE if not lag or seconds < LIVE_SECONDS else State.CATCHING_UP

    # ------------------------------------------------------------ the loop

    async def _run(self) -> None:
        while True:
            await self.pace.resumed()
            try:
                await self._step()
            except SetBack as error:  # it goes on from there at once
                self.doubt()
                self._end_rebuild(error)
            except Exception as error:  # what failed is still before the checkpoint; other models run on
                self._failed(error)
                self._is_sure = False
                self._end_rebuild(error)  # it would come to the same event, and whoever asked would wait for ever
                await asyncio.sleep(self._pause(self._failures, error))

    def _failed(self, error: Exception) -> None:
        message = f"{type(error).__name__}: {error}"
        if message != self.last_error:
            _log.error("projection stalled", projection=self.name, position=self.position, reason=message)
        self.counted.errors[getattr(error, "event", "unknown")] += 1
        self.last_error, self._is_waiting = message, isinstance(error, GONE)
        self._failures += 1

    async def _step(self) -> None:
        """One batch; at the head of the log, those that come while it is in company."""
        await self._make_sure()
        is_due = await self._is_due()
        events = await following(self._source, self.position, self._batch_size) if is_due else ()
        if events:
            await self._advance(events)
        if self._rebuild is not None:
            await self._step_rebuild(self._rebuild)
        elif is_due and len(events) < self._batch_size and self.may_travel:
            self.last_error, self._failures = None, 0
            await self._company.travel(self)

    def doubt(self) -> None:
        """Look where the table is before the next batch: a commit may not have said that it succeeded, or be gone."""
        self._is_sure = False
        self.written.clear()
        self.pace.stir()
        self._company.release(self)

    async def _make_sure(self) -> None:
        found = None if self._is_sure else await self._store.checkpoint(self.model)
        if found and found.slot != self._slot:  # a rebuild took its place, and could not say so
            self._slot = found.slot
            self.written.clear()
        if found and found.position > self.position:
            await self.took(None, (), found.position)
        elif found and found.position < self.position:
            self.written.clear()
            _log.warning("projection set back", projection=self.name, position=found.position, was=self.position)
            self.position = found.position
            self._feed.set_back(self.name, found.position)
        self._is_sure = True

    async def _is_due(self) -> bool:
        """Whether the next batch may be taken; in slow motion a rebuild does not wait for it."""
        if self.pace.seconds and self._rebuild is not None:
            return False
        return await self.pace.is_due(self.position, self._source.head)

    async def _advance(self, events: Sequence[Recorded]) -> None:
        try:
            await self._project(events)
        except (*GONE, SetBack):
            raise
        except Exception:  # done again one by one: all before the event that fails is applied, and that one is named
            for event in events:
                await self._project_one(event)

    async def _project_one(self, event: Recorded) -> None:
        try:
            await self._project([event])
        except Exception as error:
            kind = type(event.event).__name__
            message = f"{kind} at position {event.position}: {type(error).__name__}: {error}"
            raise ProjectionFailed(message, kind) from error

    async def _project(self, events: Sequence[Recorded]) -> None:
        position = events[-1].position
        if position != self.position + len(events):
            raise Unavailable(f"The log gave positions {events[0].position} to {position} after {self.position}.")
        part = self.part(events, position)
        try:
            (fault,) = await self._store.project([part])
            if fault is not None:
                raise fault
        except BaseException:
            self.written.clear()  # whether it was committed may not be known
            raise
        await self.took(part.folded, events, position)

    # ------------------------------------------------------------ one batch, in whosever transaction

    @property
    def may_travel(self) -> bool:
        """Whether it has nothing to do by itself."""
        return not self.pace.is_paused and not self.pace.seconds and self._rebuild is None

    def part(self, events: Sequence[Recorded], position: int) -> Part[R]:
        """Folds events and moves the checkpoint. Up to `position`, nothing else concerns it."""
        self._batches += 1
        place, forgets, rows = (self.position, self._slot), self._batches % _FORGET_EVERY == 0, self.written.rows
        return Part(self.fold, self._table, rows, self._guard, place, events, position, self._now(), forgets=forgets)

    async def took(self, folded: Folded[R] | None, events: Sequence[Recorded], position: int) -> None:
        """What a part of it came to is committed; None of something that is committed and not known."""
        if folded is not None:
            self.written.keep(self.position, position, folded.rows, folded.gone, folded.buried)
        self.rate.add(position - self.position)
        if events:
            now = self._now()
            self.counted.seconds.add((now - events[0].recorded_at).total_seconds())
            tracing.followed(f"project {self.name}", events, self.fold.types, now)
        self.position = position
        self._feed.note(self.name, position)  # at once to those in this process
        await self._feed.publish(self.name, position)
        self._progressed_at = self._monotonic()
        self.last_error, self._failures = None, 0

    # ------------------------------------------------------------ rebuilding

    async def _step_rebuild(self, rebuild: Rebuild[R]) -> None:
        try:
            events = await self._source.read(rebuild.position, self._batch_size)
            # Never ahead of the table it will replace.
            await rebuild.take(events[: self.position - rebuild.position], beside=self._slot)
            if rebuild.position == self.position:
                await self._store.swap(self.model, rebuild.slot, self.position, self._guard)
                self._slot = rebuild.slot
                self.written.clear()
                self._end_rebuild(None)
        except Exception as error:  # one of the two tables goes on; whoever asked for the rebuild is told
            self._is_sure = False
            self._end_rebuild(error)

    def _end_rebuild(self, error: Exception | None) -> None:
        rebuild, self._rebuild = self._rebuild, None
        if rebuild is not None:
            rebuild.end(error)
