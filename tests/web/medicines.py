"""Medicines of a test's own, on the page of the catalogue and behind its back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from playwright.async_api import Locator, Page, Route, expect

from engine import ids
from tests.e2e.test_process import ask

REGISTER = """mutation ($input: RegisterMedicineInput!) {
  registerMedicine(input: $input) { medicine { id name version } errors { message } }
}"""
CHANGE_PRICE = """mutation ($id: ID!, $price: Decimal!) {
  changeMedicinePrice(input: { medicineId: $id, price: $price }) { receipt { position } errors { message } }
}"""
DISCONTINUE = """mutation ($id: ID!) {
  discontinueMedicine(input: { medicineId: $id, reason: "No longer made" }) { receipt { position } }
}"""
COUNT = """mutation ($id: ID!, $quantity: Int!) {
  adjustStock(input: { medicineId: $id, quantity: $quantity, reason: "Counted" }) { receipt { position } }
}"""
VERSION = "query ($id: ID!) { medicine(id: $id) { version } }"
CHANGES_PRICE = "changeMedicinePrice"

Medicine = dict[str, Any]


async def registered(staff: httpx.AsyncClient, **values: Any) -> Medicine:
    mark = ids.new()[-12:]
    own = {"name": f"Testol {mark}", "genericName": f"testolum{mark}", "manufacturer": f"Works{mark}"}
    rest = {"strength": "5 mg tablet", "price": "5.00", "stockQuantity": 40}
    payload = await ask(staff, REGISTER, input={**own, **rest, **values})
    assert payload["errors"] == []
    return {**own, **payload["medicine"]}


def row(page: Page, medicine: Medicine) -> Locator:
    medicines = page.get_by_role("list", name="Medicines").get_by_role("listitem")
    return medicines.filter(has_text=medicine["name"])


def search_box(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search medicines")


async def show(page: Page, medicine: Medicine) -> Locator:
    await page.goto(f"/?q={medicine['name'].replace(' ', '+')}")
    line = row(page, medicine)
    await expect(line).to_be_visible()
    return line


async def open_price(line: Locator) -> Locator:
    await line.get_by_role("button", name="Change the price").click()
    field = line.get_by_role("spinbutton", name="New price")
    await expect(field).to_be_focused()
    return field


async def change_price(line: Locator, price: str) -> None:
    await (await open_price(line)).fill(price)
    await line.get_by_role("button", name="Save").click()


async def press(client: httpx.AsyncClient, action: str) -> None:
    """A button of the demo, for the projection of the catalogue."""
    (await client.post("/demo/projections/medicines", json={"action": action})).raise_for_status()


@asynccontextmanager
async def held(page: Page, field: str) -> AsyncIterator[asyncio.Event]:
    """What asks for a field reaches the server, and the answer reaches the page once the event is set."""
    released = asyncio.Event()

    async def handle(route: Route) -> None:
        if field not in (route.request.post_data or ""):
            await route.fallback()
            return
        answer = await route.fetch()
        await released.wait()
        await route.fulfill(response=answer)

    await page.route("**/graphql", handle)
    yield released
    released.set()
