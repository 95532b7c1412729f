"""What the resolvers of this shop can reach, beyond what the engine gives to any."""

from dataclasses import dataclass
from typing import TypeAlias

import strawberry

from engine.graphql.context import Context
from engine.passwords import Passwords
from engine.tokens import Tokens
from schema.viewers import Viewer, Viewers


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopContext(Context):
    """Made anew for each operation; `actor_id` is the viewer's."""

    viewer: Viewer
    viewers: Viewers
    passwords: Passwords
    tokens: Tokens
    payment_minutes: int
    "How long an order may stay unpaid."


Info: TypeAlias = strawberry.Info[ShopContext, None]
