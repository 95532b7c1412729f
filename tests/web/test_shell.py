"""What is around every page: the ways through the desk and who may go them, the theme, and where a way ends."""

import re

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths
from tests.web.watch import Watch

WAYS = {
    None: ["Catalogue"],
    "CUSTOMER": ["Catalogue", "My orders", "Notifications"],
    "STAFF": ["Catalogue", "Orders", "Stock", "People", "Console"],
    "ADMIN": ["Catalogue", "Orders", "Stock", "People", "Console"],
}
CONSOLE = ["Events", "Projections", "Dead letters", "Statistics", "Notifications"]
STAFF_ONLY = [
    "/stock",
    "/people",
    "/console/events",
    "/console/events/1",
    "/console/projections",
    "/console/dead-letters",
    "/console/statistics",
]
GROUND = {"light": "rgb(245, 247, 247)", "dark": "rgb(14, 20, 21)"}
GRAPHIQL = "/graphiql"
LOADING = 20_000
"Milliseconds: the editors are four megabytes, and the machine may be busy."


async def title(page: Page, text: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(text)


async def choose_theme(page: Page, name: str) -> None:
    await page.get_by_role("banner").get_by_role("button", name="Menu").click()
    await page.get_by_role("group", name="Theme").get_by_text(name, exact=True).click()
    await page.keyboard.press("Escape")


# ---------------------------------------------------------------- ways


@pytest.mark.parametrize("role", list(WAYS))
async def test_each_role_has_its_ways_and_each_leads_to_a_page(page: Page, role: str | None) -> None:
    await (sign_in(page, role) if role else page.goto("/"))
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    await expect(links).to_have_text(WAYS[role])
    for way in [*WAYS[role][1:], "Catalogue"] if role else []:
        await links.get_by_text(way, exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await expect(links.and_(page.locator("[aria-current=page]"))).to_have_text(way)
        await expect(page.get_by_role("main").get_by_text("This page is for")).to_be_hidden()


async def test_the_console_has_ways_of_its_own(page: Page) -> None:
    await sign_in(page, "STAFF")
    await page.get_by_role("link", name="Console").click()
    links = page.get_by_role("navigation", name="Console").get_by_role("link")
    await expect(links).to_have_text(CONSOLE)
    for way in [*CONSOLE[1:], CONSOLE[0]]:
        await links.get_by_text(way, exact=True).click()
        await expect(links.and_(page.locator("[aria-current=page]"))).to_have_text(way)
        await expect(page.get_by_role("heading", level=1)).to_be_focused()


@pytest.mark.parametrize("path", STAFF_ONLY)
async def test_a_customer_is_told_what_is_for_staff(page: Page, path: str) -> None:
    await sign_in(page, "CUSTOMER")
    await page.goto(path)
    await title(page, "For staff")
    await expect(page).to_have_title("For staff · Dispensary")
    await page.get_by_role("main").get_by_role("link", name="To the catalogue").click()
    await title(page, "Catalogue")


async def test_who_is_not_signed_in_is_asked_to_and_led_back(page: Page) -> None:
    await page.goto("/stock?low=1")
    await title(page, "Sign in")
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await page.get_by_role("button", name="ben@example.org").click()
    await expect(page).to_have_url(re.compile(r"/stock\?low=1$"))
    await expect(page.get_by_role("main").get_by_text("This page is for")).to_be_hidden()


@pytest.mark.parametrize("path", ["/nowhere", "/orders/a/b", "/console"])
async def test_where_no_page_is_one_is_told_so(page: Page, path: str) -> None:
    await page.goto(path)
    await title(page, "Not found")
    await page.get_by_role("main").get_by_role("link", name="To the catalogue").click()
    await title(page, "Catalogue")


@pytest.mark.parametrize(
    "next_path", ["//example.org/a", "/%5Cexample.org", "http://example.org", "javascript:alert(1)"]
)
async def test_signing_in_leads_nowhere_else(page: Page, desk: Desk, next_path: str) -> None:
    await page.goto(f"/sign-in?next={next_path}")
    await page.get_by_role("button", name="dora@example.org").click()
    await title(page, "Catalogue")
    assert page.url == f"{desk.url}/"


async def test_who_signs_in_from_graphiql_comes_back_to_it(page: Page) -> None:
    await page.goto(GRAPHIQL)
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    await page.get_by_role("button", name="ben@example.org").click()
    await expect(page.get_by_role("banner").get_by_role("status")).to_have_text(
        "Signed in as Ben Mortar (staff)", timeout=LOADING
    )
    assert page.url.endswith(GRAPHIQL)


async def test_the_first_key_skips_to_the_content(page: Page) -> None:
    await page.goto("/")
    await title(page, "Catalogue")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("searchbox", name="Search medicines")).to_be_focused()


async def test_the_menu_opens_and_closes_with_the_keyboard(page: Page) -> None:
    await sign_in(page, "CUSTOMER")
    # A page takes the focus once it is there.
    await title(page, "Catalogue")
    button = page.get_by_role("banner").get_by_role("button", name="Menu of Dora Maple")
    await button.focus()
    await page.keyboard.press("Enter")
    account = page.get_by_role("link", name="Account")
    await expect(account).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(account).to_be_hidden()
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(account).to_be_visible()
    await account.focus()
    await page.keyboard.press("Enter")
    await title(page, "Account")
    await expect(account).to_be_hidden()


async def test_what_is_under_the_hood_stays_folded_away(page: Page) -> None:
    await page.goto("/")
    hood = page.get_by_role("complementary", name="Under the hood")
    fold = hood.get_by_role("button", name="Under the hood")
    await expect(fold).to_have_attribute("aria-expanded", "true")
    await fold.click()
    await expect(fold).to_have_attribute("aria-expanded", "false")
    await page.reload()
    await expect(fold).to_have_attribute("aria-expanded", "false")


# ---------------------------------------------------------------- the theme


@both_themes
async def test_a_theme_is_that_of_the_system_until_one_is_chosen_and_is_kept(page: Page, theme: str) -> None:
    await page.goto("/")
    body = page.locator("body")
    await expect(body).to_have_css("background-color", GROUND[theme])
    for name in ("Dark", "Light"):
        await choose_theme(page, name)
        await expect(body).to_have_css("background-color", GROUND[name.lower()])
        await page.reload()
        await expect(body).to_have_css("background-color", GROUND[name.lower()])
    await choose_theme(page, "Auto")
    await expect(body).to_have_css("background-color", GROUND[theme])
    await page.reload()
    await expect(body).to_have_css("background-color", GROUND[theme])
    await page.emulate_media(color_scheme="dark" if theme == "light" else "light")
    await expect(body).to_have_css("background-color", GROUND["dark" if theme == "light" else "light"])


async def test_a_theme_that_is_chosen_is_that_of_all_tabs(page: Page) -> None:
    await page.goto("/")
    other = await page.context.new_page()
    await other.goto("/sign-in")
    await choose_theme(page, "Dark")
    await expect(other.locator("body")).to_have_css("background-color", GROUND["dark"])


@pytest.mark.parametrize("path", ["/", GRAPHIQL])
async def test_the_theme_is_there_before_the_first_paint(page: Page, watch: Watch, path: str) -> None:
    watch.expect("ERR_FAILED")
    await page.goto("/")
    await choose_theme(page, "Dark")
    scripts: list[Route] = []
    # The desk itself does not come.
    await page.route("**/assets/*.js", lambda route: scripts.append(route))
    async with page.expect_request("**/assets/*.js"):
        await page.goto(path, wait_until="commit")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.locator("body")).to_have_css("background-color", GROUND["dark"])
    await expect(page.locator("#root")).to_be_empty()
    for script in scripts:
        await script.abort()


