"""Statistics with their charts, notifications, and the bell: live, and each with a way to what it is about."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from engine import clock
from tests.web import elsewhere
from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.looks import both_themes
from tests.web.watch import Watch

BELL = re.compile("^Notifications")


@pytest_asyncio.fixture(loop_scope="session")
async def other(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator, elsewhere."""
    async with desk.api("ADMIN") as client:
        yield client


def figure(page: Page, panel: str, name: str) -> Locator:
    """The number below a name."""
    region = page.get_by_role("region", name=panel, exact=True)
    return region.locator("dt", has_text=name).locator("xpath=following-sibling::dd")


async def number(found: Locator) -> int:
    await expect(found).to_have_text(re.compile(r"^[\d,]+$"))
    return int((await found.inner_text()).replace(",", ""))


async def statistics(page: Page) -> None:
    await sign_in(page, "STAFF")
    await page.goto("/console/statistics")
    await expect(page.get_by_role("img", name="Orders and revenue of 14 days")).to_be_visible()


@pytest.mark.own_desk
async def test_the_figures_follow_each_order(page: Page, other: httpx.AsyncClient) -> None:
    made, buyer = await elsewhere.medicine(other, stockQuantity=500), await elsewhere.customer(other)
    await statistics(page)
    placed, validated = figure(page, "Orders", "Placed"), page.get_by_role("row", name="validated")
    before, waiting = await number(placed), await number(validated.get_by_role("cell").nth(1))
    today = page.get_by_role("table", name="Orders and revenue by day").get_by_role("row").nth(1)
    await expect(today).to_contain_text(clock.now().date().isoformat())
    of_today = await number(today.get_by_role("cell").nth(1))
    order = await elsewhere.order(other, buyer.id, made.id, quantity=400)
    await expect(placed).to_have_text(str(before + 1))
    await expect(validated.get_by_role("cell").nth(1)).to_have_text(str(waiting + 1))
    await expect(today.get_by_role("cell").nth(1)).to_have_text(str(of_today + 1))
    revenue = await figure(page, "Orders", "Revenue").inner_text()
    paid = {"orderId": order.id, "amount": "1000.00", "method": "CARD", "commandId": f"pay-{order.id}"}
    await elsewhere.command(other, "processPayment", **paid)
    best = page.get_by_role("table", name="Most sold medicines").get_by_role("row").nth(1)
    await expect(best).to_contain_text(f"{made.name}")
    await expect(best).to_contain_text("400")
    await expect(figure(page, "Orders", "Revenue")).not_to_have_text(revenue)
    await best.get_by_role("link").click()
    await expect(page.get_by_role("row", name=made.name)).to_be_visible()


async def test_the_figures_of_records_follow_each_write(page: Page, other: httpx.AsyncClient) -> None:
    await statistics(page)
    kept, writes = figure(page, "Records", "Kept now"), figure(page, "Records", "Writes")
    before, written = await number(kept), await number(writes)
    key = f"test-{next(elsewhere.NUMBERS)}"
    for value in "one", "two":
        await elsewhere.command(other, "writeRecord", key=key, value=value)
    await expect(kept).to_have_text(str(before + 1))
    await expect(writes).to_have_text(str(written + 2))


async def test_the_chart_has_a_twin_that_can_be_read_and_seen(page: Page) -> None:
    await statistics(page)
    chart = page.get_by_role("img", name="Orders and revenue of 14 days")
    table = page.get_by_role("table", name="Orders and revenue by day")
    await expect(table.get_by_role("row")).to_have_count(15)
    await page.get_by_role("combobox", name="Days shown").select_option("90 days")
    await expect(table.get_by_role("row")).to_have_count(91)
    await page.get_by_role("button", name="Show as a table").click()
    await expect(chart).to_have_count(0)
    await expect(page.get_by_role("img", name="Orders and revenue")).to_have_count(0)
    box = await table.bounding_box()
    assert box
    assert box["width"] > 300
    await page.get_by_role("button", name="Show as a chart").click()
    await expect(page.get_by_role("img", name="Orders and revenue of 90 days")).to_be_visible()


async def test_the_chart_takes_the_room_and_the_theme_there_is(page: Page) -> None:
    await statistics(page)
    canvas = page.get_by_role("img", name="Orders and revenue").locator("canvas")
    wide, light = await canvas.bounding_box(), await canvas.evaluate("drawn => drawn.toDataURL()")
    await page.set_viewport_size({"width": 700, "height": 800})
    panel = page.get_by_role("region", name="By day")
    await page.wait_for_function("() => document.querySelector('canvas').clientWidth < 660")
    assert wide
    assert await overflow(page) == 0
    await expect(panel).to_be_visible()
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.wait_for_function("width => document.querySelector('canvas').clientWidth === width", arg=wide["width"])
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator(".uplot.dark")).to_be_visible()
    assert await canvas.evaluate("drawn => drawn.toDataURL()") != light


