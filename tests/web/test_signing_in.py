"""Signing in, opening an account, staying signed in, and being signed out."""

import json
import re
from typing import Any

import httpx
from playwright.async_api import Locator, Page, expect

from cli.accounts import PASSWORD
from tests.web import elsewhere
from tests.web.acts import axe, enter, menu, sign_in, sign_out
from tests.web.desk import Desk
from tests.web.watch import Watch

SESSION = "dispensary.session"
NOBODY = re.compile("^Sign in$")


def reason(page: Page) -> Locator:
    """Why somebody was led to the sign-in without having wished it."""
    return page.get_by_role("main").get_by_role("status")


async def kept(page: Page) -> Any:
    """What the browser keeps of the session."""
    return json.loads(await page.evaluate("name => localStorage.getItem(name)", SESSION) or "null")


async def test_one_press_signs_in_with_an_account_of_the_demo(page: Page, desk: Desk) -> None:
    await page.goto("/")
    await page.get_by_role("link", name=NOBODY).click()
    choices = page.get_by_role("region", name="Try the demo as").get_by_role("button")
    await expect(choices).to_contain_text([desk.account(role).email for role in ("CUSTOMER", "STAFF", "ADMIN")])
    await choices.first.click()
    await expect(page.get_by_role("heading", level=1, name="Catalogue")).to_be_visible()
    await expect(menu(page, "Dora Maple")).to_be_visible()


async def test_a_wrong_password_is_said_and_lets_nobody_in(page: Page) -> None:
    await enter(page, "dora@example.org", "not the password")
    await expect(page.get_by_role("alert")).to_have_text("Email address and password do not belong together.")
    await expect(page.get_by_role("link", name=NOBODY)).to_be_visible()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(menu(page, "Dora Maple")).to_be_visible()


async def test_who_cannot_reach_the_server_is_told(page: Page, watch: Watch) -> None:
    watch.expect("ERR_FAILED")
    await page.goto("/sign-in")
    await page.route("**/graphql", lambda route: route.abort())
    await page.get_by_role("button", name="dora@example.org").click()
    await expect(page.get_by_role("alert")).to_have_text("The server cannot be reached.")
    await expect(page.get_by_role("button", name="dora@example.org")).to_be_enabled()


async def test_who_opens_an_account_is_signed_in_and_goes_on(page: Page, email: str) -> None:
    await page.goto("/orders")
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await page.get_by_role("link", name="Open one").click()
    await page.get_by_label("First name").fill("Vic")
    await page.get_by_label("Last name").fill("Dell")
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Open the account").click()
    await expect(menu(page, "Vic Dell")).to_be_visible()
    await expect(page).to_have_url(re.compile("/orders$"))


