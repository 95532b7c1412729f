"""Everything that has an id of its own."""

from typing import ClassVar, Self

import strawberry

from engine.refusals import InvalidInput
from schema.context import Info, ShopContext


@strawberry.interface(description="Something with an id that is unique among everything the API gives.")
class Node:
    prefix: ClassVar[str] = ""
    "How its ids begin, where the server makes them from something else."

    id: strawberry.ID = strawberry.field(description="Its id, for `node` and for a client's cache.")

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        """The one with this id, if it is of this type."""
        raise NotImplementedError


def reserved() -> tuple[str, ...]:
    """How ids begin that the server makes from something else; a client's own id must not."""
    return tuple(kind.prefix for kind in Node.__subclasses__() if kind.prefix)


def chosen(id: str) -> str:
    """An id that a client may have chosen. Raises InvalidInput."""
    if id.startswith(reserved()):
        raise InvalidInput(f"An id must not begin with {', '.join(reserved())}.", ["id"])
    return id


@strawberry.type
class Query:
    @strawberry.field(description="Whatever has this id; null when nothing has.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        for kind in Node.__subclasses__():
            if found := await kind.find(info.context, id):
                return found
        return None
