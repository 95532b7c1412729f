"""The page of the stock: live, and what the staff do to it, from the first press to what everybody sees."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.test_process import ask, settled
from tests.web import elsewhere
from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.elsewhere import Made
from tests.web.looks import both_themes

PRICE, AVAILABLE, RESERVED, TOTAL, PENDING = range(1, 6)
"The columns of the table; before them stands the name."
STOCK = "query ($id: ID!) { medicine(id: $id) { stockQuantity isDiscontinued price { amount } } }"


@pytest_asyncio.fixture(loop_scope="session")
async def other(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """One of the staff, elsewhere."""
    async with desk.api("STAFF") as client:
        yield client


async def opened(page: Page, made: Made) -> Locator:
    """The line of one medicine on the page of the stock, for one of the staff."""
    await sign_in(page, "STAFF")
    await page.goto(f"/stock?q={made.name}")
    # Not the row below it, in which a form may be.
    line = page.get_by_role("row", name=re.compile(f"^{made.name} "))
    await expect(line).to_be_visible()
    return line


async def expect_figures(line: Locator, available: int, reserved: int, total: int) -> None:
    for column, number in (AVAILABLE, available), (RESERVED, reserved), (TOTAL, total):
        await expect(line.get_by_role("cell").nth(column)).to_have_text(str(number))


async def test_the_stock_follows_what_others_do(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line = await opened(page, made)
    await expect_figures(line, 40, 0, 40)
    await elsewhere.command(other, "receiveStock", medicineId=made.id, quantity=5)
    await expect_figures(line, 45, 0, 45)
    await elsewhere.command(other, "changeMedicinePrice", medicineId=made.id, price="3.75")
    await expect(line.get_by_role("cell").nth(PRICE)).to_contain_text("3.75")
    added = await elsewhere.medicine(other)
    await page.get_by_role("searchbox", name="Search the stock").fill(added.name)
    await expect(page.get_by_role("row", name=added.name)).to_be_visible()
    await expect(line).to_be_hidden()


async def test_low_stock_is_said_in_words_and_found_by_a_filter(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other, stockQuantity=11, lowStockThreshold=10)
    line = await opened(page, made)
    available = line.get_by_role("cell").nth(AVAILABLE)
    await expect(available).to_have_text("11")
    await page.get_by_role("checkbox", name="Low stock").check()
    await expect(page.get_by_text("No medicine matches")).to_be_visible()
    await elsewhere.command(other, "adjustStock", medicineId=made.id, quantity=10, reason="counted")
    await expect(available).to_contain_text("Low, ≤ 10")
    await elsewhere.command(other, "adjustStock", medicineId=made.id, quantity=0, reason="broken")
    await expect(available).to_contain_text("None left")
    await elsewhere.command(other, "receiveStock", medicineId=made.id, quantity=50)
    await expect(line).to_be_hidden()


async def test_the_orders_that_wait_for_a_medicine_lead_to_their_pages(page: Page, other: httpx.AsyncClient) -> None:
    made, buyer = await elsewhere.medicine(other), await elsewhere.customer(other)
    line = await opened(page, made)
    await expect(line.get_by_role("cell").nth(PENDING)).to_have_text("none")
    order = await elsewhere.order(other, buyer.id, made.id, quantity=3)
    await expect_figures(line, 37, 3, 40)
    await line.get_by_role("button", name=f"1 order pending for {made.name}").click()
    link = page.get_by_role("list", name="Pending orders").get_by_role("link", name=order.name)
    await expect(link).to_have_attribute("href", f"/orders/{order.id}")
    await elsewhere.command(other, "cancelOrder", orderId=order.id, reason="a mistake")
    await expect(page.get_by_text("Nobody waits for it any more.")).to_be_visible()
    await expect_figures(line, 40, 0, 40)


async def test_a_receipt_goes_from_sent_to_stored_to_shown(page: Page, visit: Visit, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line, watching = await opened(page, made), await opened(await visit(), made)
    await elsewhere.press(other, "inventory", "pause")
    try:
        let_go = asyncio.Event()

        async def held(route: Route) -> None:
            if "mutation ReceiveStock" in (route.request.post_data or ""):
                await let_go.wait()
            await route.continue_()

        await page.route("**/graphql", held)
        await line.get_by_role("button", name=f"Receive {made.name}").click()
        await page.get_by_role("textbox", name="How many arrived").fill("12")
        await page.keyboard.press("Enter")
        await expect(line).to_contain_text("Sending")
        await expect(line).to_have_css("outline-style", "dashed")
        await expect_figures(line, 52, 0, 52)
        let_go.set()
        await expect(line).to_contain_text("Stored, not shown yet")
        await expect(line).to_have_css("outline-style", "solid")
        await expect_figures(line, 52, 0, 52)
        await expect_figures(watching, 40, 0, 40)
        await expect(page.get_by_text("The stock is 1 event behind")).to_be_visible()
    finally:
        await elsewhere.press(other, "inventory", "resume")
    await expect(line).not_to_contain_text("Stored")
    await expect_figures(line, 52, 0, 52)
    await expect_figures(watching, 52, 0, 52)


async def test_what_is_refused_is_said_at_its_field_and_taken_back(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line = await opened(page, made)
    await line.get_by_role("button", name=f"Adjust {made.name}").click()
    form = page.get_by_role("form", name=f"Adjust {made.name}")
    many, reason = form.get_by_role("textbox", name="How many"), form.get_by_role("textbox", name="Why it differs")
    await many.fill("some")
    await form.get_by_role("button", name="Adjust").click()
    await expect(many).to_have_accessible_description("A whole number, for example 12.")
    await many.fill("-3")
    await form.get_by_role("button", name="Adjust").click()
    await expect(many).to_have_accessible_description("Must lie between 0 and 1000000000; this is -3.")
    await expect(reason).to_have_accessible_description("Must not be blank.")
    await expect(many).to_be_focused()
    await expect_figures(line, 40, 0, 40)
    await expect(line).to_contain_text("Must lie between")
    await many.fill("38")
    await reason.fill("two were broken")
    await page.keyboard.press("Enter")
    await expect(form).to_be_hidden()
    await expect_figures(line, 38, 0, 38)
    await settled(other)
    assert (await ask(other, STOCK, id=made.id))["stockQuantity"] == 38


async def test_a_count_does_not_count_away_what_arrived_meanwhile(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line = await opened(page, made)
    await line.get_by_role("button", name=f"Adjust {made.name}").click()
    form = page.get_by_role("form", name=f"Adjust {made.name}")
    await form.get_by_role("textbox", name="How many").fill("39")
    await form.get_by_role("textbox", name="Why it differs").fill("counted")
    await elsewhere.command(other, "receiveStock", medicineId=made.id, quantity=10)
    await expect(form).to_contain_text("Changed meanwhile to 50.")
    await form.get_by_role("button", name="Adjust").click()
    await expect(line).to_contain_text("Changed meanwhile")
    await expect_figures(line, 50, 0, 50)
    await line.get_by_role("button", name="Reload and retry").click()
    await expect_figures(line, 39, 0, 39)


async def test_a_price_is_changed(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line = await opened(page, made)
    await line.get_by_role("button", name=f"Change the price of {made.name}").click()
    await page.get_by_role("spinbutton", name="New price").fill("4.05")
    await page.keyboard.press("Enter")
    await expect(line.get_by_role("cell").nth(PRICE)).to_contain_text("4.05")
    await expect(page.get_by_role("region", name="Messages")).to_contain_text(f"Price of {made.name}")
    await settled(other)
    assert (await ask(other, STOCK, id=made.id))["price"] == {"amount": "4.05"}


async def test_a_medicine_is_registered_once_every_field_is_right(page: Page, visit: Visit) -> None:
    name = f"Novelol{next(elsewhere.NUMBERS)}"
    await sign_in(page, "STAFF")
    await page.goto("/stock")
    await page.get_by_role("button", name="Register a medicine").click()
    dialog = page.get_by_role("dialog", name="Register a medicine")
    field = {
        each: dialog.get_by_role("textbox", name=each, exact=True) for each in ("Name", "Price", "Strength and form")
    }
    await expect(field["Name"]).to_be_focused()
    await field["Price"].fill("1.234")
    await dialog.get_by_role("button", name="Register").click()
    await expect(field["Price"]).to_have_accessible_description("An amount has at most two digits after the point.")
    await field["Price"].fill("1.23")
    await dialog.get_by_role("button", name="Register").click()
    await expect(field["Name"]).to_have_accessible_description("As on the box. Must not be blank.")
    await expect(field["Strength and form"]).to_have_accessible_description("Must not be blank.")
    for label, text in ("Name", name), ("Generic name", "novelamine"), ("Manufacturer", "Tests"):
        await dialog.get_by_role("textbox", name=label, exact=True).fill(text)
    await field["Strength and form"].fill("1 g powder")
    await dialog.get_by_role("textbox", name="In stock").fill("7")
    await dialog.get_by_role("button", name="Register").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("searchbox", name="Search the stock").fill(name)
    line = page.get_by_role("row", name=name)
    await expect(line.get_by_role("cell").nth(AVAILABLE)).to_contain_text("Low, ≤ 10")
    visitor = await visit()
    await visitor.goto(f"/?q={name}")
    await expect(visitor.get_by_role("list", name="Medicines")).to_contain_text("1 g powder")


async def test_a_medicine_is_given_up_for_a_reason(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.medicine(other)
    line = await opened(page, made)
    await line.get_by_role("button", name=f"Discontinue {made.name}").click()
    dialog = page.get_by_role("dialog", name=f"Discontinue {made.name}")
    await dialog.get_by_role("button", name="Discontinue").click()
    reason = dialog.get_by_role("textbox", name="Reason")
    await expect(reason).to_have_accessible_description("Must not be blank.")
    await reason.fill("no longer made")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(line.get_by_text("Discontinued", exact=True)).to_be_visible()
    await expect(line.get_by_role("button", name=f"Receive {made.name}")).to_be_disabled()
    await settled(other)
    assert (await ask(other, STOCK, id=made.id))["isDiscontinued"] is True


@pytest.mark.parametrize("path", ["/stock", "/people", "/console/statistics"])
async def test_a_page_of_the_staff_says_so_to_others(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.get_by_text("This page is for those who are signed in")).to_be_visible()
    await sign_in(page, "CUSTOMER")
    await page.goto(path)
    await expect(page.get_by_text("This page is for the staff")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Stock")).to_have_count(0)


@both_themes
async def test_the_page_of_the_stock_shuts_nobody_out(page: Page, other: httpx.AsyncClient, theme: str) -> None:
    low = await elsewhere.medicine(other, stockQuantity=3)
    line = await opened(page, low)
    await line.get_by_role("button", name=f"Adjust {low.name}").click()
    await page.get_by_role("form", name=f"Adjust {low.name}").get_by_role("button", name="Adjust").click()
    await expect(page.get_by_role("textbox", name="Why it differs")).to_have_accessible_description(
        "Must not be blank."
    )
    assert await axe(page) == []


@pytest.mark.parametrize("width", [360])
async def test_the_stock_needs_no_more_room_than_a_telephone_has(
    page: Page, other: httpx.AsyncClient, width: int
) -> None:
    made = await elsewhere.medicine(other, stockQuantity=3)
    line = await opened(page, made)
    await expect(line.get_by_role("cell").nth(AVAILABLE)).to_contain_text("Low")
    await page.goto("/stock")
    await expect(page.get_by_role("table", name="Stock").get_by_role("row").nth(50)).to_be_attached()
    assert await overflow(page) == 0
    assert await axe(page) == []
