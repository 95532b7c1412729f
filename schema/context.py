"""What the resolvers of this shop can reach, beyond what the engine gives to any."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from engine.clock import Clock
from engine.graphql.context import Context
from engine.passwords import Passwords
from engine.shapes import ReadModel, Row
from engine.tokens import Tokens
from schema.access import seen_as
from schema.viewers import Viewer

R = TypeVar("R", bound=Row)


@dataclass(slots=True, kw_only=True)
class ShopContext(Context):
    """Made anew for each operation; `actor_id` is the viewer's."""

    viewer: Viewer
    passwords: Passwords
    tokens: Tokens
    payment_minutes: int
    "How long an order may stay unpaid."
    now: Clock
    renew: Callable[[str], Awaitable[Viewer]]
    "Finds whom a token names, and makes the socket theirs if there is one. Raises Unauthenticated."
    _loaders: dict[str, DataLoader[tuple[str, int], Any]] = field(default_factory=dict)
    "By the name of the read model."

    def shared(self, field: str) -> tuple[Viewer, Self]:
        viewer = seen_as(self.viewer, field)
        return viewer, replace(self, viewer=viewer, actor_id=viewer.user_id, _loaders={})

    async def together(self, model: ReadModel[R], key: str, since: int = 0) -> R | None:
        """A row, read in one query with all those of its table that are asked for at the same moment.

        It shows position `since`, unless its table is slow: what hangs on something is not to be older than that.
        """
        loader = self._loaders.get(model.name)
        if loader is None:
            # Nothing is kept: a subscription has one context for all its answers.
            loader = self._loaders[model.name] = DataLoader(self._load(model), cache=False)
        row: R | None = await loader.load((key, since))
        return row

    def _load(self, model: ReadModel[R]) -> Callable[[list[tuple[str, int]]], Awaitable[Sequence[R | None]]]:
        async def load(wanted: list[tuple[str, int]]) -> Sequence[R | None]:
            # One wait for all: each with its own would come back at another moment, and no longer be read together.
            await self.app.reached(model, max(since for _, since in wanted))
            rows = await self.app.rows.load(model, list(dict.fromkeys(key for key, _ in wanted)))
            return [rows.get(key) for key, _ in wanted]

        return load


Info: TypeAlias = strawberry.Info[ShopContext, None]
