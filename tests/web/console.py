"""What the tests of the console share: rows of its tables, and commands that leave events."""

import re
from typing import Any

import httpx
from playwright.async_api import Locator, Page, expect

from engine import ids
from tests.e2e.test_process import ask
from tests.running import PASSWORD, Shop
from tests.web.acts import sign_in

WRITE = """mutation($key: String!, $value: String!, $id: ID!) {
  writeRecord(input: { key: $key, value: $value, commandId: $id }) { receipt { position commandId stream } }
}"""


async def open_console(page: Page, path: str) -> None:
    """A page of the console, as one of the staff."""
    await sign_in(page, "STAFF")
    await page.goto(f"/console/{path}")
    await expect(page.get_by_role("navigation", name="Console")).to_be_visible()


async def open_at(shop: Shop, page: Page, path: str, kind: str = "staff") -> None:
    """The same in a shop of the test's own, which has none of the demo's accounts."""
    viewer = await shop.viewer(kind)
    await shop.drained()
    await page.goto(f"/sign-in?next=/console/{path}")
    await page.get_by_label("Email").fill(f"{viewer.user_id}@example.org")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(re.compile(rf"^[^?]*/console/{path}$"))


async def write(client: httpx.AsyncClient, key: str, value: str = "x") -> dict[str, Any]:
    """Keep a value under a key; gives the receipt."""
    payload = await ask(client, WRITE, key=key, value=value, id=unique("c"))
    receipt: dict[str, Any] = payload["receipt"]
    return receipt


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{ids.new()}"


def rows(page: Page) -> Locator:
    """The rows of the log that are there."""
    return page.get_by_role("table", name="Events").locator("tbody").get_by_role("row")


def event_link(page: Page, position: str) -> Locator:
    """A row of the log leads to its event."""
    return page.get_by_role("link", name=f"{position} RecordWritten")
