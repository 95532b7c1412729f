"""The day of orders that `serve --demo` makes up: the same for the same catalogue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cli import accounts
from domain.medicine import RegisterMedicine
from domain.payment_method import PaymentMethod
from engine import ids
from engine.faults import Unavailable

SEED = 1
DECLINED = Decimal("13.13")
"What the built-in gateway declines."
PLENTY = 200
"In stock, of what ordinary orders hold."
TOO_MANY = 10_000

FATES = {
    "completed": 36,
    "shipped": 6,
    "paid": 5,
    "awaiting payment": 4,
    "rejected": 1,
    "given up": 2,
    "cancelled when paid": 1,
    "refunded": 2,
    "refunded on arrival": 2,
    "declined": 1,
}
"How many orders of the day come to what."


@dataclass(frozen=True)
class Planned:
    """One order of the day, as it is known before anything is looked up."""

    number: int
    fate: str
    customer: accounts.Account
    wants: Sequence[tuple[str, int]]
    "Medicine and quantity."
    method: PaymentMethod

    @property
    def order_id(self) -> str:
        return ids.derived("demo order", str(self.number))

    @property
    def payment_id(self) -> str:
        return ids.derived("demo payment", str(self.number))


def planned(catalogue: Iterable[RegisterMedicine]) -> tuple[str, Sequence[Planned]]:
    """The medicine whose price is to be the one that is declined, and the orders: the same for the same catalogue."""
    random, known = ids.seeded(SEED), sorted(catalogue, key=lambda each: each.medicine_id)
    plenty = [each for each in known if each.stock_quantity >= PLENTY]
    if len(plenty) < 10:
        raise Unavailable(f"The demo needs 10 medicines of which {PLENTY} are there.")
    dear = min(plenty, key=lambda each: abs(each.price.amount - DECLINED)).medicine_id
    usual = [each.medicine_id for each in plenty if each.medicine_id != dear]
    fates = [fate for fate, count in FATES.items() for _ in range(count)]
    random.shuffle(fates)
    orders = []
    for number, fate in enumerate(fates):
        customer, method = random.choice(accounts.CUSTOMERS), random.choice(list(PaymentMethod))
        wants = [(each, random.randint(1, 4)) for each in random.sample(usual, random.randint(1, 4))]
        if fate == "declined":
            wants = [(dear, 1)]
        elif fate == "rejected":
            wants = [(wants[0][0], TOO_MANY)]
        orders.append(Planned(number, fate, customer, wants, method))
    return dear, orders
