"""Prices of the catalogue, changed on the page and behind its back: what the tests of freshness look at."""

import re
from decimal import Decimal
from typing import Any

import httpx
from playwright.async_api import Locator, Page, expect

from tests.e2e.test_process import ask

CHANGE = """mutation ($id: ID!, $price: Decimal!, $commandId: ID) {
  changeMedicinePrice(input: { medicineId: $id, price: $price, commandId: $commandId }) {
    receipt { position } errors { message }
  }
}"""
CATALOGUE = """query ($after: String) { medicines(first: 100, after: $after) {
  nodes { id version name strength price { amount } } pageInfo { hasNextPage endCursor }
} }"""


async def catalogue(api: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """Every medicine by its id, as a query finds it now."""
    found: dict[str, dict[str, Any]] = {}
    info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while info["hasNextPage"]:
        page = await ask(api, CATALOGUE, after=info["endCursor"])
        found |= {node["id"]: node for node in page["nodes"]}
        info = page["pageInfo"]
    return found


async def change(api: httpx.AsyncClient, medicine_id: str, price: str, command_id: str | None = None) -> int:
    """Change a price as somebody else does, and say at which position."""
    payload = await ask(api, CHANGE, id=medicine_id, price=price, commandId=command_id)
    assert payload["errors"] == []
    return int(payload["receipt"]["position"])


def row(page: Page, medicine: dict[str, Any]) -> Locator:
    text = re.compile(rf"^{re.escape(medicine['name'])} {re.escape(medicine['strength'])}")
    return page.get_by_role("list", name="Medicines").get_by_role("listitem").filter(has_text=text)


async def open_price(page: Page, medicine: dict[str, Any]) -> None:
    await row(page, medicine).get_by_role("button", name="Change the price").click()
    await expect(row(page, medicine).get_by_role("spinbutton")).to_be_focused()


async def set_price(page: Page, medicine: dict[str, Any], price: str) -> None:
    """Change a price as staff do on the page."""
    await open_price(page, medicine)
    await row(page, medicine).get_by_role("spinbutton").fill(price)
    await page.keyboard.press("Enter")


def another(medicine: dict[str, Any], by: str = "1.11") -> str:
    """A price that the medicine does not have."""
    return str(Decimal(medicine["price"]["amount"]) + Decimal(by))
