"""Buying at the desk: the basket, what becomes of an order that is sent, and what goes wrong on the way."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.test_process import ask
from tests.web.acts import axe, sign_in
from tests.web.buying import fill_basket, medicine, newest
from tests.web.desk import Desk
from tests.web.watch import Watch

DISCONTINUE = """mutation ($id: ID!) {
  discontinueMedicine(input: { medicineId: $id, reason: "No longer made." }) { medicine { id } }
}"""
NUMBER = re.compile(r"^Order \d{8}-")
TABS = 40
"More presses of the Tab key than anything may be away."


async def tab_to(page: Page, target: Locator) -> None:
    """Go to it with the Tab key alone."""
    await expect(target).to_be_visible()
    for _ in range(TABS):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"It is not reached with {TABS} presses: {target}")


async def test_somebody_new_orders_and_pays_with_five_clicks(page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("button", name=re.compile("^Add ")).first.click()
    await page.get_by_role("button", name="Sign in as Dora Maple").click()
    await page.get_by_role("button", name="Place order").click()
    await newest(page).get_by_role("button", name=re.compile(r"^Pay US\$")).click()
    await expect(newest(page).get_by_role("status")).to_have_text("Paid")
    await expect(page.get_by_text("Nothing is in it yet.")).to_be_visible()
    await newest(page).get_by_role("link", name=NUMBER).click()
    await expect(page.get_by_role("heading", level=1, name=NUMBER)).to_be_visible()
    happened = page.get_by_role("list", name="Timeline").get_by_role("listitem")
    await expect(happened).to_have_text(
        [
            re.compile(rf"{event}.*position \d+")
            for event in ("OrderInitiated", "OrderValidated", "PaymentCreated", "PaymentSucceeded", "OrderPaid")
        ]
    )


@pytest.mark.own_desk
async def test_an_order_is_dashed_while_sent_outlined_while_stored_and_solid_once_shown(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk)
    await sign_in(page, "CUSTOMER")
    await fill_basket(page, name)
    may_go = asyncio.Event()

    async def held(route: Route) -> None:
        if "PlaceOrder" in (route.request.post_data or ""):
            await may_go.wait()
        await route.continue_()

    await page.route("**/graphql", held)
    async with desk.api() as client:
        await page.get_by_role("button", name="Place order").click()
        await expect(newest(page)).to_contain_text("Sending")
        await expect(newest(page)).to_have_css("outline-style", "dashed")
        assert (await client.post("/demo/projections/orders", json={"action": "pause"})).status_code == 200
        may_go.set()
        await expect(newest(page)).to_contain_text("Stored, not shown yet")
        await expect(newest(page)).to_have_css("outline-style", "solid")
        await expect(newest(page)).to_contain_text("New order")
        await page.goto("/orders")
        # Own writes outlive the page, until the read model has them.
        await expect(page.get_by_role("link", name="New order")).to_be_visible()
        await client.post("/demo/projections/orders", json={"action": "resume"})
    await expect(page.get_by_role("list", name="Orders").get_by_role("listitem").first).to_contain_text("To be paid")
    await page.goto("/")
    await expect(newest(page).get_by_role("link", name=NUMBER)).to_be_visible()
    await expect(newest(page)).to_have_css("outline-width", "0px")


async def test_an_order_that_got_lost_is_sent_again_and_placed_once(desk: Desk, page: Page, watch: Watch) -> None:
    watch.expect("ERR_FAILED")
    name, _ = await medicine(desk)
    await sign_in(page, "CUSTOMER")
    await fill_basket(page, name)
    sent: list[str] = []

    async def lost(route: Route) -> None:
        body: Any = route.request.post_data_json
        if "PlaceOrder" in body["query"]:
            sent.append(body["variables"]["input"]["commandId"])
        if "PlaceOrder" in body["query"] and len(sent) == 1:
            # It is carried out, and the answer does not arrive.
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/graphql", lost)
    await page.get_by_role("button", name="Place order").click()
    await newest(page).get_by_role("button", name="Retry").click()
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")
    assert sent[0] == sent[1]
    async with desk.api("CUSTOMER") as client:
        found = (await ask(client, "query { orders(first: 3) { nodes { lines { name } } } }"))["nodes"]
    assert [order["lines"][0]["name"] for order in found].count(name) == 1


async def test_the_staff_order_for_a_customer(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk)
    customer = desk.account("CUSTOMER")
    await sign_in(page, "STAFF")
    await fill_basket(page, name)
    buyer = page.get_by_role("combobox", name="For a customer")
    button = page.get_by_role("button", name="Place order")
    await buyer.fill("nobody@example.net")
    await expect(buyer).to_have_accessible_description("No customer has this email address.")
    await expect(button).to_be_disabled()
    await buyer.fill(customer.email.upper())
    await page.reload()
    await expect(buyer).to_have_value(customer.email.upper())
    assert await axe(page) == []
    await button.click()
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")
    await expect(newest(page)).to_contain_text(f"for {customer.email}")
    async with desk.api("CUSTOMER") as client:
        (order, *_) = (await ask(client, "query { orders(first: 1) { nodes { lines { name } } } }"))["nodes"]
    assert [line["name"] for line in order["lines"]] == [name]
    await newest(page).get_by_role("button", name=re.compile(r"^Pay US\$")).click()
    await expect(newest(page).get_by_role("status")).to_have_text("Paid")


async def test_an_order_for_a_customer_that_is_refused_is_for_them_again(
    desk: Desk, page: Page, staff: httpx.AsyncClient
) -> None:
    name, id = await medicine(desk)
    customer = desk.account("CUSTOMER")
    await sign_in(page, "STAFF")
    await fill_basket(page, name)
    buyer = page.get_by_role("combobox", name="For a customer")
    await buyer.fill(customer.email)
    await ask(staff, DISCONTINUE, id=id)
    await page.get_by_role("button", name="Place order").click()
    await expect(page.get_by_role("form", name="Basket").get_by_role("alert")).to_contain_text("discontinued")
    await expect(buyer).to_have_value(customer.email)


async def test_an_order_given_up_on_is_in_the_basket_again(desk: Desk, page: Page, watch: Watch) -> None:
    watch.expect("ERR_FAILED")
    name, _ = await medicine(desk)
    await sign_in(page, "CUSTOMER")
    quantity = await fill_basket(page, name)

    async def cut(route: Route) -> None:
        await (route.abort() if "PlaceOrder" in (route.request.post_data or "") else route.continue_())

    await page.route("**/graphql", cut)
    await page.get_by_role("button", name="Place order").click()
    await expect(quantity).to_have_count(0)
    await newest(page).get_by_role("button", name="Give up").click()
    await expect(quantity).to_have_value("1")
    await expect(page.get_by_text("New order")).to_have_count(0)


async def test_too_many_are_warned_of_then_rejected_with_the_reason_and_can_be_corrected(
    desk: Desk, page: Page
) -> None:
    name, _ = await medicine(desk, stock=2)
    await sign_in(page, "CUSTOMER")
    quantity = await fill_basket(page, name)
    await quantity.fill("3")
    await quantity.press("Tab")
    await expect(page.get_by_role("list", name="In the basket")).to_contain_text("Only 2 left")
    await page.get_by_role("button", name="Place order").click()
    await expect(newest(page).get_by_role("status")).to_have_text("Rejected")
    await expect(newest(page)).to_contain_text(f"Too few are left of {name}.")
    await newest(page).get_by_role("button", name="Put it back in the basket").click()
    await expect(quantity).to_have_value("3")
    await page.get_by_role("button", name="Take 2").click()
    await expect(quantity).to_have_value("2")
    await page.get_by_role("button", name="Place order").click()
    await expect(newest(page).get_by_role("status")).to_have_text("To be paid")


async def test_a_refused_order_is_rolled_back_and_the_line_says_why(desk: Desk, page: Page) -> None:
    name, id = await medicine(desk)
    await sign_in(page, "CUSTOMER")
    quantity = await fill_basket(page, name)
    lines = page.get_by_role("list", name="In the basket")
    async with desk.api() as client:
        await ask(client, DISCONTINUE, id=id)
    await expect(lines).to_contain_text("No longer sold")
    await page.get_by_role("button", name="Place order").click()
    await expect(lines.get_by_role("alert")).to_have_text(f"{name} is discontinued.")
    await expect(quantity).to_have_value("1")
    await expect(page.get_by_text("New order")).to_have_count(0)
    await page.get_by_role("button", name=f"Remove {name}").click()
    await expect(page.get_by_text("Nothing is in it yet.")).to_be_visible()


async def test_the_basket_survives_a_reload_and_signing_in(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk, price="2.25")
    quantity = await fill_basket(page, name)
    await page.get_by_role("button", name=f"Put one {name}").click()
    await expect(quantity).to_have_value("2")
    await page.reload()
    await expect(quantity).to_have_value("2")
    await expect(page.get_by_role("form", name="Basket")).to_contain_text("US$4.50")
    await page.get_by_role("button", name="Sign in as Dora Maple").click()
    await expect(page.get_by_role("button", name="Place order")).to_be_focused()
    await expect(quantity).to_have_value("2")


async def test_an_order_is_placed_and_paid_by_keyboard_alone(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk)
    await sign_in(page, "CUSTOMER")
    await page.goto(f"/?q={name}")
    await tab_to(page, page.get_by_role("button", name=f"Add {name}"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name=f"One {name} 1 mg more")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("button", name="Place order"))
    await page.keyboard.press("Enter")
    await expect(newest(page)).to_be_focused()
    await tab_to(page, newest(page).get_by_role("radio", name="Card"))
    await page.keyboard.press("ArrowRight")
    await expect(newest(page).get_by_role("radio", name="Cash")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(newest(page).get_by_role("status")).to_have_text("Paid")
    await expect(newest(page)).to_be_focused()


@pytest.mark.parametrize("width", [360])
async def test_on_a_narrow_screen_the_basket_is_one_press_away(desk: Desk, page: Page) -> None:
    name, _ = await medicine(desk)
    await page.goto(f"/?q={name}")
    await page.get_by_role("button", name=f"Add {name}").click()
    handle = page.get_by_role("button", name="Basket and orders 1 item · US$4.50")
    await expect(handle).to_be_in_viewport()
    await expect(page.get_by_role("list", name="In the basket")).to_be_hidden()
    await handle.click()
    await page.get_by_role("button", name="Sign in as Dora Maple").click()
    await page.get_by_role("button", name="Place order").click()
    pay = newest(page).get_by_role("button", name="Pay US$4.50")
    await expect(pay).to_be_in_viewport()
    await pay.click()
    await expect(newest(page).get_by_role("status")).to_have_text("Paid")
