"""Scopes: which of the rows a viewer may see, so that what is somebody else's looks like nothing at all."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from engine.graphql.scalars import given
from engine.shapes import Conditions, ReadModel, Row, equals
from schema.context import ShopContext
from schema.viewers import Viewer

R = TypeVar("R", bound=Row)
N = TypeVar("N")


def own(viewer: Viewer, column: str) -> Conditions:
    """What restricts a view to the viewer's own rows; staff see all. The column must be FIXED.

    As it is, no id of a row outside ever leaves the server, not even as one that was removed.
    """
    # None would mean the rows that are nobody's; an empty id is that of no one.
    return () if viewer.is_staff else (equals(column, viewer.user_id or ""),)


def only(id: str | None) -> list[str] | None:
    """The ids that a filter takes, from the one that was given or left out."""
    return [id] if (id := given(id)) is not None else None


async def states(
    context: ShopContext, model: ReadModel[R], node: Callable[[R], N], key: str, owner: Callable[[R], str]
) -> AsyncIterator[N | None]:
    """One row now, then each time it changes; for a viewer who may not see it, as if there were none, ever."""
    is_first, was_there = True, False
    async for row in context.app.views.watch(model, key):
        shown = node(row) if row is not None and context.viewer.sees(owner(row)) else None
        if is_first or was_there or shown is not None:
            yield shown
        is_first, was_there = False, shown is not None
