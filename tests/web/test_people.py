"""The page of the people: live, searched and narrowed, and what an administrator does to an account."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.e2e.test_process import ask, settled
from tests.web import elsewhere
from tests.web.acts import axe, overflow, sign_in
from tests.web.desk import Desk
from tests.web.elsewhere import Made
from tests.web.looks import both_themes

USER = "query ($id: ID!) { user(id: $id) { email role status } }"


@pytest_asyncio.fixture(loop_scope="session")
async def other(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator, elsewhere."""
    async with desk.api("ADMIN") as client:
        yield client


async def opened(page: Page, made: Made, role: str = "ADMIN") -> Locator:
    """The line of somebody on the page of the people, as one of the staff or an administrator sees it, unfolded."""
    await sign_in(page, role)
    await page.goto(f"/people?q={made.name.split()[1]}")
    people = page.get_by_role("table", name="People")
    await people.get_by_role("button", name=made.name).click()
    await expect(page.get_by_role("region", name=f"Orders of {made.name}")).to_be_visible()
    return people.get_by_role("row").nth(1)


async def test_who_registers_is_there_and_is_found_by_name_email_role_and_status(
    page: Page, other: httpx.AsyncClient
) -> None:
    await sign_in(page, "STAFF")
    await page.goto("/people")
    people = page.get_by_role("table", name="People")
    await expect(people).to_contain_text("ada@example.org")
    made = await elsewhere.customer(other)
    last = made.name.split()[1]
    search = page.get_by_role("searchbox", name="Search people")
    for text in (f"{last} vic", f"{last.lower()}@example"):
        await search.fill(text)
        await expect(people.get_by_role("button", name=made.name)).to_be_visible()
        await expect(people).not_to_contain_text("ada@example.org")
    await page.get_by_role("combobox", name="Status").select_option("SUSPENDED")
    await expect(page.get_by_text("Nobody matches")).to_be_visible()
    await elsewhere.command(other, "suspendUser", userId=made.id, reason="a test")
    await expect(people.get_by_role("row", name=made.name)).to_contain_text("suspended")
    await page.get_by_role("combobox", name="Role").select_option("STAFF")
    await expect(page.get_by_text("Nobody matches")).to_be_visible()
    await elsewhere.command(other, "grantRole", userId=made.id, role="STAFF")
    await expect(people.get_by_role("row", name=made.name)).to_contain_text("staff")
    await page.reload()
    await expect(page.get_by_role("status").filter(has_text="1 person")).to_be_visible()


async def test_what_somebody_orders_is_counted_while_one_looks(page: Page, other: httpx.AsyncClient) -> None:
    made, sold = await elsewhere.customer(other), await elsewhere.medicine(other)
    line = await opened(page, made, "STAFF")
    orders = page.get_by_role("region", name=f"Orders of {made.name}")
    await expect(orders).to_contain_text("No orders yet.")
    order = await elsewhere.order(other, made.id, sold.id, quantity=4)
    await expect(orders).to_contain_text("(1 validated)")
    await expect(orders.get_by_role("link", name=order.name)).to_have_attribute("href", f"/orders/{order.id}")
    paid = {"orderId": order.id, "amount": "10.00", "method": "CARD", "commandId": f"pay-{order.id}"}
    await elsewhere.command(other, "processPayment", **paid)
    await expect(orders).to_contain_text("(1 paid)")
    await expect(orders).to_contain_text(f"{sold.name} (4)")
    await expect(line).to_contain_text("10.00")


