"""The inventory in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from engine.graphql.connection import Connection, Slice
from engine.graphql.frame import Frame
from engine.graphql.scalars import Position, given
from engine.shapes import Conditions
from readmodels.inventory import INVENTORY, InventoryRow, where
from schema.context import Info, ShopContext
from schema.nodes import Node


@strawberry.type(description="A medicine's stock, as the staff see it.")
class InventoryItem(Node):
    prefix = "inventory_"

    position: Position = strawberry.field(description="The last event that changed it.")
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    medicine_name: str = strawberry.field(description="The name on the box.")
    available_quantity: int = strawberry.field(description="How many can be ordered.")
    reserved_quantity: int = strawberry.field(description="How many are promised to orders.")
    total_quantity: int = strawberry.field(description="How many there are.")
    low_stock_threshold: int = strawberry.field(description="At or below how many available ones stock counts as low.")
    low_stock_alert: bool = strawberry.field(description="Whether it is low.")
    pending_orders: list[strawberry.ID] = strawberry.field(
        description="The orders that some are promised to, the oldest promise first."
    )
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: InventoryRow) -> Self:
        return cls(
            id=strawberry.ID(cls.prefix + row.id),
            position=Position(row.position),
            medicine_id=strawberry.ID(row.id),
            medicine_name=row.medicine_name,
            available_quantity=row.available_quantity,
            reserved_quantity=row.reserved_quantity,
            total_quantity=row.total_quantity,
            low_stock_threshold=row.low_stock_threshold,
            low_stock_alert=row.low_stock_alert,
            pending_orders=[strawberry.ID(each) for each in row.pending_orders],
            updated_at=row.updated_at,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        if not id.startswith(cls.prefix) or not context.viewer.is_staff:
            return None
        row = await context.row(INVENTORY, id.removeprefix(cls.prefix))
        return cls.of(row) if row else None


@strawberry.input(description="Which medicines: every condition given must hold.")
class InventoryFilter:
    medicine_ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="One of these.")
    low_stock_alert: bool | None = strawberry.field(default=UNSET, description="Low, or not.")

    def where(self) -> Conditions:
        return where(medicine_ids=given(self.medicine_ids), low_stock_alert=given(self.low_stock_alert))


@strawberry.type
class Query:
    @strawberry.field(description="One medicine's stock; null when there is no such medicine. Staff.")
    async def inventory_item(
        self, info: Info, medicine_id: strawberry.ID, at_least: Position | None = UNSET
    ) -> InventoryItem | None:
        row = await info.context.row(INVENTORY, medicine_id, at_least)
        return InventoryItem.of(row) if row else None

    @strawberry.field(description="The stock of every medicine, by name. Staff.")
    async def inventory(
        self,
        info: Info,
        filter: InventoryFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[InventoryItem]:
        part = Slice.of(first, after, last, before)
        return await info.context.page(INVENTORY, InventoryItem.of, part, conditions(filter), at_least=at_least)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="One medicine's stock as it is now, then each time it changes. Staff.")
    async def inventory_item(self, info: Info, medicine_id: strawberry.ID) -> AsyncIterator[InventoryItem | None]:
        async for item in info.context.states(INVENTORY, InventoryItem.of, medicine_id):
            yield item

    @strawberry.subscription(description="The stock of every medicine, then each change to it. Staff.")
    async def inventory(
        self, info: Info, filter: InventoryFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[InventoryItem]]:
        chosen, prefix = conditions(filter), InventoryItem.prefix
        async for frame in info.context.frames(INVENTORY, InventoryItem.of, chosen, after, prefix=prefix):
            yield frame


def conditions(filter: InventoryFilter | None) -> Conditions:
    return filter.where() if filter else ()
