"""Dead letters in the console: shown as they come, tried again, let go."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.running import Shop
from tests.schema.test_dead_letters import Picky, letters, troubled
from tests.web.acts import axe, overflow
from tests.web.console import open_at
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths

GROUP = re.compile("correspondence: .*550 No such user")


@pytest_asyncio.fixture(loop_scope="session")
async def trouble(built: Path, tmp_path: Path) -> AsyncIterator[tuple[Shop, Picky]]:
    """A shop whose mails to Ann and Carl come back. Ann has ordered too."""
    (tmp_path / "desk").symlink_to(built)
    async with troubled(tmp_path) as (shop, mailbox):
        mailbox.unknown.add("carl@example.org")
        await shop.viewer("customer", "carl")
        await shop.drained()
        yield shop, mailbox


@pytest.fixture
def desk(trouble: tuple[Shop, Picky], tmp_path: Path) -> Desk:
    """Where that shop is, for those who look."""
    return Desk(tmp_path, trouble[0].port)


async def test_letters_stand_together_by_process_and_error_with_those_that_wait(
    trouble: tuple[Shop, Picky], page: Page
) -> None:
    shop, _ = trouble
    await open_at(shop, page, "dead-letters")
    group = page.get_by_role("region", name=GROUP)
    await expect(group).to_contain_text("2 failed, 2 wait behind")
    found = group.get_by_role("table").locator("tbody").get_by_role("row")
    await expect(found).to_have_count(4)
    for number, words in enumerate(
        [("UserRegistered at 2", "ann", "Given up after 1 attempt"), ("OrderInitiated", "Waits behind")]
    ):
        for word in words:
            await expect(found.nth(number)).to_contain_text(word)
    await expect(found.nth(1).get_by_role("button")).to_have_count(0)
    await expect(page.get_by_role("navigation", name="Console").get_by_title("4 set aside")).to_have_text("4")
    await found.first.get_by_role("link", name="UserRegistered").click()
    await expect(page).to_have_url(re.compile("/console/events/2$"))


async def test_what_is_set_aside_later_shows_up_by_itself(trouble: tuple[Shop, Picky], page: Page) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    await expect(page.get_by_text("2 failed, 2 wait behind")).to_be_visible()
    mailbox.unknown.add("dave@example.org")
    await shop.viewer("customer", "dave")
    await expect(page.get_by_text("3 failed, 2 wait behind")).to_be_visible()


async def test_a_group_is_tried_again_in_order(trouble: tuple[Shop, Picky], page: Page) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    mailbox.unknown.clear()
    await page.get_by_role("button", name="Retry all 2, in order").click()
    results = page.get_by_role("region", name="What you decided")
    await expect(results.get_by_text("Done", exact=True)).to_have_count(2)
    await expect(page.get_by_text("Nothing is set aside")).to_be_visible()
    assert await letters(shop) == []
    assert mailbox.subjects("ann@example.org") == ["Welcome", "Order", "Order"]
    asked = '{ events(filter: { types: ["DeadLetterRetried"] }) { nodes { data actorId } } }'
    first, second = (await shop.data(asked))["nodes"]
    assert (first["data"]["position"], first["actorId"]) == (2, "staff")
    assert second["data"]["position"] > 2
    await results.get_by_role("button", name="Clear").click()
    await expect(results).to_have_count(0)


async def test_one_letter_is_tried_again_and_the_others_are_left_as_they_are(
    trouble: tuple[Shop, Picky], page: Page
) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    mailbox.unknown.clear()
    await page.get_by_role("button", name="Retry UserRegistered at 2").click()
    await expect(page.get_by_text("1 failed", exact=True)).to_be_visible()
    assert [letter["key"] for letter in await letters(shop)] == ["carl"]


async def test_a_letter_that_still_cannot_be_done_is_not_said_to_be(trouble: tuple[Shop, Picky], page: Page) -> None:
    shop, _ = trouble
    before = await letters(shop)
    await open_at(shop, page, "dead-letters")
    await page.get_by_role("button", name="Retry UserRegistered at 2").click()
    results = page.get_by_role("region", name="What you decided")
    await expect(results).to_contain_text("Retry of UserRegistered")
    await shop.drained()
    await expect(results.get_by_text("Done", exact=True)).to_have_count(0)
    assert await letters(shop) == before


async def test_a_letter_is_discarded_only_with_a_reason_and_after_it_was_said_what_is_lost(
    trouble: tuple[Shop, Picky], page: Page
) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    await page.get_by_role("button", name="Discard UserRegistered at 2").click()
    dialog = page.get_by_role("dialog", name="Discard UserRegistered at 2?")
    await expect(dialog).to_contain_text("the process correspondence")
    await expect(dialog).to_contain_text("2 later events of the key ann wait behind it")
    confirm = dialog.get_by_role("button", name="Discard", exact=True)
    await expect(confirm).to_be_disabled()
    await dialog.get_by_role("button", name="Cancel").click()
    assert len(await letters(shop)) == 4
    mailbox.unknown.clear()
    await page.get_by_role("button", name="Discard UserRegistered at 2").click()
    await dialog.get_by_label("Reason").fill("She was told by phone.")
    await confirm.click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Discarded", exact=True)).to_be_visible()
    await expect(page.get_by_text("1 failed", exact=True)).to_be_visible()
    assert mailbox.subjects("ann@example.org") == ["Order", "Order"]
    asked = '{ events(filter: { types: ["DeadLetterDiscarded"] }) { nodes { data } } }'
    (event,) = (await shop.data(asked))["nodes"]
    assert event["data"]["reason"] == "She was told by phone."


async def test_a_group_is_discarded_for_one_reason(trouble: tuple[Shop, Picky], page: Page) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    await page.get_by_role("button", name="Discard all 2…").click()
    dialog = page.get_by_role("dialog", name="Discard 2 letters?")
    await expect(dialog).to_contain_text("2 later events of the same keys wait behind them")
    mailbox.unknown.clear()
    await dialog.get_by_label("Reason").fill("Both were told.")
    await dialog.get_by_role("button", name="Discard", exact=True).click()
    await expect(page.get_by_role("region", name="What you decided").get_by_text("Discarded")).to_have_count(2)
    await expect(page.get_by_text("Nothing is set aside")).to_be_visible()
    assert mailbox.subjects("ann@example.org") == ["Order", "Order"]
    asked = '{ events(filter: { types: ["DeadLetterDiscarded"] }) { nodes { data } } }'
    assert [event["data"]["reason"] for event in (await shop.data(asked))["nodes"]] == ["Both were told."] * 2


@both_themes
@both_widths
async def test_nobody_is_shut_out_of_the_dead_letters(trouble: tuple[Shop, Picky], page: Page) -> None:
    shop, mailbox = trouble
    await open_at(shop, page, "dead-letters")
    await expect(page.get_by_role("region", name=GROUP)).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0
    await page.get_by_role("button", name="Discard UserRegistered at 2").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await axe(page) == []
    await page.keyboard.press("Escape")
    mailbox.unknown.clear()
    await page.get_by_role("button", name="Retry all 2, in order").click()
    await expect(page.get_by_text("Nothing is set aside")).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0
