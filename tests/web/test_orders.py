"""Orders at the desk: the way of one from its placing to its end, and the list of them."""

import asyncio
import re

from playwright.async_api import Locator, Page, expect

from tests.e2e.test_process import ask
from tests.web.acts import axe, overflow, sign_in
from tests.web.buying import PLACE, medicine, newest, ordered, place
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths

# ---------------------------------------------------------------- an order's way


async def test_what_the_staff_does_with_an_order_the_customer_sees_at_once(desk: Desk, visit: Visit) -> None:
    id = await ordered(desk)
    customer, staff = await visit(), await visit()
    await sign_in(customer, "CUSTOMER")
    await customer.goto(f"/orders/{id}")
    progress = customer.get_by_role("region", name="Progress").get_by_role("status")
    await expect(customer.get_by_role("button", name="Ship…")).to_have_count(0)
    await customer.get_by_role("button", name="Pay US$4.50").click()
    await expect(progress).to_have_text("Paid.")
    await sign_in(staff, "STAFF")
    await staff.goto(f"/orders/{id}")
    await staff.get_by_role("button", name="Ship…").click()
    await expect(staff.get_by_role("textbox", name="Tracking code")).to_be_focused()
    await staff.keyboard.type("PARCEL-7")
    await staff.get_by_role("button", name="Ship the order").click()
    await expect(progress).to_have_text("Shipped.")
    await expect(customer.get_by_text("PARCEL-7")).to_be_visible()
    await staff.get_by_role("button", name="Complete…").click()
    await staff.get_by_role("button", name="Complete the order").click()
    await expect(progress).to_have_text("Completed.")
    await staff.get_by_role("button", name="Refund…").click()
    await staff.get_by_role("textbox", name="Reason").fill("It arrived broken.")
    await staff.get_by_role("button", name="Give US$4.50 back").click()
    await expect(progress).to_have_text("Refunded. It arrived broken.")
    await expect(customer.get_by_role("region", name="Payment")).to_contain_text("Given back")


async def test_each_event_of_an_order_leads_the_staff_to_its_command_and_its_place(desk: Desk, page: Page) -> None:
    id = await ordered(desk)
    await sign_in(page, "STAFF")
    await page.goto(f"/orders/{id}")
    entry = page.get_by_role("list", name="Timeline").get_by_role("listitem").filter(has_text="OrderInitiated")
    command = entry.get_by_role("link", name=re.compile("^its command, of OrderInitiated"))
    await expect(command).to_have_attribute("href", re.compile("^/flow/.+"))
    await expect(entry.get_by_role("link", name=re.compile("^position"))).to_have_attribute(
        "href", re.compile(r"^/console/events/\d+$")
    )
    await page.get_by_role("button", name="Cancel the order…").click()
    await page.get_by_role("textbox", name="Reason").fill("Asked to.")
    await page.get_by_role("button", name="Cancel the order", exact=True).click()
    own = page.get_by_role("region", name="Your commands").get_by_role("link")
    await expect(own).to_have_attribute("href", re.compile("^/flow/[0-9a-f]{32}$"))


async def test_a_declined_payment_says_why_and_can_be_made_in_another_way(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk, price="13.13")
    await sign_in(page, "CUSTOMER")
    card = await place(page, name)
    await card.get_by_role("button", name="Pay US$13.13").click()
    await expect(card.get_by_role("alert")).to_contain_text("Card declined.")
    await expect(card.get_by_role("status")).to_have_text("To be paid")
    await card.get_by_role("radio", name="Transfer").check(force=True)
    await card.get_by_role("button", name="Pay US$13.13").click()
    await expect(card.get_by_role("alert")).to_contain_text("Transfer not received.")


async def test_who_decides_on_something_old_is_told_and_decides_again(desk: Desk, page: Page) -> None:
    id = await ordered(desk)
    await sign_in(page, "STAFF")
    await page.goto(f"/orders/{id}")
    await page.get_by_role("button", name="Cancel the order…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox", name="Reason").fill("Nobody paid.")
    other = await page.context.new_page()
    await other.goto(f"/orders/{id}")
    await other.get_by_role("button", name="Pay US$4.50").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Changed meanwhile: the order is paid now.")
    await dialog.get_by_role("button", name="Cancel the order").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody else was faster")
    progress = page.get_by_role("region", name="Progress", include_hidden=True).get_by_role(
        "status", include_hidden=True
    )
    await expect(progress).to_contain_text("Paid.")
    await dialog.get_by_role("button", name="Reload and retry").click()
    await expect(dialog).to_have_count(0)
    await expect(progress).to_contain_text("Refunded.")
    await expect(other.get_by_role("list", name="Timeline")).to_contain_text("OrderCancelled")


