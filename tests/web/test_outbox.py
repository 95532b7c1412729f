"""What was sent from a page that is left before the end is known: it is neither lost nor done twice."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.test_process import ask
from tests.web.acts import sign_in
from tests.web.desk import Desk
from tests.web.medicines import Medicine, change_price, show
from tests.web.test_learning import press
from tests.web.watch import Watch

ORDERS = "query { orders(first: 10) { nodes { lines { name } } } }"
KEPT = "Object.entries(sessionStorage).filter(([key]) => key.startsWith('dispensary.outbox')).map(([, text]) => text)"
DISCONTINUE = """mutation ($id: ID!) {
  discontinueMedicine(input: { medicineId: $id, reason: "No longer made." }) { medicine { id } }
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def api(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with desk.api("CUSTOMER") as client:
        yield client
        await press(client, "orders", action="resume")


def newest(page: Page) -> Locator:
    return page.get_by_role("list", name="Orders just placed or to be paid").locator(":scope > li").first


async def times_placed(client: httpx.AsyncClient, medicine: Medicine) -> int:
    orders = (await ask(client, ORDERS))["nodes"]
    return [line["name"] for order in orders for line in order["lines"]].count(medicine["name"])


async def fill_basket(page: Page, medicine: Medicine) -> Locator:
    await page.goto(f"/?q={medicine['name']}")
    await page.get_by_role("button", name=f"Add {medicine['name']}").click()
    quantity = page.get_by_role("textbox", name=f"Quantity of {medicine['name']}")
    await expect(quantity).to_have_value("1")
    return quantity


async def place_unplugged(page: Page, medicine: Medicine) -> Locator:
    """An order that has not left the page; gives its field in the basket, which is empty."""
    quantity = await fill_basket(page, medicine)
    await page.get_by_role("button", name="Pull the plug for 10 s").click()
    await page.get_by_role("button", name="Place order").click()
    await expect(newest(page)).to_contain_text("Not sent")
    await expect(newest(page).get_by_role("status")).to_have_text("New")
    return quantity


async def test_an_order_that_is_not_sent_yet_outlives_a_reload_and_is_placed_once(
    page: Page, api: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "CUSTOMER")
    quantity = await place_unplugged(page, medicine)
    assert await times_placed(api, medicine) == 0
    await page.reload()
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")
    await expect(quantity).to_have_count(0)
    # What has ended is not kept: the next reload sends nothing.
    await page.wait_for_function(f"{KEPT}.length === 0")
    await page.reload()
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")
    await expect(quantity).to_have_count(0)
    assert await times_placed(api, medicine) == 1


async def test_an_order_that_is_refused_after_a_reload_is_in_the_basket_again(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "CUSTOMER")
    quantity = await place_unplugged(page, medicine)
    await ask(staff, DISCONTINUE, id=medicine["id"])
    await page.reload()
    await expect(quantity).to_have_value("1")
    await expect(page.get_by_role("form", name="Basket").get_by_role("alert")).to_contain_text("discontinued")


async def test_a_stored_order_that_no_projection_has_is_there_after_a_reload(
    page: Page, api: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "CUSTOMER")
    await press(api, "orders", action="pause")
    await fill_basket(page, medicine)
    await page.get_by_role("button", name="Place order").click()
    await expect(newest(page)).to_contain_text("Stored, not shown yet")
    await page.reload()
    await expect(newest(page)).to_contain_text("Stored, not shown yet")
    await press(api, "orders", action="resume")
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")
    assert await times_placed(api, medicine) == 1


async def test_a_stored_price_that_no_projection_has_is_still_shown_after_a_reload(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    await press(staff, "medicines", action="pause")
    try:
        await change_price(line, "6.66")
        await expect(line).to_contain_text("Stored, not shown yet")
        await page.reload()
        await expect(line).to_contain_text("Stored, not shown yet")
        await expect(line).to_contain_text("$6.66")
    finally:
        await press(staff, "medicines", action="resume")
    await expect(line).not_to_contain_text("Stored")
    await expect(line).to_contain_text("$6.66")


@pytest.mark.parametrize("reloads", [False, True], ids=["at once", "after a reload"])
async def test_what_was_not_sent_when_one_signed_out_is_in_the_basket_again(
    page: Page, api: httpx.AsyncClient, medicine: Medicine, desk: Desk, reloads: bool
) -> None:
    await sign_in(page, "CUSTOMER")
    quantity = await place_unplugged(page, medicine)
    await page.get_by_role("button", name="Menu of").click()
    await page.get_by_role("button", name="Sign out").click()
    assert await page.evaluate(KEPT) == []
    if reloads:
        await page.reload()
    await page.get_by_role("link", name="Sign in", exact=True).first.click()
    # The plug is still out for some seconds.
    await expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    await page.get_by_role("button", name=desk.account("CUSTOMER").email).click()
    await expect(quantity).to_have_value("1")
    assert await times_placed(api, medicine) == 0


async def test_a_password_is_never_written_down(page: Page, watch: Watch) -> None:
    watch.expect("ERR_FAILED")
    await page.goto("/register")

    async def cut(route: Route) -> None:
        await (route.abort() if "registerUser" in (route.request.post_data or "") else route.continue_())

    await page.route("**/graphql", cut)
    for label, value in {"First name": "Zoe", "Last name": "Q", "Email": "zoe@example.org"}.items():
        await page.get_by_label(label).fill(value)
    await page.get_by_label("Password").first.fill("correct-horse-battery")
    await page.get_by_role("main").get_by_role("button", name=re.compile("account", re.I)).click()
    await expect(page.get_by_text("Not sent").first).to_be_attached()
    assert "correct-horse-battery" not in await page.evaluate(
        "JSON.stringify([{...sessionStorage}, {...localStorage}])"
    )
