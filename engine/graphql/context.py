"""What a resolver can reach: reads that wait for a position, live views, and the way for a command."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, Self, TypeVar

from strawberry import UNSET

from engine.app import App
from engine.graphql.connection import Connection, Slice, connect
from engine.graphql.errors import ProtocolError
from engine.graphql.frame import Frame
from engine.graphql.scalars import Position, given
from engine.refusals import InvalidInput, Refusal
from engine.shapes import Command, Conditions, ReadModel, Receipt, Row
from engine.tally import MakeCommand
from engine.wishes import OURS

MOST_VALUES = 1000
"Measured: 1,000 ids in a filter take a tenth of a second, 40,000 take eighteen seconds."

R = TypeVar("R", bound=Row)
N = TypeVar("N")
T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """Made anew for each operation, so that nothing a viewer may see outlives what the viewer asked."""

    app: App
    actor_id: str | None = None
    resume: Position | None = None
    "Where a subscription goes on from, in place of what its `after` says."

    def since(self, after: Position | None) -> Position | None:
        """Where a subscription goes on from; None when it begins anew."""
        return given(after) if self.resume is None else self.resume

    @property
    def head(self) -> int:
        """The place in the log that everything accepted so far lies at or before."""
        return self.app.log.position

    def shared(self, field: str) -> tuple[Hashable, Self] | None:
        """What a subscription's answers depend on beside what the client said: its visibility.

        With it comes the context in which they are made for everybody of whom that is equal; it must know no more of
        anybody than the visibility says. None: nobody else may be given what this one is.
        """
        return None

    def send(
        self, command: Command, command_id: str | None, expected_version: int | None, said: Any = None
    ) -> Awaitable[Receipt | Refusal]:
        """Send a client's command."""
        if command_id is not None and command_id.startswith(OURS):
            return refused(InvalidInput(f"A command id must not begin with {OURS}", ["commandId"]))
        return self.app.send(
            command, command_id=command_id, expected_version=expected_version, actor_id=self.actor_id, said=said
        )

    def tally(self, command: MakeCommand, key: str) -> None:
        """Count something; the counts are sent as commands, a moment later."""
        self.app.tally.add(command, key)

    async def fresh(self, model: ReadModel[R], at_least: Position | None) -> None:
        """Wait until a read model shows a position. Raises ProtocolError (STALE_READ) when it does not in time."""
        if at_least and not await self.app.reached(model, at_least):
            reached = self.app.feed.latest(model.name)
            raise ProtocolError(
                "STALE_READ",
                f"{model.name} shows position {reached}; {at_least} was asked for.",
                {"position": str(reached), "atLeast": str(at_least)},
            )

    async def _shown(
        self,
        model: ReadModel[R],
        at_least: Position | None,
        read: Callable[[], Awaitable[T]],
        position: Callable[[T], int],
    ) -> T:
        """What a read gives that shows a position. Raises ProtocolError (STALE_READ) when that takes too long."""
        while True:
            await self.fresh(model, at_least)
            found = await read()
            if not at_least or position(found) >= at_least:
                return found
            self.app.feed.set_back(model.name, position(found))  # its database failed, and lost what it did last

    async def row(self, model: ReadModel[R], key: str, at_least: Position | None = UNSET) -> R | None:
        row, _ = await self._shown(model, at_least, lambda: self.app.rows.get(model, key), itemgetter(1))
        return row

    async def newest(self, model: ReadModel[R], key: str) -> R | None:
        """The row as of the log's head at this moment. Raises ProtocolError (STALE_READ) when that takes too long."""
        return await self.row(model, key, Position(await self.app.log.head()))

    async def first(self, model: ReadModel[R], conditions: Conditions, at_least: Position | None = UNSET) -> R | None:
        """The first row, in the model's order, that meets every condition."""
        read = partial(self.app.rows.page, model, conditions, limit=1)
        page = await self._shown(model, at_least, read, attrgetter("position"))
        return page.rows[0] if page.rows else None

    async def after(self, model: ReadModel[R], receipt: Receipt | None, key: str) -> R | None:
        """The row under a key once it shows what a command did; None when it does not in time."""
        if receipt is None or not await self.app.reached(model, receipt.position):
            return None
        row, position = await self.app.rows.get(model, key)
        return row if position >= receipt.position else None

    async def page(
        self,
        model: ReadModel[R],
        node: Callable[[R], N],
        part: Slice,
        conditions: Conditions = (),
        *,
        at_least: Position | None = UNSET,
        search: str | None = None,
    ) -> Connection[N]:
        """A page of a read model as a connection."""
        _check(conditions)
        start, bound = (part.before, part.after) if part.backwards else (part.after, part.before)
        table = self.app.rows.table(model)
        if not all(table.is_cursor(each) for each in (start, bound) if each is not None):
            raise ProtocolError("BAD_USER_INPUT", "The cursor is not one of this list.")
        way: dict[str, Any] = {"limit": part.limit, "descending": part.backwards, "search": search}
        read = partial(self.app.rows.page, model, conditions, after=start, **way)
        page = await self._shown(model, at_least, read, attrgetter("position"))
        rows = page.rows
        if bound is not None:
            places = [(row, table.cursor(row)) for row in rows]
            rows = [
                row
                for row, key in places
                if (table.precedes(bound, key) if part.backwards else table.precedes(key, bound))
            ]
        beyond = page.more or len(rows) < len(page.rows)
        return connect(
            rows,
            node,
            table.cursor,
            has_next=part.before is not None if part.backwards else beyond,
            has_previous=beyond if part.backwards else part.after is not None,
            position=page.position,
        )

    async def frames(
        self,
        model: ReadModel[R],
        node: Callable[[R], N],
        conditions: Conditions = (),
        after: Position | None = UNSET,
        *,
        prefix: str = "",
    ) -> AsyncIterator[Frame[N]]:
        """A read model as frames: a snapshot and then changes, or changes from a position on.

        `prefix` is what the nodes' ids have before the rows' keys.
        """
        _check(conditions)
        async for change in self.app.views.follow(model, conditions, self.since(after)):
            yield Frame.of(change, node, prefix)

    async def traces(self, positions: Iterable[int]) -> Sequence[str]:
        """The traceparents of events, of those that have one."""
        found = [await self.app.log.read(position - 1, 1) for position in positions]
        return [each.trace for events in found for each in events if each.trace]

    async def states(self, model: ReadModel[R], node: Callable[[R], N], key: str) -> AsyncIterator[N | None]:
        """One row as it is now, then each time it changes."""
        async for row in self.app.views.watch(model, key):
            yield None if row is None else node(row)


async def refused(refusal: Refusal) -> Receipt | Refusal:
    """What a command comes to that is never sent."""
    return refusal


def _check(conditions: Conditions) -> None:
    """Raise ProtocolError (BAD_USER_INPUT) for a list of values that would make the query a burden."""
    for condition in conditions:
        if condition.test == "one_of" and len(condition.value) > MOST_VALUES:
            raise ProtocolError("BAD_USER_INPUT", f"`{condition.column}` takes at most {MOST_VALUES} values at a time.")
