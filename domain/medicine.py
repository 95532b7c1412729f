"""A medicine: what the shop sells, at what price, and how much of it is left."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, assert_never

from domain import stock
from domain.money import Money
from domain.stock import (
    MOST_STOCK,
    AdjustStock,
    DispatchStock,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    Stock,
    StockCommand,
    StockEvent,
)
from domain.text import identifier, named, text, whole
from engine.refusals import AlreadyTaken, NotAllowedNow, NotFound, check
from engine.shapes import Aggregate, Claim, Command, Erase, Event, Personal, Release, State, replace


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


class DiscontinueMedicine(Command):
    medicine_id: str
    reason: str

    def __post_init__(self) -> None:
        check(text("reason", self.reason))


MedicineCommand: TypeAlias = StockCommand | ChangeMedicinePrice | RegisterMedicine | DiscontinueMedicine


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


class MedicineDiscontinued(Event):
    medicine_id: str
    reason: Personal[str]


MedicineEvent: TypeAlias = StockEvent | MedicinePriceChanged | MedicineRegistered | MedicineDiscontinued


class Medicine(State):
    exists: bool = False
    name: str = ""
    is_discontinued: bool = False
    price: Money = Money(0)
    stock: Stock = Stock()


def decide(medicine: Medicine, command: MedicineCommand, now: datetime) -> Sequence[MedicineEvent]:
    if isinstance(command, RegisterMedicine):
        return _register(medicine, command)
    if not medicine.exists:
        raise NotFound(f"There is no medicine {named(command.medicine_id)}.", ["medicine_id"])
    match command:
        case ReserveStock() | ReleaseStock() | DispatchStock() | ReceiveStock() | AdjustStock():
            return stock.decide(medicine.stock, command, medicine.name, medicine.is_discontinued)
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
        case MedicinePriceChanged():
            return replace(medicine, price=event.price)
        case MedicineRegistered():
            held = Stock(quantity=event.stock_quantity, threshold=event.low_stock_threshold)
            return Medicine(exists=True, name=event.name, price=event.price, stock=held)
        case MedicineDiscontinued():
            return replace(medicine, is_discontinued=True)
        case _:
            return replace(medicine, stock=stock.evolve(medicine.stock, event))


def claims(event: MedicineEvent) -> Sequence[Claim | Release | Erase]:
    """An id names one thing in the whole shop: a medicine, a user, an order or a payment."""
    return [Claim("id", event.medicine_id)] if isinstance(event, MedicineRegistered) else []


MEDICINE = Aggregate(
    "medicine", identity="medicine_id", initial=Medicine(), decide=decide, evolve=evolve, claims=claims, version=2
)
