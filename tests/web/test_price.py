"""A price that one changes oneself: how far it is, why it was refused, and that it is changed once."""

import json
import re

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.test_process import ask
from tests.web.acts import axe, sign_in
from tests.web.medicines import (
    CHANGE_PRICE,
    CHANGES_PRICE,
    COUNT,
    DISCONTINUE,
    VERSION,
    Medicine,
    change_price,
    held,
    open_price,
    press,
    show,
)
from tests.web.watch import Watch


@pytest.mark.own_desk
async def test_a_new_price_is_dashed_then_outlined_then_solid(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    await press(staff, "pause")
    async with held(page, CHANGES_PRICE) as released:
        await change_price(line, "7.5")
        await expect(line).to_contain_text("Sending")
        await expect(line).to_contain_text("$7.50")
        await expect(line).to_have_css("outline-style", "dashed")
        released.set()
        await expect(line).to_contain_text("Stored, not shown yet")
        await expect(line).to_contain_text("$7.50")
        await expect(line).to_have_css("outline-style", "solid")
        await expect(line).to_have_css("outline-width", "2px")
    await expect(page.get_by_text("The catalogue is 1 event behind")).to_be_visible()
    await press(staff, "resume")
    await expect(line).to_contain_text("Up to date")
    await expect(line).to_contain_text("$7.50")
    await expect(line).to_have_css("outline-width", "0px")
    await expect(page.get_by_text("events behind")).to_be_hidden()
    await expect(line).not_to_contain_text("Up to date")


async def test_a_price_that_is_refused_goes_back_and_the_row_says_why(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    field = await open_price(line)
    await ask(staff, DISCONTINUE, id=medicine["id"])
    await expect(line).to_contain_text("Discontinued")
    await field.fill("9")
    await field.press("Enter")
    await expect(line).to_contain_text("A discontinued medicine keeps its last price.")
    await expect(line).to_contain_text("$5.00")
    message = page.get_by_role("region", name="Messages").get_by_role("listitem")
    await expect(message).to_contain_text(f"Refused: Price of {medicine['name']}")
    assert await axe(page) == []


async def test_who_was_slower_is_told_and_can_do_it_again_on_what_is_there_now(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    field = await open_price(line)
    await ask(staff, CHANGE_PRICE, id=medicine["id"], price="6.00")
    await expect(field).to_have_accessible_description("Changed meanwhile to US$6.00.")
    await field.fill("8")
    await line.get_by_role("button", name="Save").click()
    await expect(line).to_contain_text("Changed meanwhile")
    await expect(line).to_contain_text("$6.00")
    assert await axe(page) == []
    await line.get_by_role("button", name="Reload and retry").click()
    await expect(line).to_contain_text("$8.00")
    await expect(line).to_contain_text("Up to date")
    assert await ask(staff, VERSION, id=medicine["id"]) == {"version": medicine["version"] + 2}


async def test_a_sale_meanwhile_is_no_conflict(page: Page, staff: httpx.AsyncClient, medicine: Medicine) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    field = await open_price(line)
    await ask(staff, COUNT, id=medicine["id"], quantity=39)
    await expect(line).to_contain_text("39 in stock")
    await field.fill("8")
    await field.press("Enter")
    await expect(line).to_contain_text("Up to date")
    await expect(line).to_contain_text("$8.00")


async def test_a_change_whose_answer_was_lost_is_sent_again_and_has_one_effect(
    page: Page, watch: Watch, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    watch.expect("ERR_FAILED")
    sent: list[str] = []

    async def lose(route: Route) -> None:
        body = route.request.post_data or ""
        if CHANGES_PRICE not in body:
            await route.fallback()
            return
        sent.append(json.loads(body)["variables"]["input"]["commandId"])
        answer = await route.fetch()
        await (route.abort() if len(sent) == 1 else route.fulfill(response=answer))

    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    await page.route("**/graphql", lose)
    await change_price(line, "7")
    await expect(line).to_contain_text("Not sent")
    await expect(line).to_have_css("outline-style", "dotted")
    assert await axe(page) == []
    # The connection stayed, so it is sent again after a while.
    await expect(line).to_contain_text("Up to date")
    await expect(line).to_contain_text("$7.00")
    assert sent == [sent[0], sent[0]]
    assert await ask(staff, VERSION, id=medicine["id"]) == {"version": medicine["version"] + 1}


async def test_who_gives_up_what_was_not_sent_sees_the_old_price(page: Page, watch: Watch, medicine: Medicine) -> None:
    watch.expect("ERR_FAILED")
    await sign_in(page, "STAFF")
    line = await show(page, medicine)

    async def cut(route: Route) -> None:
        await (route.abort() if CHANGES_PRICE in (route.request.post_data or "") else route.fallback())

    await page.route("**/graphql", cut)
    await change_price(line, "7")
    await line.get_by_role("button", name="Give up").click()
    await expect(line).to_contain_text("$5.00")
    await expect(line).not_to_contain_text("Not sent")


async def test_after_ten_seconds_it_is_still_working_and_a_link_says_how_far(page: Page, medicine: Medicine) -> None:
    await page.clock.install()
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    message = page.get_by_role("region", name="Messages").get_by_role("listitem")
    async with held(page, CHANGES_PRICE) as released:
        await change_price(line, "7")
        await expect(line).to_contain_text("Sending")
        await page.clock.fast_forward(10_000)
        await expect(line).to_contain_text("Still working")
        await expect(message).to_contain_text(f"Still working: Price of {medicine['name']}")
        link = message.get_by_role("link", name="See how far it is")
        await expect(link).to_have_attribute("href", re.compile("^/flow/"))
        released.set()
    await expect(line).to_contain_text("Up to date")
    await expect(message).to_contain_text("Done: Price of")


async def test_a_price_is_changed_with_the_keyboard_alone(page: Page, medicine: Medicine) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    opener = line.get_by_role("button", name="Change the price")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(line.get_by_role("spinbutton", name="New price")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type("6.5")
    await page.keyboard.press("Enter")
    await expect(line).to_contain_text("$6.50")
    await expect(opener).to_be_focused()


async def test_the_basket_is_filled_with_the_keyboard_without_losing_the_focus(page: Page, medicine: Medicine) -> None:
    line = await show(page, medicine)
    await line.get_by_role("button", name=f"Add {medicine['name']}").focus()
    await page.keyboard.press("Enter")
    more = line.get_by_role("button", name="more")
    await expect(more).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(line.get_by_role("status", name="In the basket")).to_have_text("2")
