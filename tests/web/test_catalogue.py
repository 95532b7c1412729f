"""The catalogue in a browser: what is found, and what others change while one looks."""

import asyncio
import re

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.test_process import ask
from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.looks import both_themes, both_widths
from tests.web.medicines import (
    CHANGE_PRICE,
    CHANGES_PRICE,
    COUNT,
    DISCONTINUE,
    Medicine,
    held,
    open_price,
    row,
    search_box,
    show,
)
from tests.web.watch import Watch

# ---------------------------------------------------------------- finding


@pytest.mark.parametrize("what", ["name", "genericName", "manufacturer"])
async def test_a_medicine_is_found_by_what_is_typed(page: Page, medicine: Medicine, what: str) -> None:
    await page.goto("/")
    await search_box(page).fill(medicine[what])
    await expect(page.get_by_text("1 medicine", exact=True)).to_be_visible()
    await expect(row(page, medicine)).to_contain_text(medicine["genericName"])
    await expect(page).to_have_url(re.compile(r"\?q="))
    await page.reload()
    await expect(search_box(page)).to_have_value(medicine[what])
    await expect(page.get_by_text("1 medicine", exact=True)).to_be_visible()


async def test_the_search_goes_with_the_address(page: Page, medicine: Medicine) -> None:
    await page.goto(f"/?q={medicine['name'].replace(' ', '+')}")
    await expect(page.get_by_text("1 medicine", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Catalogue", exact=True).click()
    await expect(search_box(page)).to_have_value("")
    await expect(page.get_by_text("1 medicine", exact=True)).to_have_count(0)
    await page.go_back()
    await expect(search_box(page)).to_have_value(medicine["name"])
    await expect(page.get_by_text("1 medicine", exact=True)).to_be_visible()


async def test_who_goes_on_right_after_typing_is_not_called_back(page: Page) -> None:
    loads = asyncio.Event()

    async def late(route: Route) -> None:
        await loads.wait()
        await route.continue_()

    await page.route("**/sign-in-page-*.js", late)
    await page.clock.install(time="2026-01-01T00:00:00")
    await page.goto("/")
    await expect(page.get_by_role("list", name="Medicines").get_by_role("listitem")).to_have_count(100)
    await page.clock.pause_at("2026-01-01T01:00:00")
    await search_box(page).fill("amox")
    await page.get_by_role("link", name="Sign in", exact=True).click()
    await page.clock.fast_forward(1_000)
    loads.set()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await expect(page).to_have_url(re.compile(r"/sign-in(\?|$)"))


async def test_where_nothing_matches_one_way_leads_back_to_all(page: Page) -> None:
    await page.goto("/")
    await search_box(page).fill("no such medicine")
    await expect(page.get_by_text("No medicine matches")).to_be_visible()
    await page.get_by_role("button", name="Show all medicines").click()
    await expect(search_box(page)).to_have_value("")
    await expect(page.get_by_role("list", name="Medicines").get_by_role("listitem")).to_have_count(100)
    await page.get_by_role("button", name="more of").click()
    assert await page.get_by_role("list", name="Medicines").get_by_role("listitem").count() > 100


async def test_only_what_can_be_ordered_is_left_by_the_filter(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    line = await show(page, medicine)
    await page.get_by_role("checkbox", name="Can be ordered now").check()
    await expect(line).to_be_visible()
    await ask(staff, COUNT, id=medicine["id"], quantity=0)
    await expect(page.get_by_text("No medicine matches")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("No medicine matches")).to_be_visible()
    await page.get_by_role("checkbox", name="Can be ordered now").uncheck()
    await expect(line).to_contain_text("Out of stock")


async def test_a_search_that_fails_says_so_and_can_be_tried_again(page: Page, watch: Watch, medicine: Medicine) -> None:
    watch.expect("ERR_FAILED")
    await page.goto("/")

    async def cut(route: Route) -> None:
        await (route.abort() if "SearchMedicines" in (route.request.post_data or "") else route.fallback())

    await page.route("**/graphql", cut)
    await search_box(page).fill(medicine["name"])
    failure = page.get_by_role("alert").filter(has_text="The server cannot be reached")
    await expect(failure).to_be_visible()
    await page.unroute("**/graphql", cut)
    await failure.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("1 medicine", exact=True)).to_be_visible()
    await expect(failure).to_be_hidden()


async def test_until_the_first_frame_the_page_says_that_it_loads(page: Page) -> None:
    # A socket that is opened by nobody.
    await page.route_web_socket("**/graphql", lambda socket: None)
    await page.goto("/")
    await expect(page.get_by_role("status").filter(has_text="Loading the catalogue")).to_be_visible()
    await expect(page.get_by_role("banner").get_by_text("Connecting")).to_be_visible()


# ---------------------------------------------------------------- what others do


async def test_a_price_and_a_stock_that_others_change_are_there_at_once(
    page: Page, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    line = await show(page, medicine)
    await expect(line).to_contain_text("$5.00")
    await expect(line).to_contain_text("40 in stock")
    await ask(staff, CHANGE_PRICE, id=medicine["id"], price="6.25")
    await expect(line).to_contain_text("$6.25")
    await ask(staff, COUNT, id=medicine["id"], quantity=3)
    await expect(line).to_contain_text("3 left")
    add = line.get_by_role("button", name=f"Add {medicine['name']}")
    await expect(add).to_be_enabled()
    await ask(staff, COUNT, id=medicine["id"], quantity=0)
    await expect(line).to_contain_text("Out of stock")
    await expect(add).to_be_disabled()


async def test_what_is_given_up_is_gone_for_customers_and_marked_for_staff(
    visit: Visit, staff: httpx.AsyncClient, medicine: Medicine
) -> None:
    customer, ben = await visit(), await visit()
    await sign_in(ben, "STAFF")
    seen, marked = await show(customer, medicine), await show(ben, medicine)
    await ask(staff, DISCONTINUE, id=medicine["id"])
    await expect(seen).to_be_hidden()
    await expect(marked).to_contain_text("Discontinued")
    await expect(marked.get_by_role("button", name="Change the price")).to_be_disabled()


async def test_a_customer_has_nothing_to_change_a_price_with(page: Page, medicine: Medicine) -> None:
    await sign_in(page, "CUSTOMER")
    line = await show(page, medicine)
    await expect(line.get_by_role("button", name=f"Add {medicine['name']}")).to_be_visible()
    await expect(line.get_by_role("button", name="Change the price")).to_have_count(0)


# ---------------------------------------------------------------- how it looks


@both_themes
@both_widths
async def test_it_shuts_nobody_out(page: Page, medicine: Medicine) -> None:
    await sign_in(page, "STAFF")
    line = await show(page, medicine)
    await open_price(line)
    assert await axe(page) == []
    assert await overflow(page) == 0
    async with held(page, CHANGES_PRICE):
        await line.get_by_role("spinbutton").fill("123456.78")
        await page.keyboard.press("Enter")
        await expect(line).to_contain_text("Sending")
        assert await axe(page) == []
        assert await overflow(page) == 0
    await search_box(page).fill("")
    await expect(page.get_by_role("button", name="more of")).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0


@pytest.mark.parametrize(("motion", "most"), [("reduce", 0.01), ("no-preference", 60)])
async def test_nothing_moves_for_who_wants_it_still(
    visit: Visit, staff: httpx.AsyncClient, medicine: Medicine, motion: str, most: float
) -> None:
    page = await visit(reduced_motion=motion)
    line = await show(page, medicine)
    await ask(staff, CHANGE_PRICE, id=medicine["id"], price="6.25")
    await expect(line).to_contain_text("$6.25")
    price = line.get_by_text("$6.25").locator("..")
    seconds = await price.evaluate("element => parseFloat(getComputedStyle(element).animationDuration)")
    assert 0 < seconds <= most
    assert (seconds > 0.5) == (motion == "no-preference")
