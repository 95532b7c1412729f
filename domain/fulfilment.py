"""Fulfilment: an order's way from its placing to reserved stock, and the stock's way back or out of the shop."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from domain.order import (
    ExpireOrder,
    OrderCancelled,
    OrderInitiated,
    OrderPaid,
    OrderRefunded,
    OrderRejected,
    OrderShipped,
    OrderValidated,
    RejectOrder,
    ValidateOrder,
)
from domain.stock import (
    DispatchStock,
    ReleaseStock,
    ReserveStock,
    StockDispatched,
    StockReleased,
    StockReservationDeclined,
    StockReserved,
)
from engine.shapes import Command, Process, State, replace

StockAnswer: TypeAlias = StockReserved | StockReservationDeclined | StockReleased | StockDispatched
OrderEnd: TypeAlias = OrderRejected | OrderCancelled | OrderRefunded
Source: TypeAlias = StockAnswer | OrderEnd | OrderInitiated | OrderValidated | OrderPaid | OrderShipped


class Fulfilment(State):
    order_id: str = ""
    "Empty as long as the order is unknown, and once nothing of it is left to do."
    names: dict[str, str] = {}  # noqa: RUF012  # msgspec gives each value its own
    "Of the medicines whose reservation has not been answered."
    reserved: tuple[str, ...] = ()
    "The medicines of which some are set aside."
    declined: tuple[str, ...] = ()
    "The names of those of which too few are left."
    is_ending: bool = False
    "What is set aside is to go back, or out."
    pay_before: datetime | None = None


def key(event: Source) -> str:
    return event.order_id


def evolve(order: Fulfilment, event: Source) -> Fulfilment:
    if isinstance(event, OrderInitiated):
        return Fulfilment(
            order_id=event.order_id,
            names={line.medicine_id: line.name for line in event.lines},
            pay_before=event.pay_before,
        )
    if not order.order_id:
        return order
    match event:
        case StockReserved() | StockReservationDeclined() | StockReleased() | StockDispatched():
            order = _answered(order, event)
        case OrderPaid():
            order = replace(order, pay_before=None)
        case OrderValidated():
            pass
        case OrderRejected() | OrderCancelled() | OrderRefunded() | OrderShipped():
            order = replace(order, is_ending=True, pay_before=None)
        case _:
            assert_never(event)
    return Fulfilment() if order.is_ending and not order.names and not order.reserved else order


def _answered(order: Fulfilment, event: StockAnswer) -> Fulfilment:
    id = event.medicine_id
    others = tuple(each for each in order.reserved if each != id)
    waiting = {medicine_id: name for medicine_id, name in order.names.items() if medicine_id != id}
    match event:
        case StockReserved():
            return replace(order, names=waiting, reserved=(*others, id))
        case StockReservationDeclined():
            return replace(order, names=waiting, declined=(*order.declined, order.names.get(id, id)))
        case StockReleased() | StockDispatched():
            return replace(order, reserved=others)
        case _:
            assert_never(event)


def react(order: Fulfilment, event: Source) -> Sequence[Command]:
    match event:
        case OrderInitiated():
            return [
                ReserveStock(medicine_id=line.medicine_id, order_id=event.order_id, quantity=line.quantity)
                for line in event.lines
            ]
        case StockReserved() if order.is_ending:
            # It came after the order's end: nobody else will give it back.
            return [ReleaseStock(medicine_id=event.medicine_id, order_id=event.order_id)]
        case StockReserved() | StockReservationDeclined():
            return _verdict(order)
        case OrderRejected() | OrderCancelled() | OrderRefunded():
            return [ReleaseStock(medicine_id=each, order_id=event.order_id) for each in order.reserved]
        case OrderShipped():
            return [DispatchStock(medicine_id=each, order_id=event.order_id) for each in order.reserved]
        case OrderValidated() | OrderPaid() | StockReleased() | StockDispatched():
            return []
        case _:
            assert_never(event)


def _verdict(order: Fulfilment) -> Sequence[Command]:
    """What becomes of the order, once every line of it has its answer."""
    if order.names or order.is_ending or not order.order_id:
        return []
    if order.declined:
        return [RejectOrder(order_id=order.order_id, reason=f"Too few are left of {', '.join(order.declined)}.")]
    return [ValidateOrder(order_id=order.order_id)]


def due(order: Fulfilment) -> datetime | None:
    return order.pay_before


def wake(order: Fulfilment) -> Sequence[Command]:
    return [ExpireOrder(order_id=order.order_id)]


FULFILMENT = Process(
    "fulfilment", key=key, initial=Fulfilment(), evolve=evolve, react=react, due=due, wake=wake, version=1
)
