"""The way of a command: the panel beside the desk, and the page on which any command can be opened."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.test_process import ask
from tests.web import prices
from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths

PLACE = """mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) { receipt { position } errors { message } }
}"""
COMMAND = """query ($id: ID!) { command(id: $id) {
  isComplete receipt { position acceptedAt } events { type }
  projections { projection lagMilliseconds } followUps { type }
} }"""
NARROW = 1000
ORDERED = 2
"The events that a process adds to an order: the stock is reserved, and the order is valid."


async def any_medicine(desk: Desk) -> dict[str, Any]:
    async with desk.api() as api:
        return next(iter((await prices.catalogue(api)).values()))


async def place_order(api: httpx.AsyncClient, command_id: str) -> dict[str, Any]:
    """Place an order, and wait until all that follows from it is known."""
    medicine = next(iter((await prices.catalogue(api)).values()))
    lines = [{"medicineId": medicine["id"], "quantity": 1}]
    assert (await ask(api, PLACE, input={"commandId": command_id, "lines": lines}))["errors"] == []
    known: dict[str, Any] = {"isComplete": False}
    while not known["isComplete"] or len(known["followUps"]) < ORDERED:
        known = await ask(api, COMMAND, id=command_id)
    return known


def picture(page: Page) -> Locator:
    """The table that says in numbers what the page's picture shows."""
    return page.get_by_role("main").get_by_role("table", name="The way of the command in numbers")


async def measured(table: Locator, step: str) -> float:
    value = await table.get_by_role("row", name=step).locator("data").get_attribute("value")
    assert value
    return float(value)


async def changed_price(page: Page, desk: Desk) -> None:
    medicine = await any_medicine(desk)
    await sign_in(page, "STAFF")
    await prices.set_price(page, medicine, prices.another(medicine))


async def test_the_picture_shows_the_times_that_the_api_tells(page: Page, desk: Desk) -> None:
    async with desk.api() as api:
        known = await place_order(api, "order-in-numbers")
    await sign_in(page, "STAFF")
    await page.goto("/flow/order-in-numbers")
    await expect(picture(page).get_by_role("row", name="What followed:")).to_have_count(ORDERED)
    told = {step["projection"]: step["lagMilliseconds"] for step in known["projections"]}
    assert len(told) > 1
    assert {name: await measured(picture(page), f"Projections: {name} ") for name in told} == told
    await expect(page.get_by_text(f"position {known['receipt']['position']}").first).to_be_visible()


async def test_a_bar_is_as_long_as_what_it_shows(page: Page, desk: Desk) -> None:
    async with desk.api() as api:
        known = await place_order(api, "order-as-bars")
    await sign_in(page, "STAFF")
    await page.goto("/flow/order-as-bars")
    await expect(picture(page).get_by_role("row", name="What followed:")).to_have_count(ORDERED)
    last = max(
        [await measured(picture(page), name) for name in ("What followed: OrderValidated", "Projections: orders ")]
    )
    lags = [step["lagMilliseconds"] for step in known["projections"]]
    widths = (
        await page.get_by_role("main")
        .locator("[class*=bar]")
        .evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width))")
    )
    assert widths == pytest.approx([lag / max(last, *lags) * 100 for lag in lags], abs=0.01)


async def test_an_own_command_is_drawn_from_the_sending_to_the_frame(page: Page, desk: Desk) -> None:
    await changed_price(page, desk)
    panel = page.get_by_role("region", name="Last command")
    await expect(panel.get_by_text("Stored and shown")).to_be_visible()
    table = panel.get_by_role("table")
    answered = await measured(table, "This browser: Sent, answered")
    shown = await measured(table, "Frames: medicines")
    assert 0 < answered < 60_000
    assert 0 < shown < 60_000
    await panel.get_by_role("link", name="Open").click()
    command_id = page.url.rpartition("/")[2]
    async with desk.api() as api:
        known = await ask(api, COMMAND, id=command_id)
    (step,) = known["projections"]
    assert await measured(picture(page), "Projections: medicines") == step["lagMilliseconds"]
    assert await measured(picture(page), "This browser: Sent, answered") == answered
    await expect(picture(page).get_by_role("row", name="The log: MedicinePriceChanged")).to_be_visible()


async def test_a_refused_command_shows_where_it_ended_and_why(page: Page, desk: Desk) -> None:
    medicine = await any_medicine(desk)
    await sign_in(page, "STAFF")
    await prices.open_price(page, medicine)
    async with desk.api() as api:
        await prices.change(api, medicine["id"], prices.another(medicine, "2.22"))
    await expect(page.get_by_text("Changed meanwhile to")).to_be_visible()
    await page.get_by_role("spinbutton").fill(prices.another(medicine, "3.33"))
    await page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="Last command")
    await expect(panel.get_by_text("It ended at the rules of the shop. Nothing was stored")).to_be_visible()
    await expect(panel.get_by_text("CONFLICT")).to_be_visible()
    assert await measured(panel.get_by_role("table"), "This browser: Sent, refused") > 0
    # The server forgets what it refused; this browser does not.
    await page.reload()
    await expect(panel.get_by_text("CONFLICT")).to_be_visible()


async def test_what_processes_did_stands_below_what_caused_it(page: Page, desk: Desk) -> None:
    async with desk.api() as api:
        await place_order(api, "order-with-a-story")
    await sign_in(page, "STAFF")
    await page.goto("/flow/order-with-a-story")
    story = page.get_by_role("region", name="What followed")
    outer = story.get_by_role("listitem").filter(has_text=re.compile("^OrderInitiated"))
    inner = outer.get_by_role("listitem").filter(has_text=re.compile("^StockReserved"))
    await expect(inner.get_by_role("listitem")).to_contain_text("OrderValidated")
    await inner.get_by_role("link", name="Its way of the command that stored StockReserved").click()
    await expect(picture(page).get_by_role("row", name="The log: StockReserved")).to_be_visible()
    await page.reload()
    await expect(picture(page).get_by_role("row", name="The log: StockReserved")).to_be_visible()


