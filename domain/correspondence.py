"""Correspondence: every notice goes out as a mail, to the address its reader has at that moment."""

from collections.abc import Sequence
from typing import TypeAlias

from domain.mail import ADMINISTRATORS, SendMail
from domain.notices import Told, notice
from domain.stock import StockRanLow
from domain.user import UserDeleted, UserEmailChanged, UserRegistered, UserSuspended
from engine.shapes import Process, State

Source: TypeAlias = Told | UserDeleted


class Addressee(State):
    email: str | None = None


def key(event: Source) -> str:
    return ADMINISTRATORS if isinstance(event, StockRanLow | UserSuspended) else event.user_id


def evolve(addressee: Addressee, event: Source) -> Addressee:
    match event:
        case UserRegistered() | UserEmailChanged():
            return Addressee(event.email)
        case UserDeleted():
            return Addressee()
        case _:
            return addressee


def react(addressee: Addressee, event: Source) -> Sequence[SendMail]:
    if isinstance(event, UserDeleted):
        return []
    told = notice(event)
    to = ADMINISTRATORS if told.recipient_id is None else addressee.email
    # On one line: it becomes a header, and the name of a medicine may hold line breaks.
    subject = " ".join(told.subject.split())
    return [] if to is None else [SendMail(to=to, subject=subject, text=told.message)]


CORRESPONDENCE = Process("correspondence", key=key, initial=Addressee(), evolve=evolve, react=react)
