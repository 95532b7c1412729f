"""The projections in the console: where each stands, and how it is, told apart in words."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from engine import clock
from tests.running import Shop, opened
from tests.web.acts import axe, overflow
from tests.web.console import open_at
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths


@pytest_asyncio.fixture(loop_scope="session")
async def shop(built: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / "desk").symlink_to(built)
    async with opened(tmp_path) as shop:
        yield shop


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Desk:
    """Where that shop is, for those who look."""
    return Desk(tmp_path, shop.port)


def row(page: Page, name: str) -> Locator:
    heading = page.get_by_role("rowheader", name=re.compile(f"^{name}( |$)"))
    return page.get_by_role("table", name="Projections").get_by_role("row").filter(has=heading)


def cell(page: Page, name: str, number: int) -> Locator:
    return row(page, name).get_by_role("cell").nth(number)


async def write(shop: Shop, count: int) -> str:
    """Some more events; gives the last position."""
    receipts = [await shop.accepted("writeRecord", key=f"k{number}", value="x") for number in range(count)]
    return str(receipts[-1]["position"])


async def test_one_that_is_paused_says_so_and_how_far_it_is_behind(shop: Shop, page: Page) -> None:
    await open_at(shop, page, "projections")
    await expect(row(page, "records")).to_contain_text("Caught up")
    records = shop.app.projector.projections["records"]
    before = int(await write(shop, 1))
    await expect(cell(page, "records", 1)).to_have_text(str(before))
    records.pause()
    await expect(row(page, "records")).to_contain_text("Paused")
    head = await write(shop, 3)
    await expect(cell(page, "records", 1)).to_have_text(str(before))
    await expect(cell(page, "records", 2)).to_have_text(head)
    await expect(cell(page, "records", 3)).to_have_text("3", use_inner_text=True)
    await expect(cell(page, "records", 4)).to_have_text(re.compile(r"^\d+(\.\d)? (ms|s)$"))
    await expect(row(page, "records").get_by_role("img")).to_have_accessible_name(re.compile("at most 3 events"))
    await expect(row(page, "medicines")).to_contain_text("Caught up")
    await expect(page.get_by_text(re.compile(r"\d+ projections: .*1 paused"))).to_be_visible()
    records.resume()
    await expect(row(page, "records")).to_contain_text("Caught up")
    await expect(cell(page, "records", 3)).to_have_text("0", use_inner_text=True)
    await expect(cell(page, "records", 1)).to_have_text(head)


async def test_one_that_is_slow_is_catching_up(shop: Shop, page: Page) -> None:
    await open_at(shop, page, "projections")
    records = shop.app.projector.projections["records"]
    records.slow(10)
    await write(shop, 2)
    await expect(row(page, "records")).to_contain_text("Catching up")
    records.slow(0)
    await expect(row(page, "records")).to_contain_text("Caught up")


async def test_one_that_fails_is_stalled_and_says_why(shop: Shop, page: Page, tmp_path: Path) -> None:
    await open_at(shop, page, "projections")
    await write(shop, 1)
    await shop.drained()
    with closing(sqlite3.connect(tmp_path / "read.db", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE records_a RENAME TO hidden")
        position = await write(shop, 1)
        await expect(row(page, "records")).to_contain_text("Stalled")
        await expect(row(page, "records")).to_contain_text(f"RecordWritten at position {position}")
        await expect(row(page, "records")).to_contain_text("no such table")
        connection.execute("ALTER TABLE hidden RENAME TO records_a")
    await expect(row(page, "records")).to_contain_text("Caught up")
    await expect(row(page, "records")).not_to_contain_text("no such table")


async def test_one_that_is_rebuilt_tells_how_far_it_is(shop: Shop, page: Page, tmp_path: Path) -> None:
    await open_at(shop, page, "projections")
    await write(shop, 1)
    await shop.drained()
    with closing(sqlite3.connect(tmp_path / "read.db", isolation_level=None)) as connection:
        # Who holds this keeps others from writing, so that the rebuild stands still.
        connection.execute("BEGIN IMMEDIATE")
        rebuild = asyncio.create_task(shop.app.projector.projections["records"].rebuild())
        await expect(row(page, "records")).to_contain_text("Rebuilding")
        await expect(row(page, "records")).to_contain_text("0 %")
        await expect(page.get_by_role("progressbar", name="Rebuild of records")).to_be_visible()
        connection.execute("ROLLBACK")
    await rebuild
    await expect(row(page, "records")).to_contain_text("Caught up")


async def test_numbers_that_nobody_has_told_for_three_beats_are_not_shown_as_current(shop: Shop, page: Page) -> None:
    is_heard = True

    def between(ours: WebSocketRoute) -> None:
        server = ours.connect_to_server()

        def tell(message: str | bytes) -> None:
            if is_heard or '"projections"' not in str(message):
                ours.send(message)

        server.on_message(tell)

    await page.route_web_socket(re.compile("/graphql"), between)
    await open_at(shop, page, "projections")
    await expect(page.get_by_text(re.compile("^as of"))).to_be_visible()
    colour = "(element) => getComputedStyle(element).color"
    fresh = await cell(page, "records", 1).evaluate(colour)
    is_heard = False
    await page.clock.set_system_time(clock.now().astimezone(UTC) + timedelta(seconds=16))
    await expect(page.get_by_text(re.compile("^Not current: as of"))).to_be_visible()
    assert await cell(page, "records", 1).evaluate(colour) != fresh
    is_heard = True
    await expect(page.get_by_text(re.compile("^as of"))).to_be_visible()
    assert await cell(page, "records", 1).evaluate(colour) == fresh


async def test_customers_are_told_that_it_is_for_staff(shop: Shop, page: Page) -> None:
    await open_at(shop, page, "projections", "customer")
    await expect(page.get_by_text("This page is for the staff")).to_be_visible()


@both_themes
@both_widths
async def test_nobody_is_shut_out_of_the_projections(shop: Shop, page: Page) -> None:
    await open_at(shop, page, "projections")
    shop.app.projector.projections["records"].pause()
    await write(shop, 2)
    await expect(row(page, "records")).to_contain_text("Paused")
    assert await axe(page) == []
    assert await overflow(page) == 0
