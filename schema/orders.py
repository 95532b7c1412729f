"""Orders in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from domain.order import CancelOrder, CompleteOrder, PlaceOrder, ShipOrder
from domain.order_line import OrderLine
from domain.text import named
from engine.graphql.connection import Connection, Slice
from engine.graphql.errors import ProtocolError
from engine.graphql.frame import Frame
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from engine.refusals import NotFound
from engine.shapes import Conditions
from readmodels.orders import ORDERS, OrderRow, TimelineEntry, where
from schema.context import Info, ShopContext
from schema.enums import OrderStatus
from schema.money import MoneyType
from schema.nodes import Node
from schema.payloads import CommandPayload, send, send_made
from schema.payments import Payment
from schema.placing import PlaceOrderInput, placing
from schema.scopes import only, own, states


@strawberry.type(name="OrderLine", description="One medicine of an order, at the price of the moment it was placed.")
class OrderLineType:
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    name: str = strawberry.field(description="Its name at that moment.")
    quantity: int = strawberry.field(description="How many.")
    unit_price: MoneyType = strawberry.field(description="What one costs.")
    line_total: MoneyType = strawberry.field(description="What they come to.")

    @classmethod
    def of(cls, line: OrderLine) -> Self:
        return cls(
            medicine_id=strawberry.ID(line.medicine_id),
            name=line.name,
            quantity=line.quantity,
            unit_price=MoneyType.of(line.unit_price),
            line_total=MoneyType.sum(line.total_units, line.unit_price.currency),
        )


@strawberry.type(name="TimelineEntry", description="One event of an order or of a payment for it.")
class TimelineEntryType:
    event: str = strawberry.field(description="What happened, in the past tense.")
    at: datetime = strawberry.field(description="When it was stored.")
    position: Position = strawberry.field(description="Its place in the log.")
    actor_id: strawberry.ID | None = strawberry.field(
        description="Who did it; `process/…` for what the shop does by itself, null when nobody was signed in."
    )

    @classmethod
    def of(cls, entry: TimelineEntry) -> Self:
        actor_id = None if entry.actor_id is None else strawberry.ID(entry.actor_id)
        return cls(event=entry.event, at=entry.at, position=Position(entry.position), actor_id=actor_id)


@strawberry.type(description="What a customer wants, and how far it has come.")
class Order(Node):
    version: int = strawberry.field(description="The version of its stream, for `expectedVersion`.")
    position: Position = strawberry.field(description="The last event that changed it.")
    number: str = strawberry.field(description="What people call it by.")
    user_id: strawberry.ID = strawberry.field(description="Whose it is.")
    user_email: str = strawberry.field(description="Their email address when it was placed.")
    status: OrderStatus = strawberry.field(description="Where it stands.")
    status_reason: str | None = strawberry.field(
        description="Why it was rejected, cancelled or refunded; null otherwise."
    )
    lines: list[OrderLineType] = strawberry.field(description="What it holds.")
    total: MoneyType = strawberry.field(description="What it comes to.")
    payment: Payment | None = strawberry.field(description="Its newest payment; null before the first.")
    tracking_code: str | None = strawberry.field(description="How to follow the parcel; null when nobody said.")
    timeline: list[TimelineEntryType] = strawberry.field(
        description="Every event of the order and of its payments, the oldest first."
    )
    placed_at: datetime = strawberry.field(description="When it was placed.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: OrderRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            version=row.version,
            position=Position(row.position),
            number=row.number,
            user_id=strawberry.ID(row.user_id),
            user_email=row.user_email,
            status=row.status,
            status_reason=row.status_reason,
            lines=[OrderLineType.of(line) for line in row.lines],
            total=MoneyType.of(row.total),
            payment=Payment.of(row.payment) if row.payment else None,
            tracking_code=row.tracking_code,
            timeline=[TimelineEntryType.of(entry) for entry in row.timeline],
            placed_at=row.created_at,
            updated_at=row.updated_at,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = await context.row(ORDERS, id)
        return cls.of(row) if row and context.viewer.sees(row.user_id) else None


@strawberry.input(description="Which orders: every condition given must hold.")
class OrderFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="One of these.")
    user_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Of this user.")
    status: list[OrderStatus] | None = strawberry.field(default=UNSET, description="Standing at one of these.")

    def where(self) -> Conditions:
        return where(ids=given(self.ids), user_id=given(self.user_id), statuses=given(self.status))


# ---------------------------------------------------------------- commands


@strawberry.input(description="An order to give up.")
class CancelOrderInput(CommandInput):
    order_id: strawberry.ID = strawberry.field(description="Which order.")
    reason: str = strawberry.field(description="Why.")


@strawberry.input(description="An order that leaves the shop.")
class ShipOrderInput(CommandInput):
    order_id: strawberry.ID = strawberry.field(description="Which order.")
    tracking_code: str | None = strawberry.field(default=UNSET, description="How to follow the parcel.")

    def command(self) -> ShipOrder:
        return ShipOrder(order_id=self.order_id, tracking_code=given(self.tracking_code))


@strawberry.input(description="An order that has arrived.")
class CompleteOrderInput(CommandInput):
    order_id: strawberry.ID = strawberry.field(description="Which order.")

    def command(self) -> CompleteOrder:
        return CompleteOrder(order_id=self.order_id)


async def _cancelling(context: ShopContext, input: CancelOrderInput) -> CancelOrder:
    if not context.viewer.is_staff:
        row = await context.row(ORDERS, input.order_id)
        if row is None or not context.viewer.sees(row.user_id):
            # An order's owner never changes, so only the row of an order that was just placed can be missing. One of
            # somebody else takes the same way, so that it cannot be told from one that does not exist.
            row = await context.newest(ORDERS, input.order_id)
        if row is None or not context.viewer.sees(row.user_id):
            raise NotFound(f"There is no order {named(input.order_id)}.", ["order_id"])
    return CancelOrder(order_id=input.order_id, reason=input.reason, by_staff=context.viewer.is_staff)


@strawberry.type
class OrderPayload(CommandPayload):
    @strawberry.field(
        description="The order with this command's effect; null if the read model does not show it in time."
    )
    async def order(self, info: Info) -> Order | None:
        row = await info.context.after(ORDERS, self.accepted, self.key)
        return Order.of(row) if row and info.context.viewer.sees(row.user_id) else None


@strawberry.type(description="The answer to placeOrder.")
class PlaceOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The answer to cancelOrder.")
class CancelOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The answer to shipOrder.")
class ShipOrderPayload(OrderPayload):
    pass


@strawberry.type(description="The answer to completeOrder.")
class CompleteOrderPayload(OrderPayload):
    pass


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Order medicines: customers for themselves, staff for anyone. Whether enough is left is told later."
    )
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderPayload:
        return await send_made(info, input, PlaceOrderPayload, PlaceOrder, placing)

    @strawberry.mutation(description="Give an order up: its owner while it is unpaid, staff until it is shipped.")
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> CancelOrderPayload:
        return await send_made(info, input, CancelOrderPayload, CancelOrder, _cancelling)

    @strawberry.mutation(description="Send a paid order on its way. Staff.")
    async def ship_order(self, info: Info, input: ShipOrderInput) -> ShipOrderPayload:
        return await send(info, input, ShipOrderPayload)

    @strawberry.mutation(description="Say that a shipped order has arrived. Staff.")
    async def complete_order(self, info: Info, input: CompleteOrderInput) -> CompleteOrderPayload:
        return await send(info, input, CompleteOrderPayload)


# ---------------------------------------------------------------- reads


@strawberry.type
class Query:
    @strawberry.field(
        description="One order, by its id or its number; null when there is none. Its owner, staff.",
    )
    async def order(
        self,
        info: Info,
        id: strawberry.ID | None = UNSET,
        number: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Order | None:
        wanted = where(ids=only(id), number=given(number))
        if not wanted:
            raise ProtocolError("BAD_USER_INPUT", "Give `id` or `number`.")
        row = await info.context.first(ORDERS, own(info.context.viewer, "user_id") + wanted, at_least)
        return Order.of(row) if row else None

    @strawberry.field(description="Orders, the newest first: one's own; staff see all.")
    async def orders(
        self,
        info: Info,
        filter: OrderFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Order]:
        part = Slice.of(first, after, last, before)
        return await info.context.page(ORDERS, Order.of, part, conditions(info, filter), at_least=at_least)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="One order as it is now, then each time it changes; null when there is none. Its owner, staff."
    )
    async def order(self, info: Info, id: strawberry.ID) -> AsyncIterator[Order | None]:
        async for order in states(info.context, ORDERS, Order.of, id, lambda row: row.user_id):
            yield order

    @strawberry.subscription(description="Orders, then each change to them: one's own; staff see all.")
    async def orders(
        self, info: Info, filter: OrderFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[Order]]:
        async for frame in info.context.frames(ORDERS, Order.of, conditions(info, filter), after):
            yield frame


def conditions(info: Info, filter: OrderFilter | None) -> Conditions:
    return own(info.context.viewer, "user_id") + (filter.where() if filter else ())
