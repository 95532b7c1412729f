"""Notifications in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

from engine.graphql.connection import Connection, Slice
from engine.graphql.frame import Frame
from engine.graphql.scalars import Position
from readmodels.notifications import NOTIFICATIONS, NotificationRow
from schema.context import Info, ShopContext
from schema.enums import NotificationKind
from schema.nodes import Node
from schema.scopes import own


@strawberry.type(description="What somebody is told of something that happened.")
class Notification(Node):
    prefix = "notification_"

    position: Position = strawberry.field(description="The event that it tells of.")
    kind: NotificationKind = strawberry.field(description="What it is about.")
    recipient_id: strawberry.ID | None = strawberry.field(
        description="Who is told; null when it is for the administrators."
    )
    about_id: strawberry.ID = strawberry.field(
        description="What it is about: the medicine that ran low, the user, or the order, also of a payment."
    )
    subject: str = strawberry.field(description="What it says, in a few words.")
    message: str = strawberry.field(description="What it says.")
    created_at: datetime = strawberry.field(description="When it happened.")

    @classmethod
    def of(cls, row: NotificationRow) -> Self:
        return cls(
            id=strawberry.ID(cls.prefix + row.id),
            position=Position(row.position),
            kind=row.kind,
            recipient_id=None if row.recipient_id is None else strawberry.ID(row.recipient_id),
            about_id=strawberry.ID(row.about_id),
            subject=row.subject,
            message=row.message,
            created_at=row.created_at,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = await context.row(NOTIFICATIONS, id.removeprefix(cls.prefix)) if id.startswith(cls.prefix) else None
        return cls.of(row) if row and context.viewer.sees(row.recipient_id) else None


@strawberry.type
class Query:
    @strawberry.field(description="Notifications, the newest first: one's own; staff see all.")
    async def notifications(
        self,
        info: Info,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Notification]:
        part, scope = Slice.of(first, after, last, before), own(info.context.viewer, "recipient_id")
        return await info.context.page(NOTIFICATIONS, Notification.of, part, scope, at_least=at_least)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Notifications, then each new one: one's own; staff see all.")
    async def notifications(self, info: Info, after: Position | None = UNSET) -> AsyncIterator[Frame[Notification]]:
        scope, prefix = own(info.context.viewer, "recipient_id"), Notification.prefix
        async for frame in info.context.frames(NOTIFICATIONS, Notification.of, scope, after, prefix=prefix):
            yield frame
