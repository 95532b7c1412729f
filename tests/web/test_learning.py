"""The learning buttons: a projection that is late shows it, and never loses what somebody did themselves."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from pytest_playwright_asyncio import CreateContextCallback

from tests.e2e.process import serving
from tests.e2e.test_process import ask
from tests.web import prices
from tests.web.acts import axe, overflow, sign_in
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths

SOMEBODY = {"First name": "Eve", "Last name": "New", "Email": "eve@example.org", "Password": "long enough"}
NARROW = 1000
LONG = 15_000
"Milliseconds that a slowed projection may take to be there."
ORDER = "query ($id: ID!) { order(id: $id) { id } }"
AT = "query ($id: ID!) { medicine(id: $id) { version price { amount } } }"


@pytest_asyncio.fixture(loop_scope="session")
async def api(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else of the staff, who leaves every projection as fast as it can be."""
    async with desk.api() as client:
        yield client
        for control in (await client.get("/demo/projections")).json():
            await press(client, control["name"], action="slow", delayMs=0)
            await press(client, control["name"], action="resume")


@pytest_asyncio.fixture(loop_scope="session")
async def medicine(api: httpx.AsyncClient) -> dict[str, Any]:
    return next(iter((await prices.catalogue(api)).values()))


async def press(client: httpx.AsyncClient, name: str, **what: Any) -> None:
    (await client.post(f"/demo/projections/{name}", json=what)).raise_for_status()


def delay(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Delay of Catalogue")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Try it out")


async def test_under_a_slowed_projection_ones_own_price_is_kept_and_marked(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any]
) -> None:
    await sign_in(page, "STAFF")
    await delay(page).select_option("5 s")
    await expect(panel(page).get_by_role("status")).to_contain_text("Catalogue is late by 5 s now")
    wanted = prices.another(medicine)
    await prices.set_price(page, medicine, wanted)
    row = prices.row(page, medicine)
    await expect(row).to_contain_text("Stored, not shown yet")
    await expect(row).to_contain_text(wanted)
    await expect(page.get_by_text("The catalogue is 1 event behind")).to_be_visible()
    # All this while the server itself shows the old price.
    assert (await ask(api, AT, id=medicine["id"]))["price"] == medicine["price"]
    await expect(row).to_contain_text(wanted)
    await expect(row).to_contain_text("Up to date", timeout=LONG)
    await expect(row).to_contain_text(wanted)
    assert (await ask(api, AT, id=medicine["id"]))["price"]["amount"] == wanted


async def test_under_a_paused_projection_ones_own_prices_are_kept_until_it_goes_on(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any]
) -> None:
    await sign_in(page, "STAFF")
    await page.get_by_role("button", name="Pause Catalogue").click()
    first, second = prices.another(medicine), prices.another(medicine, "2.22")
    row = prices.row(page, medicine)
    await prices.set_price(page, medicine, first)
    await expect(row).to_contain_text("Stored, not shown yet")
    await prices.set_price(page, medicine, second)
    await expect(page.get_by_text("The catalogue is 2 events behind")).to_be_visible()
    await expect(row).to_contain_text(second)
    other = await page.context.new_page()
    await other.goto("/")
    await expect(prices.row(other, medicine)).to_contain_text(medicine["price"]["amount"])
    await expect(other.get_by_text("The catalogue is 2 events behind")).to_be_visible()
    assert (await ask(api, AT, id=medicine["id"]))["price"] == medicine["price"]
    await other.get_by_role("button", name="Resume Catalogue").click()
    for tab in (page, other):
        await tab.bring_to_front()
        await expect(prices.row(tab, medicine)).to_contain_text(second)
        await expect(tab.get_by_text("behind")).to_have_count(0)
    assert (await ask(api, AT, id=medicine["id"]))["price"]["amount"] == second


async def test_the_picture_waits_for_a_paused_projection(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any]
) -> None:
    await sign_in(page, "STAFF")
    await press(api, "medicines", action="pause")
    await prices.set_price(page, medicine, prices.another(medicine))
    last = page.get_by_role("region", name="Last command")
    await expect(last.get_by_text("Stored, not in every projection yet")).to_be_visible()
    await expect(last.get_by_role("row", name="Projections: medicines")).to_contain_text("to come")
    await press(api, "medicines", action="resume")
    await expect(last.get_by_text("Stored and shown")).to_be_visible()
    await expect(last.get_by_role("row", name="Projections: medicines").locator("data")).to_be_attached()


