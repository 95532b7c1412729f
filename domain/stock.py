"""The stock of a medicine: how many there are, and how many of them are set aside for orders."""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from domain.text import text, whole
from engine.refusals import InvalidInput, NotAllowedNow, Refusal, check
from engine.shapes import Command, Event, Personal, Value, replace

MOST_STOCK = 1_000_000_000


class ReceiveStock(Command):
    medicine_id: str
    quantity: int

    def __post_init__(self) -> None:
        check(whole("quantity", self.quantity, 1, MOST_STOCK))


class AdjustStock(Command):
    medicine_id: str
    quantity: int
    reason: str

    def __post_init__(self) -> None:
        check(whole("quantity", self.quantity, 0, MOST_STOCK), text("reason", self.reason))


class ReserveStock(Command):
    """Set some aside for an order."""

    medicine_id: str
    order_id: str
    quantity: int

    def __post_init__(self) -> None:
        check(whole("quantity", self.quantity, 1, MOST_STOCK))


class ReleaseStock(Command):
    """Put back what was set aside for an order."""

    medicine_id: str
    order_id: str


class DispatchStock(Command):
    """What was set aside for an order has left the shop."""

    medicine_id: str
    order_id: str


StockCommand: TypeAlias = ReserveStock | ReleaseStock | DispatchStock | ReceiveStock | AdjustStock


class StockReceived(Event):
    medicine_id: str
    quantity: int
    stock_quantity: int


class StockAdjusted(Event):
    medicine_id: str
    stock_quantity: int
    previous_quantity: int
    reason: Personal[str]


class StockReserved(Event):
    medicine_id: str
    order_id: str
    quantity: int
    stock_quantity: int
    reserved_quantity: int


class StockReservationDeclined(Event):
    """An order wanted more than is left. A fact and not a refusal: somebody did want it, and waits for the answer."""

    medicine_id: str
    order_id: str
    quantity: int
    available_quantity: int


class StockReleased(Event):
    medicine_id: str
    order_id: str
    quantity: int
    stock_quantity: int
    reserved_quantity: int


class StockDispatched(Event):
    medicine_id: str
    order_id: str
    quantity: int
    stock_quantity: int
    reserved_quantity: int


class StockRanLow(Event):
    """What is available fell from above the threshold to it, or below."""

    medicine_id: str
    name: str
    available_quantity: int
    low_stock_threshold: int


StockMoved: TypeAlias = StockReserved | StockReleased | StockDispatched | StockReceived | StockAdjusted
StockEvent: TypeAlias = StockMoved | StockReservationDeclined | StockRanLow


class InsufficientStock(Refusal):
    """More was asked for than is left."""

    def __init__(self, medicine_id: str, requested: int, available: int, path: Sequence[str] = ()) -> None:
        super().__init__(f"{requested} are set aside for orders; {available} cannot be all there are.", path)
        self.medicine_id = medicine_id
        self.requested = requested
        self.available = available


class Stock(Value):
    quantity: int = 0
    reserved: int = 0
    reservations: dict[str, int] = {}  # noqa: RUF012  # msgspec gives each value its own
    "How many are set aside, by order; `reserved` is their sum."
    threshold: int = 0
    "At or below how many available ones the stock is low."

    @property
    def available(self) -> int:
        return self.quantity - self.reserved


def decide(stock: Stock, command: StockCommand, name: str, is_discontinued: bool) -> Sequence[StockEvent]:
    """What a command does to the stock of the medicine called `name`, and whether it runs low by that."""
    moved = _move(stock, command, is_discontinued)
    after = stock
    for event in moved:
        after = evolve(after, event)
    # A discontinued medicine is meant to run out: nobody can receive more of it.
    if is_discontinued or not stock.available > stock.threshold >= after.available:
        return moved
    ran_low = StockRanLow(
        medicine_id=command.medicine_id,
        name=name,
        available_quantity=after.available,
        low_stock_threshold=stock.threshold,
    )
    return [*moved, ran_low]


def _move(stock: Stock, command: StockCommand, is_discontinued: bool) -> Sequence[StockEvent]:
    match command:
        case ReserveStock():
            return _reserve(stock, command, is_discontinued)
        case ReleaseStock() | DispatchStock():
            return _end_reservation(stock, command)
        case ReceiveStock():
            return _receive(stock, command, is_discontinued)
        case AdjustStock():
            return _adjust(stock, command)
        case _:
            assert_never(command)


def _reserve(stock: Stock, command: ReserveStock, is_discontinued: bool) -> Sequence[StockEvent]:
    medicine_id, order_id, quantity = command.medicine_id, command.order_id, command.quantity
    if order_id in stock.reservations:
        return []
    available = 0 if is_discontinued else stock.available
    if quantity > available:
        declined = StockReservationDeclined(
            medicine_id=medicine_id, order_id=order_id, quantity=quantity, available_quantity=available
        )
        return [declined]
    reserved = StockReserved(
        medicine_id=medicine_id,
        order_id=order_id,
        quantity=quantity,
        stock_quantity=stock.quantity,
        reserved_quantity=stock.reserved + quantity,
    )
    return [reserved]


def _end_reservation(stock: Stock, command: ReleaseStock | DispatchStock) -> Sequence[StockEvent]:
    quantity = stock.reservations.get(command.order_id)
    if quantity is None:
        return []  # it ended already, or never was
    leaves = isinstance(command, DispatchStock)
    ended = StockDispatched if leaves else StockReleased
    return [
        ended(
            medicine_id=command.medicine_id,
            order_id=command.order_id,
            quantity=quantity,
            stock_quantity=stock.quantity - quantity if leaves else stock.quantity,
            reserved_quantity=stock.reserved - quantity,
        )
    ]


def _receive(stock: Stock, command: ReceiveStock, is_discontinued: bool) -> Sequence[StockEvent]:
    if is_discontinued:
        raise NotAllowedNow("A discontinued medicine takes no more stock.", "DISCONTINUED")
    after = stock.quantity + command.quantity
    if after > MOST_STOCK:
        raise InvalidInput(f"That would make {after} in stock; the most is {MOST_STOCK}.", ["quantity"])
    return [StockReceived(medicine_id=command.medicine_id, quantity=command.quantity, stock_quantity=after)]


def _adjust(stock: Stock, command: AdjustStock) -> Sequence[StockEvent]:
    if command.quantity == stock.quantity:
        return []  # nothing to do is an answer, not an error
    if command.quantity < stock.reserved:
        raise InsufficientStock(command.medicine_id, stock.reserved, command.quantity, ["quantity"])
    return [
        StockAdjusted(
            medicine_id=command.medicine_id,
            stock_quantity=command.quantity,
            previous_quantity=stock.quantity,
            reason=command.reason,
        )
    ]


def evolve(stock: Stock, event: StockEvent) -> Stock:
    match event:
        case StockReserved():
            reservations = {**stock.reservations, event.order_id: event.quantity}
            return replace(stock, reserved=event.reserved_quantity, reservations=reservations)
        case StockReleased() | StockDispatched():
            rest = {
                order_id: quantity for order_id, quantity in stock.reservations.items() if order_id != event.order_id
            }
            return replace(stock, quantity=event.stock_quantity, reserved=event.reserved_quantity, reservations=rest)
        case StockReceived() | StockAdjusted():
            return replace(stock, quantity=event.stock_quantity)
        case StockReservationDeclined() | StockRanLow():
            return stock
        case _:
            assert_never(event)