async def test_the_staff_see_people_and_change_nobody(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.customer(other)
    await opened(page, made, "STAFF")
    await expect(page.get_by_role("region", name=f"About {made.name}")).to_contain_text(made.id)
    await expect(page.get_by_role("region", name=f"Administration of {made.name}")).to_have_count(0)
    await expect(page.get_by_text("are for administrators")).to_be_visible()


async def test_a_role_is_granted(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.customer(other)
    line = await opened(page, made)
    await elsewhere.press(other, "users", "pause")
    try:
        form = page.get_by_role("form", name=f"Role of {made.name}")
        await expect(form.get_by_role("button", name="Grant")).to_be_disabled()
        await form.get_by_role("combobox", name="Role").select_option("STAFF")
        await form.get_by_role("button", name="Grant").click()
        await expect(line).to_contain_text("Stored, not shown yet")
        await expect(line).to_have_css("outline-style", "solid")
        await expect(line.get_by_role("cell").nth(1)).to_have_text("staff")
    finally:
        await elsewhere.press(other, "users", "resume")
    await expect(line).not_to_contain_text("Stored")
    await expect(line.get_by_role("cell").nth(1)).to_have_text("staff")
    await settled(other)
    assert (await ask(other, USER, id=made.id))["role"] == "STAFF"


async def test_somebody_is_suspended_for_a_reason_and_reinstated(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.customer(other)
    line = await opened(page, made)
    await page.get_by_role("button", name="Suspend…").click()
    dialog = page.get_by_role("dialog", name=f"Suspend {made.name}?")
    reason = dialog.get_by_role("textbox", name="Reason")
    await expect(reason).to_be_focused()
    await dialog.get_by_role("button", name="Suspend").click()
    await expect(reason).to_have_accessible_description("Must not be blank.")
    await expect(line.get_by_role("cell").nth(2)).to_have_text("active")
    await reason.fill("a test")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(line.get_by_role("cell").nth(2)).to_have_text("suspended")
    await settled(other)
    assert (await ask(other, USER, id=made.id))["status"] == "SUSPENDED"
    await page.get_by_role("button", name="Reinstate").click()
    await expect(line.get_by_role("cell").nth(2)).to_have_text("active")
    await expect(page.get_by_role("button", name="Suspend…")).to_be_visible()


async def test_somebody_is_deleted_only_by_name(page: Page, other: httpx.AsyncClient) -> None:
    made = await elsewhere.customer(other)
    line = await opened(page, made)
    await page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name=f"Delete {made.name}?")
    confirm = dialog.get_by_role("button", name="Delete for good")
    await dialog.get_by_role("textbox").fill("Vic")
    await expect(confirm).to_be_disabled()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Delete…")).to_be_focused()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("textbox").fill(made.name)
    await confirm.click()
    await expect(dialog).to_be_hidden()
    await expect(line).to_contain_text("Deleted user")
    await expect(page.get_by_role("table", name="People")).not_to_contain_text(made.name)
    await expect(page.get_by_role("button", name="Suspend…")).to_have_count(0)
    await settled(other)
    assert await ask(other, USER, id=made.id) == {"email": "", "role": "CUSTOMER", "status": "DELETED"}


async def test_an_administrator_does_not_administer_themselves(page: Page) -> None:
    await opened(page, Made("", "Ada Quill"))
    region = page.get_by_role("region", name="Administration of Ada Quill")
    await expect(region.get_by_role("link", name="your account")).to_have_attribute("href", "/account")
    await expect(region.get_by_role("button")).to_have_count(0)


@both_themes
async def test_the_page_of_the_people_shuts_nobody_out(page: Page, other: httpx.AsyncClient, theme: str) -> None:
    made, sold = await elsewhere.customer(other), await elsewhere.medicine(other)
    await elsewhere.order(other, made.id, sold.id)
    await opened(page, made)
    await expect(page.get_by_role("list", name="Last orders").get_by_role("link")).to_have_count(1)
    assert await axe(page) == []


@pytest.mark.parametrize("width", [360])
async def test_the_people_need_no_more_room_than_a_telephone_has(
    page: Page, other: httpx.AsyncClient, width: int
) -> None:
    await opened(page, await elsewhere.customer(other))
    await page.get_by_role("searchbox", name="Search people").fill("")
    await expect(page.get_by_role("table", name="People")).to_contain_text("ada@example.org")
    assert await overflow(page) == 0
    assert await axe(page) == []
