"""What one can change about oneself, and how it looks where one signs in."""

import re

import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from cli.accounts import PASSWORD
from tests.e2e.test_process import ask
from tests.web.acts import axe, enter, menu, overflow, sign_in, sign_out
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths
from tests.web.watch import Watch

REGISTER = """mutation ($input: RegisterUserInput!) {
  registerUser(input: $input) { receipt { position } errors { message } }
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def own(desk: Desk, page: Page, email: str) -> Page:
    """The page of an account that nobody else uses: Una Hill's."""
    async with desk.api() as client:
        person = {"email": email, "password": PASSWORD, "firstName": "Una", "lastName": "Hill"}
        assert (await ask(client, REGISTER, input=person))["errors"] == []
    await enter(page, email)
    await expect(menu(page, "Una Hill")).to_be_visible()
    await page.goto("/account")
    await expect(page.get_by_label("First name")).to_have_value("Una")
    return page


def form(page: Page, name: str) -> Locator:
    return page.get_by_role("form", name=name)


async def test_a_name_is_changed_and_seen_in_the_menu(own: Page) -> None:
    name = form(own, "Name")
    await name.get_by_label("First name").fill("Ulla")
    await name.get_by_role("button", name="Save the name").click()
    await expect(menu(own, "Ulla Hill")).to_be_visible()
    await expect(own.get_by_role("region", name="Name", exact=True)).to_contain_text("Up to date")
    await own.reload()
    await expect(own.get_by_label("First name")).to_have_value("Ulla")
    await expect(menu(own, "Ulla Hill")).to_be_visible()


async def test_a_blank_name_is_refused_at_its_field(own: Page) -> None:
    name = form(own, "Name")
    await name.get_by_label("Last name").fill(" ")
    await name.get_by_role("button", name="Save the name").click()
    await expect(name.get_by_label("Last name")).to_have_attribute("aria-invalid", "true")
    await expect(name.get_by_label("First name")).not_to_have_attribute("aria-invalid", "true")
    await expect(menu(own, "Una Hill")).to_be_visible()
    assert await axe(own) == []


async def test_an_address_is_kept_and_can_be_taken_away_again(own: Page) -> None:
    contact = form(own, "Contact")
    panel = own.get_by_role("region", name="Contact", exact=True)
    await contact.get_by_label("Telephone").fill("+44 20 7946 0000")
    await contact.get_by_label("Address").fill("1 Mill Lane\nOxford")
    await contact.get_by_role("button", name="Save").click()
    await expect(panel).to_contain_text("Up to date")
    await own.reload()
    await expect(contact.get_by_label("Address")).to_have_value("1 Mill Lane\nOxford")
    await contact.get_by_label("Telephone").fill("")
    await contact.get_by_role("button", name="Save").click()
    await expect(panel).to_contain_text("Up to date")
    await own.reload()
    await expect(contact.get_by_label("Address")).to_have_value("1 Mill Lane\nOxford")
    await expect(contact.get_by_label("Telephone")).to_have_value("")


async def test_an_email_address_in_use_is_refused_at_its_field(own: Page, email: str) -> None:
    part = form(own, "Email")
    field = part.get_by_label("Email")
    await field.fill("ben@example.org")
    await part.get_by_role("button", name="Change the email").click()
    await expect(field).to_have_accessible_description(re.compile("in use"))
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill(f"new.{email}")
    await part.get_by_role("button", name="Change the email").click()
    await expect(own.get_by_role("region", name="Email", exact=True)).to_contain_text("Up to date")
    await expect(field).not_to_have_attribute("aria-invalid", "true")
    await sign_out(own)
    await enter(own, f"new.{email}")
    await expect(menu(own, "Una Hill")).to_be_visible()


async def test_a_password_is_changed_by_who_knows_the_old_one(own: Page, email: str) -> None:
    part = form(own, "Password")
    await part.get_by_label("Current password").fill("not the password")
    await part.get_by_label("New password").fill("another password")
    await part.get_by_role("button", name="Change the password").click()
    await expect(part.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    await part.get_by_label("Current password").fill(PASSWORD)
    await part.get_by_role("button", name="Change the password").click()
    await expect(part.get_by_label("New password")).to_have_value("")
    await expect(part.get_by_label("Current password")).to_have_value("")
    await sign_out(own)
    await enter(own, email, "another password")
    await expect(menu(own, "Una Hill")).to_be_visible()


async def test_a_closed_account_is_gone_for_good(own: Page, watch: Watch, email: str) -> None:
    # The token ends with the account, before the page has heard that it is closed.
    watch.expect("401")
    await own.get_by_role("button", name="Close the account…").click()
    dialog = own.get_by_role("dialog", name="Close the account?")
    last = dialog.get_by_role("button", name="Close it for good")
    await expect(last).to_be_disabled()
    await own.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(own.get_by_role("button", name="Close the account…")).to_be_focused()
    await own.keyboard.press("Enter")
    await dialog.get_by_label(f"Type {email} to confirm").fill(email)
    assert await axe(own) == []
    await last.click()
    await expect(own.get_by_role("main").get_by_role("status")).to_have_text("Your account is closed.")
    await enter(own, email)
    await expect(own.get_by_role("alert")).to_contain_text("do not belong together")


async def test_an_account_that_is_not_there_yet_says_that_it_loads(page: Page) -> None:
    await sign_in(page, "CUSTOMER")
    await page.route_web_socket("**/graphql", lambda socket: None)
    await page.goto("/account")
    await expect(page.get_by_role("main").get_by_role("status").filter(has_text="Loading")).to_be_visible()


# ---------------------------------------------------------------- how it looks


@both_themes
@both_widths
async def test_the_pages_shut_nobody_out(page: Page) -> None:
    for path, title in (("/sign-in", "Sign in"), ("/register", "Open an account"), ("/account", "Sign in")):
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        assert await axe(page) == []
        assert await overflow(page) == 0
    await sign_in(page, "CUSTOMER")
    await page.goto("/account")
    await expect(page.get_by_label("First name")).to_have_value("Dora")
    assert await axe(page) == []
    assert await overflow(page) == 0