async def test_the_controls_show_what_the_server_does_also_when_others_press(
    page: Page, api: httpx.AsyncClient
) -> None:
    await sign_in(page, "CUSTOMER")
    await expect(delay(page)).to_have_value("0")
    await press(api, "medicines", action="slow", delayMs=2000)
    await press(api, "orders", action="pause")
    await expect(delay(page)).to_have_value("2000")
    await expect(page.get_by_role("button", name="Resume Orders", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Rebuild Orders", exact=True)).to_be_disabled()
    await press(api, "medicines", action="slow", delayMs=700)
    await expect(delay(page)).to_have_value("700")


async def test_a_demo_left_slow_says_so_on_each_page_and_is_put_back(page: Page, api: httpx.AsyncClient) -> None:
    await press(api, "medicines", action="slow", delayMs=2000)
    await press(api, "orders", action="pause")
    await sign_in(page, "CUSTOMER")
    await page.goto("/account")
    banner = page.get_by_role("status", name="Demo")
    await expect(banner).to_contain_text("Catalogue: 2 s · Orders: paused")
    await banner.get_by_role("button", name="Put everything back").click()
    await expect(banner).to_be_hidden()
    for control in (await api.get("/demo/projections")).json():
        assert (control["isPaused"], control["delayMs"]) == (False, 0)


async def test_a_projection_is_built_anew_and_the_page_stays_as_it_is(page: Page, medicine: dict[str, Any]) -> None:
    await sign_in(page, "STAFF")
    await expect(prices.row(page, medicine)).to_be_visible()
    async with page.expect_response("**/demo/projections/medicines") as pressed:
        await page.get_by_role("button", name="Rebuild Catalogue").click()
    assert (await pressed.value).status == 200
    await expect(panel(page).get_by_role("status")).to_contain_text("Catalogue is folded anew from the first event")
    await expect(prices.row(page, medicine)).to_contain_text(medicine["price"]["amount"])


async def test_a_command_sent_while_the_plug_is_out_is_kept_and_goes_out_once(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any]
) -> None:
    await sign_in(page, "STAFF")
    await expect(prices.row(page, medicine)).to_be_visible()
    await page.get_by_role("button", name="Pull the plug for 10 s").click()
    await expect(page.get_by_role("status", name="Connection")).to_contain_text("Next try in")
    wanted = prices.another(medicine)
    await prices.set_price(page, medicine, wanted)
    await expect(prices.row(page, medicine)).to_contain_text("Not sent")
    await expect(prices.row(page, medicine)).to_contain_text(wanted)
    last = page.get_by_role("region", name="Last command")
    await expect(last.get_by_text("It ended on the way to the server")).to_contain_text(
        "under the same id, so it counts once"
    )
    assert await ask(api, AT, id=medicine["id"]) == {key: medicine[key] for key in ("version", "price")}
    await page.get_by_role("button", name="Plug in again").click()
    await expect(last.get_by_text("Stored and shown")).to_be_visible()
    await expect(prices.row(page, medicine)).to_contain_text(wanted)
    now = await ask(api, AT, id=medicine["id"])
    assert now == {"version": medicine["version"] + 1, "price": {"amount": wanted}}


async def test_a_dropped_socket_comes_back_by_itself(page: Page, medicine: dict[str, Any]) -> None:
    await sign_in(page, "STAFF")
    await expect(prices.row(page, medicine)).to_be_visible()
    await page.get_by_role("button", name="Drop the socket").click()
    await expect(page.get_by_text("Connected again. Nothing had changed.").last).to_be_visible()
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()


@both_themes
@both_widths
async def test_the_buttons_and_the_banners_shut_nobody_out(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any], width: int
) -> None:
    await sign_in(page, "STAFF")
    await press(api, "medicines", action="pause")
    await prices.set_price(page, medicine, prices.another(medicine))
    await expect(prices.row(page, medicine)).to_contain_text("Stored, not shown yet")
    if width < NARROW:
        await page.get_by_role("button", name="Under the hood").click()
    await expect(page.get_by_role("status", name="Demo")).to_contain_text("Catalogue: paused")
    await page.get_by_role("button", name="Pull the plug for 10 s").click()
    await expect(page.get_by_role("status", name="Connection")).to_contain_text("No live connection.")
    assert await axe(page) == []
    assert await overflow(page) == 0


async def test_who_is_not_signed_in_is_told_and_cannot_press(page: Page, api: httpx.AsyncClient) -> None:
    await press(api, "medicines", action="slow", delayMs=500)
    await page.goto("/")
    await expect(page.get_by_role("status", name="Demo")).to_contain_text("Catalogue: 0.5 s")
    await expect(page.get_by_role("button", name="Put everything back")).to_have_count(0)
    await expect(panel(page)).to_have_count(0)


async def test_under_a_paused_projection_ones_own_order_is_there_at_once_and_stays(
    page: Page, api: httpx.AsyncClient, medicine: dict[str, Any]
) -> None:
    await sign_in(page, "CUSTOMER")
    await press(api, "orders", action="pause")
    await page.goto(f"/?q={medicine['name']}")
    await page.get_by_role("button", name=f"Add {medicine['name']} {medicine['strength']} to the basket").click()
    await page.get_by_role("button", name="Place order").click()
    order = page.get_by_role("list", name="Orders just placed or to be paid").locator(":scope > li").first
    await expect(order).to_contain_text("Stored, not shown yet")
    address = await order.get_by_role("link").first.get_attribute("href")
    assert address
    order_id = address.rpartition("/")[2]
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="My orders").click()
    listed = page.get_by_role("main").get_by_role("listitem").filter(has=page.locator(f"a[href='{address}']"))
    await expect(listed).to_contain_text("Stored, not shown yet")
    assert await ask(api, ORDER, id=order_id) is None
    await press(api, "orders", action="resume")
    await expect(listed).to_contain_text("To be paid")
    await expect(listed).not_to_contain_text("Stored, not shown yet")
    assert (await ask(api, ORDER, id=order_id))["id"] == order_id


async def test_a_shop_that_is_no_demo_has_no_buttons(
    built: Path, tmp_path: Path, new_context: CreateContextCallback
) -> None:
    async with serving(tmp_path) as server:
        page = await (await new_context(base_url=server.url)).new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto("/register")
        for label, text in SOMEBODY.items():
            await page.get_by_label(label).fill(text)
        await page.get_by_role("button", name="Open the account").click()
        await expect(page.get_by_role("button", name="Menu of Eve New")).to_be_visible()
        await expect(page.get_by_role("region", name="Last command")).to_be_visible()
        await expect(panel(page)).to_have_count(0)
        assert not [url for url in asked if "/demo/" in url]