async def test_a_customer_sees_the_way_of_their_own_command_alone(page: Page, desk: Desk) -> None:
    async with desk.api("CUSTOMER") as api:
        await place_order(api, "order-of-a-customer")
    medicine = await any_medicine(desk)
    async with desk.api() as api:
        await prices.change(api, medicine["id"], prices.another(medicine), "price-of-staff")
    await sign_in(page, "CUSTOMER")
    await page.goto("/flow/order-of-a-customer")
    await expect(picture(page).get_by_role("row", name="The log: OrderInitiated")).to_be_visible()
    await expect(page.get_by_role("region", name="What followed").get_by_role("link")).to_have_count(0)
    await page.goto("/flow/price-of-staff")
    await expect(page.get_by_text("No such command is known")).to_be_visible()


async def test_a_command_that_is_still_to_come_is_shown_when_it_comes(page: Page, desk: Desk) -> None:
    medicine = await any_medicine(desk)
    await sign_in(page, "STAFF")
    await page.goto("/flow")
    await page.get_by_role("textbox", name="Command id").fill("still/to come")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.get_by_text("No such command is known")).to_be_visible()
    async with desk.api() as api:
        await prices.change(api, medicine["id"], prices.another(medicine), "still/to come")
    await expect(picture(page).get_by_role("row", name="The log: MedicinePriceChanged")).to_be_visible()


async def test_own_commands_are_listed_also_after_a_reload_and_not_for_the_next_person(page: Page, desk: Desk) -> None:
    await changed_price(page, desk)
    await expect(page.get_by_role("region", name="Last command").get_by_text("Stored and shown")).to_be_visible()
    await page.goto("/flow")
    own = page.get_by_role("list", name="Commands of this browser")
    await own.get_by_role("link", name="Price of").click()
    await expect(picture(page).get_by_role("row", name="This browser: Sent, answered")).to_be_visible()
    await page.get_by_role("button", name="Menu of").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("Nothing was sent from this browser yet.")).to_be_visible()
    await sign_in(page, "STAFF")
    await page.goto("/flow")
    await expect(page.get_by_text("Nothing was sent from this browser yet.")).to_be_visible()


@pytest.mark.own_desk
async def test_times_that_the_server_forgot_are_said_to_be_unknown(page: Page, desk: Desk) -> None:
    async with desk.api() as api:
        await place_order(api, "order-of-before")
    await desk.stop()
    (rows,) = desk.folder.rglob("read.db")
    with closing(sqlite3.connect(rows)) as connection:
        # As the server itself does, some thousand batches later.
        connection.execute("UPDATE passages SET passed_at = 0")
        connection.commit()
    await desk.start()
    await sign_in(page, "STAFF")
    await page.goto("/flow/order-of-before")
    row = picture(page).get_by_role("row", name="Projections: users")
    await expect(row).to_contain_text("not known")
    await expect(page.get_by_text("for this one it is no longer known")).to_be_visible()


async def test_what_is_played_slowly_stands_still_for_those_who_want_no_motion(visit: Visit, desk: Desk) -> None:
    lively = await visit(reduced_motion="no-preference")
    await changed_price(lively, desk)
    panel = lively.get_by_role("region", name="Last command")
    await panel.get_by_role("button", name="Play it slowly").click()
    moving = "plot => plot.getAnimations({ subtree: true }).length"
    assert await panel.locator("[class*=plot]").evaluate(moving) > 0
    calm = await visit(reduced_motion="reduce")
    await changed_price(calm, desk)
    panel = calm.get_by_role("region", name="Last command")
    await expect(panel.get_by_text("Stored and shown")).to_be_visible()
    assert await panel.locator("[class*=plot]").evaluate(moving) == 0
    await expect(panel.get_by_role("button", name="Play it slowly")).to_have_count(0)
    assert await measured(panel.get_by_role("table"), "Projections: medicines") > 0


async def test_the_panel_is_folded_and_stays_so(page: Page) -> None:
    await page.goto("/")
    panel = page.get_by_role("region", name="Last command")
    await expect(panel).to_be_visible()
    await page.get_by_role("button", name="Under the hood").click()
    await expect(panel).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("button", name="Under the hood", expanded=False)).to_be_visible()
    await expect(panel).to_have_count(0)


@both_themes
@both_widths
async def test_the_way_of_a_command_shuts_nobody_out(page: Page, desk: Desk, width: int) -> None:
    async with desk.api() as api:
        await place_order(api, f"order-for-all-{id(page)}")
    await changed_price(page, desk)
    await page.goto(f"/flow/order-for-all-{id(page)}")
    await expect(picture(page).get_by_role("row", name="What followed:")).to_have_count(ORDERED)
    if width < NARROW:
        await page.get_by_role("button", name="Under the hood").click()
    await expect(page.get_by_role("region", name="Last command")).to_be_visible()
    await expect(page.get_by_role("combobox", name="Delay of Catalogue")).to_be_attached()
    assert await axe(page) == []
    assert await overflow(page) == 0


@pytest.mark.parametrize("path", ["/flow/%E0%A4%A", "/flow/100%"])
async def test_an_address_that_nobody_made_leads_to_no_command(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.get_by_text("No such command is known")).to_be_visible()
