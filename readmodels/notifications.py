"""Notifications: one row for each event that somebody is told of."""

from typing import Annotated

from domain.notices import NotificationKind, Told, UserTold, notice
from domain.stock import StockRanLow
from engine.shapes import FIXED, Conditions, ReadModel, Recorded, Row, equals


class NotificationRow(Row):
    id: str
    kind: Annotated[NotificationKind, FIXED]
    recipient_id: Annotated[str | None, FIXED]
    "None: it is for the administrators."
    about_id: Annotated[str, FIXED]
    "The medicine that ran low, the user, or the order, also when it tells of a payment."
    subject: Annotated[str, FIXED]
    message: Annotated[str, FIXED]


def keys(event: Told, recorded: Recorded) -> tuple[str, ...]:
    return (str(recorded.position),)


def apply(row: NotificationRow | None, event: Told, recorded: Recorded) -> NotificationRow:
    told = notice(event)
    return NotificationRow(
        id=str(recorded.position),
        kind=told.kind,
        recipient_id=told.recipient_id,
        about_id=_about(event),
        subject=told.subject,
        message=told.message,
    )


def _about(event: Told) -> str:
    if isinstance(event, StockRanLow):
        return event.medicine_id
    return event.user_id if isinstance(event, UserTold) else event.order_id


def where(*, recipient_id: str | None = None) -> Conditions:
    """The notifications for one person; all of them without one."""
    return () if recipient_id is None else (equals("recipient_id", recipient_id),)


NOTIFICATIONS = ReadModel(
    "notifications",
    row=NotificationRow,
    keys=keys,
    apply=apply,
    version=2,
    # By position and not by time: what was committed together has one time, and ids are text, where 10 is before 9.
    order=("-position",),
    indexes=("recipient_id",),
)