async def test_what_is_wrong_with_a_new_account_stands_beside_the_field(page: Page) -> None:
    await page.goto("/register")
    await page.get_by_label("First name").fill(" ")
    await page.get_by_label("Last name").fill("Dell")
    await page.get_by_label("Email").fill("vic@example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Open the account").click()
    await expect(page.get_by_label("Email")).to_have_accessible_description(
        "An email address looks like name@example.org."
    )
    await expect(page.get_by_label("First name")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Last name")).not_to_have_attribute("aria-invalid", "true")
    await page.get_by_label("First name").fill("Vic")
    await page.get_by_label("Email").fill("Dora@example.org")
    await page.get_by_role("button", name="Open the account").click()
    await expect(page.get_by_label("Email")).to_have_accessible_description(re.compile("in use"))
    assert await axe(page) == []


async def test_who_signs_out_is_signed_out_in_all_their_tabs(page: Page) -> None:
    await sign_in(page, "CUSTOMER")
    other = await page.context.new_page()
    await other.goto("/orders")
    await expect(menu(other, "Dora")).to_be_visible()
    await sign_out(page)
    await expect(page.get_by_role("link", name=NOBODY)).to_be_visible()
    await expect(page.get_by_role("status", name="Session")).to_be_empty()
    await expect(reason(other)).to_have_text("You signed out in another tab.")
    await other.get_by_role("button", name="dora@example.org").click()
    await expect(other).to_have_url(re.compile("/orders$"))


async def test_tabs_of_two_people_leave_each_other_alone(page: Page) -> None:
    await sign_in(page, "CUSTOMER")
    other = await page.context.new_page()
    await other.goto("/")
    await sign_out(other)
    await sign_in(page, "CUSTOMER")
    await sign_in(other, "STAFF")
    await sign_out(other)
    await expect(other.get_by_role("link", name=NOBODY)).to_be_visible()
    await expect(menu(page, "Dora")).to_be_visible()
    await page.reload()
    await expect(menu(page, "Dora")).to_be_visible()


async def ending(page: Page) -> dict[str, Any]:
    """The session of whoever is signed in, with ten minutes left."""
    session: dict[str, Any] = await kept(page)
    now = await page.evaluate("Date.now()")
    ends = await page.evaluate("time => new Date(time).toISOString()", now + 600_000)
    await page.evaluate(
        "([name, text]) => { localStorage.setItem(name, text); sessionStorage.setItem(name, text) }",
        [SESSION, json.dumps({**session, "expiresAt": ends})],
    )
    await page.reload()
    await expect(page.get_by_role("banner").get_by_text("Live")).to_be_visible()
    return {**session, "expiresAt": ends}


async def test_a_second_tab_is_somebody_else_and_the_first_stays_who_it_is(page: Page, desk: Desk) -> None:
    await sign_in(page, "CUSTOMER")
    other = await page.context.new_page()
    await other.goto("/")
    await menu(other).click()
    await other.get_by_role("link", name="Be somebody else in this tab").click()
    await expect(other.get_by_text("Your other tabs stay as they are.")).to_be_visible()
    await other.get_by_role("button", name=desk.account("STAFF").email).click()
    await expect(menu(other, "Ben Mortar")).to_be_visible()
    await expect(menu(page, "Dora Maple")).to_be_visible()
    await page.reload()
    await expect(menu(page, "Dora Maple")).to_be_visible()


async def test_a_session_is_renewed_before_it_ends(page: Page) -> None:
    await page.clock.install()
    await sign_in(page, "CUSTOMER")
    session = await ending(page)
    await page.clock.fast_forward(500_000)
    # Not its token, which is the same as the first where both were made within a second.
    await page.wait_for_function(
        "([name, ends]) => JSON.parse(localStorage.getItem(name)).expiresAt > ends", arg=[SESSION, session["expiresAt"]]
    )
    await expect(menu(page, "Dora")).to_be_visible()


async def test_who_was_away_until_their_session_ended_is_told_why(page: Page) -> None:
    await page.clock.install()
    await sign_in(page, "CUSTOMER")
    await page.goto("/account")
    await ending(page)
    await page.clock.fast_forward(601_000)
    await expect(reason(page)).to_have_text("Your session has ended. Sign in again to go on.")
    assert await kept(page) is None
    assert await axe(page) == []
    await page.get_by_role("button", name="dora@example.org").click()
    await expect(page.get_by_role("heading", level=1, name="Account")).to_be_visible()
    await expect(page.get_by_role("status", name="Session")).to_be_empty()


async def test_who_is_suspended_while_they_look_is_told(
    page: Page, watch: Watch, staff: httpx.AsyncClient, desk: Desk
) -> None:
    watch.expect("401")
    made = await elsewhere.customer(staff)
    await enter(page, f"{made.name.split()[1].lower()}@example.org", "a-password")
    await expect(menu(page)).to_be_visible()
    async with desk.api("ADMIN") as admin:
        await elsewhere.command(admin, "suspendUser", userId=made.id, reason="A test.")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await expect(reason(page)).to_contain_text("The account is suspended.")


async def test_a_token_that_the_server_does_not_take_signs_out(page: Page, watch: Watch) -> None:
    watch.expect("401")
    await sign_in(page, "CUSTOMER")
    session = {**await kept(page), "token": "not.a.token"}
    await page.evaluate(
        "([name, text]) => { localStorage.setItem(name, text); sessionStorage.setItem(name, text) }",
        [SESSION, json.dumps(session)],
    )
    await page.reload()
    await expect(reason(page)).to_contain_text("Sign in again")
    await expect(page.get_by_role("link", name=NOBODY).first).to_be_visible()
