"""What many tests of the desk do: sign in and out, and look for what shuts people out."""

import re
from functools import cache
from typing import Any

from playwright.async_api import Locator, Page, expect

from cli.accounts import PASSWORD
from tests.e2e.process import ROOT
from tests.web.desk import ACCOUNTS

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
    ({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.failureSummary}`))"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def sign_in(page: Page, role: str) -> None:
    """Sign in with the demo's account of a role "CUSTOMER", "STAFF" or "ADMIN", and be where one is led then."""
    await page.goto("/sign-in")
    await page.get_by_role("button", name=ACCOUNTS[role].email).click()
    await expect(page).not_to_have_url(re.compile("/sign-in"))


async def enter(page: Page, email: str, password: str = PASSWORD) -> None:
    await page.goto("/sign-in")
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()


def menu(page: Page, name: str = "") -> Locator:
    """The button of the menu of whoever is signed in."""
    return page.get_by_role("banner").get_by_role("button", name=f"Menu of {name}")


async def sign_out(page: Page) -> None:
    await menu(page).click()
    await page.get_by_role("button", name="Sign out").click()


async def axe(page: Page) -> list[str]:
    """What axe finds on the page as it is now, a line for each element; to be compared with []."""
    # Told to the browser, not to the page, whose policy would refuse it.
    await page.evaluate(_axe())
    found: list[str] = await page.evaluate(FOUND)
    return found


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window; 0 for one that need not be scrolled sideways."""
    pixels: Any = await page.evaluate(OVERFLOW)
    return int(pixels)


@cache
def _axe() -> str:
    return AXE.read_text()