async def test_what_can_no_longer_be_done_is_not_offered_again(desk: Desk, page: Page) -> None:
    id = await ordered(desk)
    await sign_in(page, "CUSTOMER")
    await page.goto(f"/orders/{id}")
    await page.get_by_role("button", name="Cancel the order…").click()
    dialog = page.get_by_role("dialog")
    other = await page.context.new_page()
    await other.goto(f"/orders/{id}")
    await other.get_by_role("button", name="Pay US$4.50").click()
    await expect(dialog.get_by_role("alert")).to_have_text(
        "Changed meanwhile: the order is paid now, and this can no longer be done."
    )
    await expect(dialog.get_by_role("button")).to_have_count(2)
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(dialog).to_have_count(0)


async def test_an_order_of_somebody_else_is_none(desk: Desk, page: Page) -> None:
    id = await ordered(desk, "STAFF")
    await sign_in(page, "CUSTOMER")
    await page.goto(f"/orders/{id}")
    await expect(page.get_by_text("There is no such order")).to_be_visible()


# ---------------------------------------------------------------- the list


async def test_the_list_is_filtered_by_status_in_the_address_newest_first_and_live(desk: Desk, page: Page) -> None:
    first, second = await ordered(desk), await ordered(desk)
    await sign_in(page, "CUSTOMER")
    await page.goto("/orders")
    await page.get_by_role("link", name="To be paid").click()
    await expect(page).to_have_url(re.compile(r"/orders\?status=VALIDATED$"))
    links = page.get_by_role("list", name="Orders").get_by_role("link")
    await expect(links.nth(0)).to_have_attribute("href", f"/orders/{second}")
    await expect(links.nth(1)).to_have_attribute("href", f"/orders/{first}")
    await page.reload()
    await expect(links.first).to_have_attribute("href", f"/orders/{second}")
    third = await ordered(desk)
    await expect(links.first).to_have_attribute("href", f"/orders/{third}")
    async with desk.api() as client:
        cancel = 'mutation ($id: ID!) { cancelOrder(input: { orderId: $id, reason: "Test." }) { errors { message } } }'
        await ask(client, cancel, id=third)
    await expect(links.first).to_have_attribute("href", f"/orders/{second}")


async def test_of_a_long_list_only_what_can_be_seen_is_in_the_page(desk: Desk, page: Page) -> None:
    _, id = await medicine(desk, stock=500)
    async with desk.api() as client:
        for _ in range(4):
            await asyncio.gather(*(ask(client, PLACE, id=id) for _ in range(40)))
    await sign_in(page, "STAFF")
    await page.goto("/orders")
    rows = page.get_by_role("list", name="Orders").get_by_role("listitem")
    size = re.compile(r"^(1[6-9]\d|[2-9]\d\d)$")
    await expect(rows.first).to_have_attribute("aria-setsize", size)
    assert await rows.count() < 60
    await page.keyboard.press("End")
    await expect(rows.last).to_be_in_viewport()
    count = await rows.last.get_attribute("aria-setsize")
    await expect(rows.last).to_have_attribute("aria-posinset", str(count))


async def test_a_page_opens_as_a_query(desk: Desk, page: Page) -> None:
    id = await ordered(desk)
    await sign_in(page, "CUSTOMER")
    await page.goto(f"/orders/{id}")
    link = page.get_by_role("link", name="Open this as a query")
    async with page.context.expect_page() as opened:
        await link.click()
    asked = await (await opened.value).evaluate("new URLSearchParams(location.search).get('variables')")
    assert asked in (None, f'{{"id":"{id}"}}')
    await expect(link).to_have_attribute("href", re.compile(id))


# ---------------------------------------------------------------- looks


@both_themes
@both_widths
async def test_the_pages_of_ordering_shut_nobody_out(desk: Desk, page: Page, width: int) -> None:
    name, _ = await medicine(desk, stock=1)
    id = await ordered(desk)
    await sign_in(page, "CUSTOMER")
    quantity = await _filled(page, name, width)
    await quantity.fill("2")
    await quantity.press("Tab")
    await expect(page.get_by_role("list", name="In the basket")).to_contain_text("Only 1 left")
    await expect(newest(page).get_by_role("button", name="Pay US$4.50")).to_be_visible()
    assert (await axe(page), await overflow(page)) == ([], 0)
    await page.goto("/orders")
    await expect(page.get_by_role("list", name="Orders").get_by_role("listitem").first).to_be_visible()
    assert (await axe(page), await overflow(page)) == ([], 0)
    await page.goto("/orders?status=COMPLETED")
    await expect(page.get_by_role("status").filter(has_text="order")).to_be_visible()
    assert (await axe(page), await overflow(page)) == ([], 0)
    await page.goto(f"/orders/{id}")
    await expect(page.get_by_role("button", name="Pay US$4.50")).to_be_visible()
    assert (await axe(page), await overflow(page)) == ([], 0)
    await page.get_by_role("button", name="Cancel the order…").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert (await axe(page), await overflow(page)) == ([], 0)


async def _filled(page: Page, name: str, width: int) -> Locator:
    await page.goto(f"/?q={name}")
    await page.get_by_role("button", name=f"Add {name}").click()
    if width < 1000:
        await page.get_by_role("button", name="Basket and orders").click()
    return page.get_by_role("textbox", name=f"Quantity of {name}")
