"""A medicine: what the shop sells, at what price, and how much of it is left."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, assert_never

from domain.money import Money
from domain.text import identifier, named, text, whole
from engine.refusals import AlreadyTaken, InvalidInput, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Command, Event, State, replace

MOST_STOCK = 1_000_000_000


class RegisterMedicine(Command):
    medicine_id: str
    name: str
    generic_name: str
    manufacturer: str
    strength: str
    price: Money
    stock_quantity: int = 0
    low_stock_threshold: int = 10

    def __post_init__(self) -> None:
        check(
            identifier("id", self.medicine_id),
            text("name", self.name),
            text("generic_name", self.generic_name),
            text("manufacturer", self.manufacturer),
            text("strength", self.strength),
            whole("stock_quantity", self.stock_quantity, 0, MOST_STOCK),
            whole("low_stock_threshold", self.low_stock_threshold, 0, MOST_STOCK),
        )


class ChangeMedicinePrice(Command):
    medicine_id: str
    price: Decimal


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


class DiscontinueMedicine(Command):
    medicine_id: str
    reason: str

    def __post_init__(self) -> None:
        check(text("reason", self.reason))


MedicineCommand: TypeAlias = ReceiveStock | AdjustStock | ChangeMedicinePrice | RegisterMedicine | DiscontinueMedicine


class MedicineRegistered(Event):
    medicine_id: str
    name: str
    generic_name: str
    manufacturer: str
    strength: str
    price: Money
    stock_quantity: int
    low_stock_threshold: int


class MedicinePriceChanged(Event):
    medicine_id: str
    price: Money
    previous_price: Money


class StockReceived(Event):
    medicine_id: str
    quantity: int
    stock_quantity: int


class StockAdjusted(Event):
    medicine_id: str
    stock_quantity: int
    previous_quantity: int
    reason: str


class MedicineDiscontinued(Event):
    medicine_id: str
    reason: str


MedicineEvent: TypeAlias = (
    StockReceived | StockAdjusted | MedicinePriceChanged | MedicineRegistered | MedicineDiscontinued
)


class Medicine(State):
    exists: bool = False
    is_discontinued: bool = False
    price: Money = Money(0)
    stock_quantity: int = 0


def decide(medicine: Medicine, command: MedicineCommand, now: datetime) -> Sequence[MedicineEvent]:
    if isinstance(command, RegisterMedicine):
        return _register(medicine, command)
    if not medicine.exists:
        raise NotFound(f"There is no medicine {named(command.medicine_id)}.", ["medicine_id"])
    match command:
        case ReceiveStock():
            return _receive(medicine, command)
        case AdjustStock():
            return _adjust(medicine, command)
        case ChangeMedicinePrice():
            return _change_price(medicine, command)
        case DiscontinueMedicine():
            return _discontinue(medicine, command)
        case _:
            assert_never(command)


def _register(medicine: Medicine, command: RegisterMedicine) -> Sequence[MedicineEvent]:
    if medicine.exists:
        raise AlreadyTaken(f"There is already a medicine {named(command.medicine_id)}.", ["id"])
    return [
        MedicineRegistered(
            medicine_id=command.medicine_id,
            name=command.name,
            generic_name=command.generic_name,
            manufacturer=command.manufacturer,
            strength=command.strength,
            price=command.price,
            stock_quantity=command.stock_quantity,
            low_stock_threshold=command.low_stock_threshold,
        )
    ]


def _receive(medicine: Medicine, command: ReceiveStock) -> Sequence[MedicineEvent]:
    if medicine.is_discontinued:
        raise NotAllowedNow("A discontinued medicine takes no more stock.", "DISCONTINUED")
    stock = medicine.stock_quantity + command.quantity
    if stock > MOST_STOCK:
        raise InvalidInput(f"That would make {stock} in stock; the most is {MOST_STOCK}.", ["quantity"])
    return [StockReceived(medicine_id=command.medicine_id, quantity=command.quantity, stock_quantity=stock)]


def _adjust(medicine: Medicine, command: AdjustStock) -> Sequence[MedicineEvent]:
    if command.quantity == medicine.stock_quantity:
        return []  # nothing to do is an answer, not an error
    return [
        StockAdjusted(
            medicine_id=command.medicine_id,
            stock_quantity=command.quantity,
            previous_quantity=medicine.stock_quantity,
            reason=command.reason,
        )
    ]


def _change_price(medicine: Medicine, command: ChangeMedicinePrice) -> Sequence[MedicineEvent]:
    price = Money.of(command.price, medicine.price.currency)
    if medicine.is_discontinued:
        raise NotAllowedNow("A discontinued medicine keeps its last price.", "DISCONTINUED")
    if price == medicine.price:
        return []
    return [MedicinePriceChanged(medicine_id=command.medicine_id, price=price, previous_price=medicine.price)]


def _discontinue(medicine: Medicine, command: DiscontinueMedicine) -> Sequence[MedicineEvent]:
    if medicine.is_discontinued:
        return []
    return [MedicineDiscontinued(medicine_id=command.medicine_id, reason=command.reason)]


def evolve(medicine: Medicine, event: MedicineEvent) -> Medicine:
    match event:
        case StockReceived() | StockAdjusted():
            return replace(medicine, stock_quantity=event.stock_quantity)
        case MedicinePriceChanged():
            return replace(medicine, price=event.price)
        case MedicineRegistered():
            return Medicine(exists=True, price=event.price, stock_quantity=event.stock_quantity)
        case MedicineDiscontinued():
            return replace(medicine, is_discontinued=True)
        case _:
            assert_never(event)


MEDICINE = Aggregate("medicine", identity="medicine_id", initial=Medicine(), decide=decide, evolve=evolve)