# ---------------------------------------------------------------- parts that do not come


@pytest.mark.parametrize("kind", ["js", "css"])
async def test_a_part_that_does_not_come_can_be_tried_again(page: Page, watch: Watch, kind: str) -> None:
    watch.expect("ERR_FAILED|Failed to fetch dynamically imported module|Unable to preload CSS")
    await page.goto("/")
    await title(page, "Catalogue")
    thrown: list[Exception] = []
    page.on("pageerror", lambda error: thrown.append(error))
    asked: list[Request] = []

    async def cut(route: Route) -> None:
        asked.append(route.request)
        await route.abort()

    gone = re.compile(rf"/assets/.*\.{kind}$|/desk\.json$")
    await page.route(gone, cut)
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("This part could not be loaded")
    await title(page, "Not opened")
    assert await axe(page) == []
    await alert.get_by_role("button", name="Try again").click()
    await expect(alert).to_contain_text("The server cannot be reached. Tried once.")
    # The rest of the page is still there.
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Catalogue").click()
    await title(page, "Catalogue")
    await page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    await page.unroute(gone, cut)
    await alert.get_by_role("button", name="Try again").click()
    await title(page, "Sign in")
    await expect(page.get_by_label("Email")).to_be_visible()
    assert asked
    assert thrown == []


async def test_editors_that_do_not_come_can_be_tried_again(page: Page, watch: Watch) -> None:
    watch.expect("ERR_FAILED|Failed to fetch dynamically imported module|Unable to preload CSS")

    async def cut(route: Route) -> None:
        await route.abort()

    parts = re.compile(r"/assets/(ide|editor)[^/]*\.(js|css)$")
    await page.route(parts, cut)
    await page.goto(GRAPHIQL)
    await expect(page.get_by_role("alert")).to_contain_text("This part could not be loaded")
    await page.unroute(parts, cut)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("region", name="Operation Editor")).to_be_visible(timeout=LOADING)


# ---------------------------------------------------------------- how it looks


@both_themes
@both_widths
async def test_where_a_way_ends_nobody_is_shut_out(page: Page) -> None:
    await page.goto("/nowhere")
    await title(page, "Not found")
    assert await axe(page) == []
    assert await overflow(page) == 0
    await sign_in(page, "CUSTOMER")
    await page.goto("/stock")
    await title(page, "For staff")
    await page.get_by_role("banner").get_by_role("button", name="Menu").click()
    await expect(page.get_by_role("link", name="Account")).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0


async def test_nothing_of_the_shell_moves_for_who_wants_it_still(visit: Visit) -> None:
    durations = (
        "() => [...document.querySelectorAll('*')].map(each => parseFloat(getComputedStyle(each).transitionDuration))"
    )
    for motion, most in (("reduce", 0.001), ("no-preference", 0.12)):
        page = await visit(reduced_motion=motion)
        await page.goto("/")
        await title(page, "Catalogue")
        assert max(await page.evaluate(durations)) == most