async def test_a_notification_comes_at_once_and_leads_to_its_order(
    page: Page, visit: Visit, desk: Desk, other: httpx.AsyncClient
) -> None:
    made = await elsewhere.medicine(other)
    await sign_in(page, "STAFF")
    await page.goto("/console/notifications")
    items = page.get_by_role("list", name="Notifications").get_by_role("listitem")
    await expect(items).to_have_count(50)
    order = await elsewhere.order(other, desk.account("CUSTOMER").user_id, made.id)
    newest = items.first
    await expect(newest).to_contain_text(f"Your order {order.name} is reserved for you")
    await expect(newest.get_by_text("New", exact=True)).to_be_visible()
    await expect(newest.get_by_role("link", name="Event")).to_have_attribute("href", re.compile(r"/console/events/\d+"))
    await page.get_by_role("button", name="Show older ones").click()
    await expect(items.nth(60)).to_be_attached()
    await page.get_by_role("combobox", name="Kind").select_option("Order")
    await expect(items.filter(has=page.get_by_text("Payment", exact=True))).to_have_count(0)
    await items.first.get_by_role("link", name=order.name).click()
    await expect(page).to_have_url(re.compile(f"/orders/{order.id}$"))


async def test_low_stock_leads_to_the_stock_and_a_suspension_to_the_user(page: Page, other: httpx.AsyncClient) -> None:
    made, user = await elsewhere.medicine(other), await elsewhere.customer(other)
    await sign_in(page, "STAFF")
    await page.goto("/console/notifications")
    await expect(page.get_by_role("list", name="Notifications")).to_be_visible()
    await elsewhere.command(other, "adjustStock", medicineId=made.id, quantity=2, reason="broken")
    await page.get_by_role("link", name=f"Low stock: {made.name}").click()
    await expect(page.get_by_role("row", name=made.name)).to_contain_text("Low, ≤ 10")
    await expect(page.get_by_role("status").filter(has_text="1 medicine")).to_be_visible()
    await page.get_by_role("link", name=BELL).first.click()
    await elsewhere.command(other, "suspendUser", userId=user.id, reason="a test")
    suspended = page.get_by_role("link", name="A user was suspended")
    # Others may be suspended by other tests meanwhile.
    await suspended.and_(page.locator(f'[href*="{user.id}"]')).click()
    await expect(page.get_by_role("region", name=f"About {user.name}")).to_be_visible()


async def test_the_bell_counts_what_came_for_oneself_until_one_looks(
    page: Page, desk: Desk, other: httpx.AsyncClient
) -> None:
    made, stranger = await elsewhere.medicine(other), await elsewhere.customer(other)
    await sign_in(page, "CUSTOMER")
    # What was told before somebody's first look is not new to them.
    await page.goto("/console/notifications")
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()
    await page.get_by_role("link", name="My orders").click()
    bell = page.get_by_role("banner").get_by_role("link", name=BELL).last
    await expect(bell).to_have_accessible_name("Notifications")
    await elsewhere.order(other, stranger.id, made.id)
    order = await elsewhere.order(other, desk.account("CUSTOMER").user_id, made.id)
    await expect(bell).to_have_accessible_name("Notifications, 2 new")
    await page.reload()
    await expect(bell).to_have_accessible_name("Notifications, 2 new")
    await bell.click()
    items = page.get_by_role("list", name="Notifications").get_by_role("listitem")
    await expect(items.filter(has=page.get_by_text("New", exact=True))).to_have_count(2)
    await expect(items.first).to_contain_text(order.name)
    await expect(page.get_by_role("link", name="Event")).to_have_count(0)
    await expect(bell).to_have_accessible_name("Notifications")


@pytest.mark.own_desk
async def test_what_was_told_while_the_server_was_away_is_caught_up(
    page: Page, desk: Desk, other: httpx.AsyncClient, watch: Watch
) -> None:
    made = await elsewhere.medicine(other)
    await sign_in(page, "STAFF")
    await page.goto("/console/notifications")
    items = page.get_by_role("list", name="Notifications").get_by_role("listitem")
    await expect(items).to_have_count(50)
    watch.expect("ERR_CONNECTION_REFUSED|WebSocket")
    await desk.kill()
    await expect(page.get_by_text("As of before the connection was lost")).to_be_visible()
    await desk.start()
    async with desk.api("ADMIN") as again:
        order = await elsewhere.order(again, desk.account("CUSTOMER").user_id, made.id)
    await expect(items.first).to_contain_text(f"Your order {order.name} is reserved", timeout=20_000)
    await expect(items).to_have_count(52)
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()


@both_themes
@pytest.mark.parametrize("path", ["/console/statistics", "/console/notifications"])
async def test_statistics_and_notifications_shut_nobody_out(page: Page, theme: str, path: str) -> None:
    await statistics(page)
    await page.goto(path)
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()
    assert await axe(page) == []


@pytest.mark.parametrize("width", [360])
@pytest.mark.parametrize("path", ["/console/statistics", "/console/notifications"])
async def test_statistics_and_notifications_fit_a_telephone(page: Page, width: int, path: str) -> None:
    await statistics(page)
    await page.goto(path)
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()
    assert await overflow(page) == 0
    assert await axe(page) == []
