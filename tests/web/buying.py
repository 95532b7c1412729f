"""Medicines to buy, baskets and orders, on the desk and behind its back."""

from itertools import count

from playwright.async_api import Locator, Page, expect

from tests.e2e.test_process import ask
from tests.web.desk import Desk

REGISTER = """mutation ($name: String!, $price: Decimal!, $stock: Int!) {
  registerMedicine(input: { name: $name, genericName: "testine", manufacturer: "Proof", strength: "1 mg",
                            price: $price, stockQuantity: $stock }) { medicine { id } errors { message } }
}"""
PLACE = """mutation ($id: ID!) {
  placeOrder(input: { lines: [{ medicineId: $id, quantity: 1 }] }) { order { id number } }
}"""

names = count(1)


async def medicine(desk: Desk, price: str = "4.50", stock: int = 50) -> tuple[str, str]:
    """A new one that the catalogue shows: its name and its id."""
    name = f"Proofol{next(names)}x"
    async with desk.api() as client:
        made = await ask(client, REGISTER, name=name, price=price, stock=stock)
    return name, made["medicine"]["id"]


async def ordered(desk: Desk, role: str = "CUSTOMER") -> str:
    """The id of an order that somebody of a role has placed."""
    _, id = await medicine(desk)
    async with desk.api(role) as client:
        placed = await ask(client, PLACE, id=id)
    return str(placed["order"]["id"])


async def fill_basket(page: Page, name: str) -> Locator:
    """Put one of a medicine into the basket; gives the field with its quantity."""
    await page.goto(f"/?q={name}")
    await page.get_by_role("button", name=f"Add {name}").click()
    quantity = page.get_by_role("textbox", name=f"Quantity of {name}")
    await expect(quantity).to_have_value("1")
    return quantity


def newest(page: Page) -> Locator:
    """The order in the panel beside the catalogue that was placed last."""
    return page.get_by_role("list", name="Orders just placed or to be paid").locator(":scope > li").first


async def place(page: Page, name: str) -> Locator:
    await fill_basket(page, name)
    await page.get_by_role("button", name="Place order").click()
    card = newest(page)
    await expect(card.get_by_role("status")).to_have_text("To be paid")
    return card
