"""Users in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from engine.graphql.connection import Connection, Slice
from engine.graphql.errors import ProtocolError
from engine.graphql.frame import Frame
from engine.graphql.scalars import Position, given
from engine.shapes import Conditions, equals
from readmodels.orders import ORDERS
from readmodels.payments import PAYMENTS
from readmodels.user_orders import USER_ORDERS, UserOrdersRow
from readmodels.users import USERS, UserRow, where
from schema.context import Info, ShopContext
from schema.enums import Role, UserStatus
from schema.figures import MedicineCount, StatusCount, average
from schema.money import USUAL_CURRENCY, MoneyType
from schema.nodes import Node
from schema.orders import Order
from schema.payments import Payment
from schema.permissions import require_self_or_staff
from schema.scopes import states


@strawberry.type(description="What a user's orders come to.")
class UserOrderSummary:
    total_orders: int = strawberry.field(description="How many were placed, in any currency.")
    total_spent: MoneyType = strawberry.field(description="What those come to that were paid and not refunded.")
    average_order_value: MoneyType = strawberry.field(description="What one of those comes to.")
    favourite_medicines: list[MedicineCount] = strawberry.field(
        description="The ten of which most were bought, in any currency."
    )
    orders_by_status: list[StatusCount] = strawberry.field(description="How many stand where, in any currency.")

    @classmethod
    def of(cls, row: UserOrdersRow | None, currency: str) -> Self:
        found = row or UserOrdersRow(id="")
        spent = found.spent.get(currency, 0)
        return cls(
            total_orders=found.total_orders,
            total_spent=MoneyType.sum(spent, currency),
            average_order_value=average(spent, found.paid_orders.get(currency, 0), currency),
            favourite_medicines=MedicineCount.top(found.bought),
            orders_by_status=StatusCount.all(found.by_status),
        )


@strawberry.type(description="A customer, or one of the staff.")
class User(Node):
    version: int = strawberry.field(description="The version of its stream, for `expectedVersion`.")
    position: Position = strawberry.field(description="The last event that changed it, orders included.")
    email: str = strawberry.field(description="Where to reach them; empty once the user is deleted.")
    first_name: str = strawberry.field(description="The given name; empty once the user is deleted.")
    last_name: str = strawberry.field(description="The family name; empty once the user is deleted.")
    phone: str | None = strawberry.field(description="A telephone number; null when nobody said.")
    address: str | None = strawberry.field(description="Where parcels go; null when nobody said.")
    role: Role = strawberry.field(description="What they may do.")
    status: UserStatus = strawberry.field(description="Whether they may do anything.")
    created_at: datetime = strawberry.field(description="When they were registered.")
    updated_at: datetime = strawberry.field(description="When they last changed, orders included.")
    last_login_at: datetime | None = strawberry.field(description="When they last signed in; null before the first.")
    order_count: int = strawberry.field(description="How many orders they placed.")
    row: strawberry.Private[UserRow]
    is_self: strawberry.Private[bool]

    @classmethod
    def of(cls, row: UserRow, *, is_self: bool = False) -> Self:
        """`is_self`: whoever asks has just proved to be this user."""
        return cls(
            id=strawberry.ID(row.id),
            version=row.version,
            position=Position(row.position),
            email=row.email,
            first_name=row.first_name,
            last_name=row.last_name,
            phone=row.phone,
            address=row.address,
            role=row.role,
            status=row.status,
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_login_at=row.last_login_at,
            order_count=row.order_count,
            row=row,
            is_self=is_self,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = await context.row(USERS, id) if context.viewer.sees(id) else None
        return cls.of(row) if row else None

    @strawberry.field(description="What their orders come to that were paid and not refunded.")
    def total_spent(self, currency: str = USUAL_CURRENCY) -> MoneyType:
        return MoneyType.sum(self.row.spent.get(currency, 0), currency)

    @strawberry.field(description="What their orders come to. Themselves, staff.")
    async def order_summary(self, info: Info, currency: str = USUAL_CURRENCY) -> UserOrderSummary:
        self._require(info)
        return UserOrderSummary.of(await info.context.together(USER_ORDERS, self.id, self.position), currency)

    @strawberry.field(description="Their orders, the newest first. Themselves, staff.")
    async def orders(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> Connection[Order]:
        self._require(info)
        part = Slice.of(first, after, last, before)
        await info.context.app.reached(ORDERS, self.position)
        return await info.context.page(ORDERS, Order.of, part, (equals("user_id", self.id),))

    @strawberry.field(description="Their payments, the newest first. Themselves, staff.")
    async def payments(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
    ) -> Connection[Payment]:
        self._require(info)
        part = Slice.of(first, after, last, before)
        await info.context.app.reached(PAYMENTS, self.position)
        return await info.context.page(PAYMENTS, Payment.of, part, (equals("user_id", self.id),))

    def _require(self, info: Info) -> None:
        if not self.is_self:
            require_self_or_staff(info, self.id)


@strawberry.input(description="Which users: every condition given must hold.")
class UserFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="One of these.")
    status: UserStatus | None = strawberry.field(default=UNSET, description="With this status.")
    role: Role | None = strawberry.field(default=UNSET, description="With this role.")
    text: str | None = strawberry.field(
        default=UNSET,
        description="In whose name or email address every word of this begins a word. For queries only.",
    )

    def where(self) -> Conditions:
        return where(ids=given(self.ids), status=given(self.status), role=given(self.role))


@strawberry.type
class Query:
    @strawberry.field(description="Who is signed in; null when nobody is.")
    async def me(self, info: Info, at_least: Position | None = UNSET) -> User | None:
        user_id = info.context.viewer.user_id
        row = None if user_id is None else await info.context.row(USERS, user_id, at_least)
        return User.of(row) if row else None

    @strawberry.field(description="One user; null when there is none with this id. Themselves, staff.")
    async def user(self, info: Info, id: strawberry.ID, at_least: Position | None = UNSET) -> User | None:
        row = await info.context.row(USERS, id, at_least)
        return User.of(row) if row and info.context.viewer.sees(row.id) else None

    @strawberry.field(description="The users, by name. Staff.")
    async def users(
        self,
        info: Info,
        filter: UserFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[User]:
        part = Slice.of(first, after, last, before)
        text = given(filter.text) if filter else None
        return await info.context.page(USERS, User.of, part, _conditions(filter), at_least=at_least, search=text)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="One user as they are now, then each time they change; null when there is none. Themselves, staff."
    )
    async def user(self, info: Info, id: strawberry.ID) -> AsyncIterator[User | None]:
        async for user in states(info.context, USERS, User.of, id, lambda row: row.id):
            yield user

    @strawberry.subscription(description="The users, then each change to them. Staff.")
    async def users(
        self, info: Info, filter: UserFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[User]]:
        if filter and given(filter.text) is not None:
            raise ProtocolError("BAD_USER_INPUT", "`text` narrows a query; a subscription cannot follow a search.")
        async for frame in info.context.frames(USERS, User.of, _conditions(filter), after):
            yield frame


def _conditions(filter: UserFilter | None) -> Conditions:
    return filter.where() if filter else ()
