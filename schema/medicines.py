"""Medicines in the API."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Self

import strawberry
from strawberry import UNSET

from domain.medicine import ChangeMedicinePrice, DiscontinueMedicine, RegisterMedicine
from domain.money import Money
from domain.stock import AdjustStock, ReceiveStock
from engine.graphql.connection import Connection, Slice
from engine.graphql.frame import Frame
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from engine.shapes import Conditions
from readmodels.medicines import MEDICINES, MedicineRow, where
from schema.context import Info, ShopContext
from schema.money import MoneyType
from schema.nodes import Node, chosen, reserved
from schema.payloads import CommandPayload, send


@strawberry.type(description="A medicine that the shop sells.")
class Medicine(Node):
    version: int = strawberry.field(description="The version of its stream, for `expectedVersion`.")
    position: Position = strawberry.field(description="The last event that changed it.")
    name: str = strawberry.field(description="The name on the box.")
    generic_name: str = strawberry.field(description="The international nonproprietary name.")
    manufacturer: str = strawberry.field(description="Who makes it.")
    strength: str = strawberry.field(description='How strong it is and in what form, for example "500 mg tablet".')
    price: MoneyType = strawberry.field(description="What one costs.")
    stock_quantity: int = strawberry.field(description="How many there are, reserved ones included.")
    reserved_quantity: int = strawberry.field(description="How many of them are promised to orders.")
    is_available: bool = strawberry.field(
        description="Whether it can be ordered now: some are left and it is not discontinued."
    )
    is_discontinued: bool = strawberry.field(description="Whether the shop has given it up.")
    created_at: datetime = strawberry.field(description="When it was registered.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: MedicineRow) -> Self:
        return cls(
            id=strawberry.ID(row.id),
            version=row.version,
            position=Position(row.position),
            name=row.name,
            generic_name=row.generic_name,
            manufacturer=row.manufacturer,
            strength=row.strength,
            price=MoneyType.of(row.price),
            stock_quantity=row.stock_quantity,
            reserved_quantity=row.reserved_quantity,
            is_available=row.is_available,
            is_discontinued=row.is_discontinued,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @classmethod
    async def find(cls, context: ShopContext, id: str) -> Self | None:
        row = None if id.startswith(reserved()) else await context.row(MEDICINES, id)
        return cls.of(row) if row else None


@strawberry.input(description="Which medicines: every condition given must hold.")
class MedicineFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="One of these.")
    manufacturer: str | None = strawberry.field(default=UNSET, description="Made by exactly this manufacturer.")
    is_available: bool | None = strawberry.field(default=UNSET, description="Available, or not.")
    max_price: Decimal | None = strawberry.field(default=UNSET, description="Costing at most this.")

    def where(self) -> Conditions:
        max_price = given(self.max_price)
        return where(
            ids=given(self.ids),
            manufacturer=given(self.manufacturer),
            is_available=given(self.is_available),
            max_price=None if max_price is None else Money.of(max_price, field="max_price"),
        )


# ---------------------------------------------------------------- commands


@strawberry.input(description="A medicine to take into the catalogue.")
class RegisterMedicineInput(CommandInput):
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Its id, if the client makes one.")
    name: str = strawberry.field(description="The name on the box.")
    generic_name: str = strawberry.field(description="The international nonproprietary name.")
    manufacturer: str = strawberry.field(description="Who makes it.")
    strength: str = strawberry.field(description="How strong it is and in what form.")
    price: Decimal = strawberry.field(description="What one costs: at most two digits after the point.")
    currency: str | None = strawberry.field(default="USD", description="Three capital letters.")
    stock_quantity: int = strawberry.field(default=0, description="How many there are to begin with.")
    low_stock_threshold: int = strawberry.field(default=10, description="At or below how many stock counts as low.")

    def command(self) -> RegisterMedicine:
        return RegisterMedicine(
            medicine_id=chosen(self.identity(self.id)),
            name=self.name,
            generic_name=self.generic_name,
            manufacturer=self.manufacturer,
            strength=self.strength,
            price=Money.of(self.price, "USD" if self.currency is None else self.currency),
            stock_quantity=self.stock_quantity,
            low_stock_threshold=self.low_stock_threshold,
        )


@strawberry.input(description="A new price for a medicine.")
class ChangeMedicinePriceInput(CommandInput):
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    price: Decimal = strawberry.field(description="What one costs from now on, in the medicine's currency.")

    def command(self) -> ChangeMedicinePrice:
        return ChangeMedicinePrice(medicine_id=self.medicine_id, price=self.price)


@strawberry.input(description="Stock that arrived.")
class ReceiveStockInput(CommandInput):
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    quantity: int = strawberry.field(description="How many arrived, at least 1.")

    def command(self) -> ReceiveStock:
        return ReceiveStock(medicine_id=self.medicine_id, quantity=self.quantity)


@strawberry.input(description="Stock as it was counted.")
class AdjustStockInput(CommandInput):
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    quantity: int = strawberry.field(description="How many there are.")
    reason: str = strawberry.field(description="Why it differs from the books.")

    def command(self) -> AdjustStock:
        return AdjustStock(medicine_id=self.medicine_id, quantity=self.quantity, reason=self.reason)


@strawberry.input(description="A medicine to give up.")
class DiscontinueMedicineInput(CommandInput):
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    reason: str = strawberry.field(description="Why.")

    def command(self) -> DiscontinueMedicine:
        return DiscontinueMedicine(medicine_id=self.medicine_id, reason=self.reason)


@strawberry.type
class MedicinePayload(CommandPayload):
    @strawberry.field(
        description="The medicine with this command's effect; null if the catalogue does not show it in time."
    )
    async def medicine(self, info: Info) -> Medicine | None:
        row = await info.context.after(MEDICINES, self.accepted, self.key)
        return Medicine.of(row) if row else None


@strawberry.type(description="The answer to registerMedicine.")
class RegisterMedicinePayload(MedicinePayload):
    pass


@strawberry.type(description="The answer to changeMedicinePrice.")
class ChangeMedicinePricePayload(MedicinePayload):
    pass


@strawberry.type(description="The answer to receiveStock.")
class ReceiveStockPayload(MedicinePayload):
    pass


@strawberry.type(description="The answer to adjustStock.")
class AdjustStockPayload(MedicinePayload):
    pass


@strawberry.type(description="The answer to discontinueMedicine.")
class DiscontinueMedicinePayload(MedicinePayload):
    pass


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Take a medicine into the catalogue. Staff.")
    async def register_medicine(self, info: Info, input: RegisterMedicineInput) -> RegisterMedicinePayload:
        return await send(info, input, RegisterMedicinePayload)

    @strawberry.mutation(description="Change what a medicine costs from now on. Staff.")
    async def change_medicine_price(self, info: Info, input: ChangeMedicinePriceInput) -> ChangeMedicinePricePayload:
        return await send(info, input, ChangeMedicinePricePayload)

    @strawberry.mutation(description="Add stock that arrived. Staff.")
    async def receive_stock(self, info: Info, input: ReceiveStockInput) -> ReceiveStockPayload:
        return await send(info, input, ReceiveStockPayload)

    @strawberry.mutation(description="Set the stock to what was counted. Staff.")
    async def adjust_stock(self, info: Info, input: AdjustStockInput) -> AdjustStockPayload:
        return await send(info, input, AdjustStockPayload)

    @strawberry.mutation(description="Give a medicine up. Staff.")
    async def discontinue_medicine(self, info: Info, input: DiscontinueMedicineInput) -> DiscontinueMedicinePayload:
        return await send(info, input, DiscontinueMedicinePayload)


# ---------------------------------------------------------------- reads


@strawberry.type
class Query:
    @strawberry.field(description="One medicine; null when there is none with this id.")
    async def medicine(self, info: Info, id: strawberry.ID, at_least: Position | None = UNSET) -> Medicine | None:
        row = await info.context.row(MEDICINES, id, at_least)
        return Medicine.of(row) if row else None

    @strawberry.field(description="The catalogue, by name.")
    async def medicines(
        self,
        info: Info,
        filter: MedicineFilter | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
        last: int | None = UNSET,
        before: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Medicine]:
        part = Slice.of(first, after, last, before)
        return await info.context.page(MEDICINES, Medicine.of, part, conditions(filter), at_least=at_least)

    @strawberry.field(
        description="Medicines in whose name, generic name or manufacturer every word of the text begins a word."
    )
    async def search_medicines(
        self,
        info: Info,
        text: str,
        first: int | None = UNSET,
        after: str | None = UNSET,
        at_least: Position | None = UNSET,
    ) -> Connection[Medicine]:
        part = Slice.of(first, after)
        return await info.context.page(MEDICINES, Medicine.of, part, at_least=at_least, search=text)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="One medicine as it is now, then each time it changes.")
    async def medicine(self, info: Info, id: strawberry.ID) -> AsyncIterator[Medicine | None]:
        async for medicine in info.context.states(MEDICINES, Medicine.of, id):
            yield medicine

    @strawberry.subscription(description="The medicines, then each change to them.")
    async def medicines(
        self, info: Info, filter: MedicineFilter | None = UNSET, after: Position | None = UNSET
    ) -> AsyncIterator[Frame[Medicine]]:
        async for frame in info.context.frames(MEDICINES, Medicine.of, conditions(filter), after):
            yield frame


def conditions(filter: MedicineFilter | None) -> Conditions:
    return filter.where() if filter else ()
