"""Payments in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Self

import strawberry
from strawberry import UNSET

from domain.money import Money
from domain.payment import ProcessPayment, RefundPayment
from domain.text import named
from engine.graphql.connection import Connection, Slice
from engine.graphql.errors import ProtocolError
from engine.graphql.frame import Frame
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from engine.refusals import NotFound
from engine.shapes import Conditions
from readmodels.orders import ORDERS
from readmodels.payments import PAYMENTS, PaymentRow, where
from schema.context import Info, ShopContext
from schema.enums import PaymentMethod, PaymentStatus
from schema.money import MoneyType
from schema.nodes import Node, chosen
from schema.payloads import CommandPayload, send, send_made
from schema.scopes import only, own, states


@strawberry.type(description="Money for one order, from its attempt to its outcome.")
class Payment(Node):
    version: int = strawberry.field(description="The version of its stream, for `expectedVersion`.")
    position: Position = strawberry.field(description="The last event that changed it.")
    order_id: strawberry.ID = strawberry.field(description="The order it is for.")
    order_number: str = strawberry.field(description="The number of that order.")
    user_id: strawberry.ID = strawberry.field(description="Whose order that is.")
    amount: MoneyType = strawberry.field(description="How much.")
    method: PaymentMethod = strawberry.field(description="How it is made.")
    status: PaymentStatus = strawberry.field(description="Where it stands.")
    status_reason: str | None = strawberry.field(description="Why it failed or went back; null otherwise.")
    created_at: datetime = strawberry.field(description="When it was attempted.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: PaymentRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            version=row.version,
            position=Position(row.position),
            order_id=strawberry.ID(row.order_id),
            order_number=row.order_number,
            user_id=strawberry.ID(row.user_id),
            amount=MoneyType.of(row.amount),
            method=row.method,
            status=row.status,
            status_reason=row.status_reason,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = await context.row(PAYMENTS, id)
        return cls.of(row) if row and context.viewer.sees(row.user_id) else None


@strawberry.input(description="Which payments: every condition given must hold.")
class PaymentFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="One of these.")
    user_id: strawberry.ID | None = strawberry.field(default=UNSET, description="For the orders of this user.")
    status: list[PaymentStatus] | None = strawberry.field(default=UNSET, description="Standing at one of these.")

    def where(self) -> Conditions:
        return where(ids=given(self.ids), user_id=given(self.user_id), statuses=given(self.status))


# ---------------------------------------------------------------- commands


@strawberry.input(description="An attempt to pay an order.")
class ProcessPaymentInput(CommandInput):
    command_id: strawberry.ID = strawberry.field(
        description="Idempotency key: the same id again gives the same answer and no second payment."
    )
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Its id, if the client makes one.")
    order_id: strawberry.ID = strawberry.field(description="Which order.")
    amount: Decimal = strawberry.field(description="What the order comes to, in its currency.")
    method: PaymentMethod = strawberry.field(description="How to pay.")

    def said(self) -> list[str | int | None]:
        units = Money.of(self.amount, field="amount").units  # 10 is 10.00
        return [given(self.id), self.order_id, units, self.method.value]


@strawberry.input(description="A payment to give back.")
class RefundPaymentInput(CommandInput):
    command_id: strawberry.ID = strawberry.field(
        description="Idempotency key: the same id again gives the same answer and no second refund."
    )
    payment_id: strawberry.ID = strawberry.field(description="Which payment.")
    reason: str = strawberry.field(description="Why.")

    def command(self) -> RefundPayment:
        return RefundPayment(payment_id=self.payment_id, reason=self.reason)


async def _processing(context: ShopContext, input: ProcessPaymentInput) -> ProcessPayment:
    # As of now: whether the order can be paid is decided by what it is like at this moment.
    order = await context.newest(ORDERS, input.order_id)
    if order is None or not context.viewer.sees(order.user_id):
        raise NotFound(f"There is no order {named(input.order_id)}.", ["order_id"])
    return ProcessPayment(
        payment_id=chosen(input.identity(input.id)),
        order_id=order.id,
        order_number=order.number,
        order_status=order.status,
        order_total=order.total,
        user_id=order.user_id,
        amount=Money.of(input.amount, order.total.currency, field="amount"),
        method=input.method,
    )


@strawberry.type
class PaymentPayload(CommandPayload):
    @strawberry.field(
        description="The payment with this command's effect; null if the read model does not show it in time."
    )
    async def payment(self, info: Info) -> Payment | None:
        row = await info.context.after(PAYMENTS, self.accepted, self.key)
        return Payment.of(row) if row and info.context.viewer.sees(row.user_id) else None


@strawberry.type(description="The answer to processPayment.")
class ProcessPaymentPayload(PaymentPayload):
    pass


@strawberry.type(description="The answer to refundPayment.")
class RefundPaymentPayload(PaymentPayload):
    pass


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Pay an order: its owner, staff. Whether the money comes is told later.")
    async def process_payment(self, info: Info, input: ProcessPaymentInput) -> ProcessPaymentPayload:
        return await send_made(info, input, ProcessPaymentPayload, ProcessPayment, _processing)

    @strawberry.mutation(description="Give a payment back. Staff.")
    async def refund_payment(self, info: Info, input: RefundPaymentInput) -> RefundPaymentPayload:
        return await send(info, input, RefundPaymentPayload)


# ---------------------------------------------------------------- reads


@strawberry.type
class Query:
    @strawberry.field(
        description="One payment, by its id or its order's number, of which the newest is given; null when there is "
        "none. Its owner, staff."
    )
    async def payment(
        self,
        info: Info,
        id: strawberry.ID | None = UNSET,
        order_number: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Payment | None:
        wanted = where(ids=only(id), order_number=given(order_number))
        if not wanted:
            raise ProtocolError("BAD_USER_INPUT", "Give `id` or `orderNumber`.")
        row = await info.context.first(PAYMENTS, own(info.context.viewer, "user_id") + wanted, at_least)
        return Payment.of(row) if row else None

    @strawberry.field(description="Payments, the newest first: one's own; staff see all.")
    async def payments(
        self,
        info: Info,
        filter: PaymentFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Payment]:
        part = Slice.of(first, after, last, before)
        return await info.context.page(PAYMENTS, Payment.of, part, conditions(info, filter), at_least=at_least)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="One payment as it is now, then each time it changes; null when there is none. Its owner, staff."
    )
    async def payment(self, info: Info, id: strawberry.ID) -> AsyncIterator[Payment | None]:
        async for payment in states(info.context, PAYMENTS, Payment.of, id, lambda row: row.user_id):
            yield payment

    @strawberry.subscription(description="Payments, then each change to them: one's own; staff see all.")
    async def payments(
        self, info: Info, filter: PaymentFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[Payment]]:
        async for frame in info.context.frames(PAYMENTS, Payment.of, conditions(info, filter), after):
            yield frame


def conditions(info: Info, filter: PaymentFilter | None) -> Conditions:
    return own(info.context.viewer, "user_id") + (filter.where() if filter else ())
