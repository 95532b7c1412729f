"""Placing an order: what the customer said, and what the catalogue and the customer's account add to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import strawberry
from strawberry import UNSET

from domain.order import PlaceOrder
from domain.order_line import MOST_LINES, MOST_QUANTITY, OrderLine
from domain.standing import UserStatus
from domain.text import identifier, named, whole
from engine import ids
from engine.graphql.mutation import CommandInput
from engine.graphql.scalars import Position, given
from engine.refusals import InvalidInput, NotAllowedNow, NotFound, check
from readmodels.medicines import MEDICINES, MedicineRow
from readmodels.users import USERS
from schema.access import Forbidden
from schema.context import ShopContext
from schema.nodes import chosen
from schema.permissions import NOT_YOURS


@strawberry.input(description="How many of a medicine.")
class OrderLineInput:
    medicine_id: strawberry.ID = strawberry.field(description="Which medicine.")
    quantity: int = strawberry.field(description="How many, at least 1.")


@strawberry.input(description="An order to place.")
class PlaceOrderInput(CommandInput):
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Its id, if the client makes one.")
    user_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Whose order it is: oneself, or for staff anybody; oneself without it."
    )
    lines: list[OrderLineInput] = strawberry.field(description="What it holds: 1 to 50 medicines.")

    def said(self) -> list[Any]:
        return [given(self.id), given(self.user_id), [[line.medicine_id, line.quantity] for line in self.lines]]


async def placing(context: ShopContext, input: PlaceOrderInput) -> PlaceOrder:
    """The command, with names, prices and address as they are now. Raises Forbidden beside refusals."""
    viewer = context.viewer
    wanted = given(input.user_id)
    user_id = (viewer.user_id or "") if wanted is None else wanted
    if not viewer.is_staff and user_id != viewer.user_id:
        raise Forbidden(NOT_YOURS)
    order_id = chosen(input.identity(input.id))
    _check(input.lines)
    email = await _email(context, user_id)
    return PlaceOrder(
        order_id=order_id,
        code=ids.code(order_id),
        user_id=user_id,
        user_email=email,
        lines=_priced(input.lines, await _medicines(context, {line.medicine_id for line in input.lines})),
        pay_within=context.payment_minutes * 60,
    )


def _check(lines: Sequence[OrderLineInput]) -> None:
    """Raise InvalidInput for what can be seen without looking anything up."""
    if not 1 <= len(lines) <= MOST_LINES:
        raise InvalidInput(f"An order has 1 to {MOST_LINES} lines; this has {len(lines)}.", ["lines"])
    check(*(_amiss(place, line.quantity) for place, line in enumerate(lines)))


def _amiss(place: int, quantity: int) -> InvalidInput | None:
    problem = whole("quantity", quantity, 1, MOST_QUANTITY)
    return problem and InvalidInput(problem.message, ["lines", str(place), *problem.path])


async def _email(context: ShopContext, user_id: str) -> str:
    row = await context.newest(USERS, user_id)
    if row is None:
        raise NotFound(f"There is no user {named(user_id)}.", ["user_id"])
    if row.status is not UserStatus.ACTIVE:
        raise NotAllowedNow(f"The user is {row.status.value.lower()}.", row.status.value, ["user_id"])
    return row.email


async def _medicines(context: ShopContext, medicine_ids: Iterable[str]) -> Mapping[str, MedicineRow]:
    """The rows of medicines, by id; those just registered as well."""
    wanted = [each for each in medicine_ids if identifier("medicine_id", each) is None]
    rows = await context.app.rows.load(MEDICINES, wanted)
    if len(rows) < len(wanted):
        await context.fresh(MEDICINES, Position(await context.app.log.head()))
        rows = await context.app.rows.load(MEDICINES, wanted)
    return rows


def _priced(lines: Sequence[OrderLineInput], medicines: Mapping[str, MedicineRow]) -> tuple[OrderLine, ...]:
    return tuple(
        _line(["lines", str(place), "medicine_id"], line, medicines.get(line.medicine_id))
        for place, line in enumerate(lines)
    )


def _line(path: Sequence[str], line: OrderLineInput, medicine: MedicineRow | None) -> OrderLine:
    if medicine is None:
        raise NotFound(f"There is no medicine {named(line.medicine_id)}.", path)
    if medicine.is_discontinued:
        raise NotAllowedNow(f"{medicine.name} is discontinued.", "DISCONTINUED", path)
    return OrderLine(medicine_id=medicine.id, name=medicine.name, quantity=line.quantity, unit_price=medicine.price)
