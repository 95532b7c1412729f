"""The log in the console: its end as it grows, filters, older pages, one event, and many at once."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.process import run
from tests.e2e.test_process import ask
from tests.web.acts import axe, overflow, sign_in
from tests.web.console import event_link, open_console, rows, unique, write
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths
from tests.web.watch import Watch

MANY = 10_000
LONGEST_MS = 200
PATIENCE = 60.0
EVENTS = "query($types: [String!]) { events(last: 1, filter: { types: $types }) { nodes { position correlationId } } }"
MEASURE = """() => {
  const found = (window.measured = { task: 0, input: 0, inputs: 0 });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) found.task = Math.max(found.task, duration);
  }).observe({ type: "longtask" });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) found.input = Math.max(found.input, duration);
  }).observe({ type: "event", durationThreshold: 16 });
  addEventListener("input", () => (found.inputs += 1));
}"""


async def test_what_is_stored_shows_up_at_the_top(desk: Desk, page: Page) -> None:
    await open_console(page, "events")
    await expect(rows(page).first).to_be_visible()
    async with desk.api() as client:
        receipt = await write(client, unique("live"))
    row = rows(page).filter(has_text=receipt["stream"])
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text(receipt["position"])
    await expect(row.get_by_role("cell", name="Ben Mortar")).to_be_visible()


async def test_no_row_carries_the_facts(desk: Desk, page: Page) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    await open_console(page, "events")
    await expect(rows(page).first).to_be_visible()
    secret = unique("value")
    async with desk.api() as client:
        receipt = await write(client, unique("light"), secret)
    await expect(event_link(page, receipt["position"])).to_be_visible()
    assert [frame for frame in frames if receipt["stream"] in frame]
    assert not [frame for frame in frames if secret in frame]


async def test_the_space_bar_pauses_and_what_is_new_is_counted(desk: Desk, page: Page) -> None:
    stream = unique("paused")
    await open_console(page, f"events?stream=record-{stream}")
    await expect(page.get_by_text("No event meets the filter")).to_be_visible()
    async with desk.api() as client:
        first = await write(client, stream, "1")
        await expect(event_link(page, first["position"])).to_be_visible()
        await page.get_by_role("heading", name="Events").click()
        await page.keyboard.press("Space")
        go_on = page.get_by_role("button", name="Go on")
        await expect(go_on).to_be_visible()
        positions = [(await write(client, stream, str(number)))["position"] for number in range(3)]
    await expect(go_on).to_have_text("Go on · 3 new")
    await expect(rows(page)).to_have_count(1)
    await page.keyboard.press("Space")
    await expect(rows(page)).to_have_count(4)
    await expect(rows(page).first).to_contain_text(positions[-1])
    await expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


async def test_a_filter_is_in_the_address_and_survives_a_reload(desk: Desk, page: Page) -> None:
    key = unique("filtered")
    async with desk.api() as client:
        receipt = await write(client, key)
        await write(client, unique("other"))
    await open_console(page, "events")
    await page.get_by_label("Stream").fill(receipt["stream"])
    await page.keyboard.press("Enter")
    await expect(rows(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile(f"stream={receipt['stream']}"))
    await page.get_by_label("Type", exact=True).fill("RecordDeleted")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No event meets the filter")).to_be_visible()
    await page.get_by_label("Type", exact=True).fill("RecordWritten")
    await page.keyboard.press("Enter")
    await expect(rows(page)).to_have_count(1)
    await page.reload()
    await expect(event_link(page, receipt["position"])).to_be_visible()
    await expect(page.get_by_label("Stream")).to_have_value(receipt["stream"])
    await expect(page.get_by_role("button", name="Without the type RecordDeleted")).to_be_visible()
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(page).to_have_url(re.compile("/console/events$"))
    await expect(rows(page).nth(5)).to_be_visible()
    await page.go_back()
    await expect(rows(page)).to_have_count(1)


@pytest.mark.parametrize("name", ["commandId", "correlationId"])
async def test_the_events_of_one_command_or_story_can_be_had(desk: Desk, page: Page, name: str) -> None:
    async with desk.api() as client:
        receipt = await write(client, unique("of-one"))
    await open_console(page, f"events?{name}={receipt['commandId']}")
    await expect(rows(page)).to_have_count(1)
    await expect(event_link(page, receipt["position"])).to_be_visible()


async def test_older_events_come_by_pages_up_to_the_first(page: Page) -> None:
    await open_console(page, "events?type=MedicineRegistered")
    here = page.get_by_text(re.compile(r"^\d+ events here$"))
    await expect(here).to_have_text("100 events here")
    counts = []
    older = page.get_by_role("button", name="Load older")
    while await older.count():
        before = await here.inner_text()
        await older.click()
        await expect(here).not_to_have_text(before)
        counts.append(int((await here.inner_text()).split()[0]))
    assert counts[:2] == [200, 300]
    await expect(page.get_by_text("The first event is reached.")).to_be_visible()
    assert await rows(page).count() < 60, "only those in sight are there"
    table = page.get_by_role("table", name="Events")
    await expect(table).to_have_attribute("aria-rowcount", str(counts[-1] + 1))
    await older.or_(page.get_by_text("The first event is reached.")).scroll_into_view_if_needed()
    await expect(rows(page).last).to_be_visible()


async def test_the_keys_go_down_and_up_and_open_an_event(desk: Desk, page: Page) -> None:
    key = unique("keys")
    async with desk.api() as client:
        positions = [(await write(client, key, str(number)))["position"] for number in range(3)][::-1]
    await open_console(page, f"events?stream=record-{key}")
    await expect(rows(page)).to_have_count(3)
    for pressed, expected in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        await page.keyboard.press(pressed)
        await expect(event_link(page, positions[expected])).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(f"/console/events/{positions[1]}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"RecordWritten at {positions[1]}")
    await page.go_back()
    await page.get_by_label("Stream").focus()
    await page.keyboard.press("j")
    await expect(page.get_by_label("Stream")).to_be_focused()


# ---------------------------------------------------------------- one event


async def test_an_event_tells_everything_about_itself(desk: Desk, page: Page) -> None:
    key, value = unique("whole"), unique("value")
    async with desk.api() as client:
        first = await write(client, key, value)
        second = await write(client, key, "later")
    await open_console(page, f"events/{first['position']}")
    fields = page.get_by_role("region", name="Event")
    for expected in ("RecordWritten", f"event_{first['position']}", first["stream"], first["commandId"], "Ben Mortar"):
        await expect(fields).to_contain_text(expected)
    await expect(page.get_by_role("region", name="Facts")).to_contain_text(f'"value": "{value}"')
    way = fields.get_by_role("link", name="Way of the command")
    await expect(way).to_have_attribute("href", f"/flow/{first['commandId']}")
    await expect(fields.get_by_role("link", name="Previous in the stream")).to_have_count(0)
    await fields.get_by_role("link", name="Next in the stream").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"RecordWritten at {second['position']}")
    await page.get_by_role("link", name="Previous in the stream").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"RecordWritten at {first['position']}")
    await page.get_by_role("link", name="Previous in the log").click()
    await expect(page).to_have_url(re.compile(f"/console/events/{int(first['position']) - 1}$"))
    await page.get_by_role("link", name="Next in the log").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"RecordWritten at {first['position']}")


async def test_an_event_can_be_had_as_graphql(desk: Desk, page: Page) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await open_console(page, "events/1")
    await page.get_by_role("button", name="Copy as GraphQL").click()
    await expect(page.get_by_text("Copied as GraphQL").first).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    query, _, variables = copied.partition("# variables: ")
    async with desk.api() as client:
        answer = (await client.post("/graphql", json={"query": query, "variables": json.loads(variables)})).json()
    assert answer["data"]["node"]["position"] == "1"
    address = await page.get_by_role("link", name="Open in GraphiQL").get_attribute("href")
    assert address
    assert address.startswith("/graphiql?query=")


async def test_large_facts_are_cut_and_can_be_had_whole(desk: Desk, page: Page, tmp_path: Path) -> None:
    value = "v" * 65_536
    async with desk.api() as client:
        receipt = await write(client, unique("large"), value)
    await open_console(page, f"events/{receipt['position']}")
    facts = page.get_by_role("region", name="Facts")
    await expect(facts).to_contain_text("The first 64 KB of")
    assert len(await facts.locator("code").inner_text()) == 64 * 1024
    async with page.expect_download() as download:
        await facts.get_by_role("button", name="Download all of it").click()
    kept = await download.value
    assert kept.suggested_filename == f"event-{receipt['position']}.json"
    await kept.save_as(tmp_path / "event.json")
    assert json.loads((tmp_path / "event.json").read_text())["value"] == value


async def test_what_led_to_what_is_told_from_command_to_event_to_the_commands_of_processes(
    desk: Desk, page: Page
) -> None:
    async with desk.api() as client:
        (refund,) = (await ask(client, EVENTS, types=["PaymentRefunded"]))["nodes"]
    await open_console(page, f"events/{refund['position']}")
    story = page.get_by_role("region", name="What led to what")
    here = story.get_by_role("link", name="PaymentRefunded")
    await expect(here).to_have_attribute("aria-current", "page")
    # Lists in lists: a command, its event, the command of a process, the event of that.
    followed = story.locator("ul ul ul ul").get_by_role("link", name="OrderRefunded")
    await expect(story.locator("ul ul ul").first).to_contain_text("by settlement")
    await followed.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("OrderRefunded at")
    await expect(page.get_by_role("region", name="Event")).to_contain_text(f"event_{refund['position']}")
    await page.get_by_role("link", name="To the cause").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"PaymentRefunded at {refund['position']}")


@pytest.mark.parametrize("place", ["999999999", "0", "first"])
async def test_a_place_without_an_event_says_so(page: Page, place: str) -> None:
    await open_console(page, f"events/{place}")
    await expect(page.get_by_text("There is no event at this place")).to_be_visible()


# ---------------------------------------------------------------- many, and for whom


@pytest.mark.own_desk
async def test_ten_thousand_events_at_once_leave_the_page_as_quick_as_it_was(
    desk: Desk, page: Page, watch: Watch, tmp_path: Path
) -> None:
    lines = (f"many-{number},Name {number},generic,Acme,tablet,10 mg,1.00" for number in range(MANY))
    file = tmp_path / "many.csv"
    file.write_text("\n".join(["id,name,generic_name,manufacturer,form,strength,price", *lines]))
    await open_console(page, "events")
    await expect(rows(page).first).to_be_visible()
    # They are stored while nobody serves; then the page goes on from where it was, as fast as it can be told.
    await desk.kill()
    watch.expect("ERR_CONNECTION_REFUSED|WebSocket connection to|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")
    done = await run(tmp_path, "import", str(file))
    assert done.code == 0, done.err
    await page.evaluate(MEASURE)
    field = page.get_by_label("Stream")
    await field.focus()
    await desk.start()
    last = page.get_by_role("link", name=re.compile("MedicineRegistered")).first
    async with asyncio.timeout(PATIENCE):
        while await page.get_by_text("5,000 events here, which is as many as are kept").count() == 0:
            await page.keyboard.press("a")
    await expect(last).to_be_visible()
    measured: dict[str, Any] = await page.evaluate("window.measured")
    assert measured["inputs"] > 10
    assert measured["task"] < LONGEST_MS
    assert measured["input"] < LONGEST_MS
    assert await rows(page).count() < 60
    async with desk.api() as client:
        receipt = await write(client, unique("after"))
    await expect(event_link(page, receipt["position"])).to_be_visible()


@pytest.mark.parametrize("path", ["events", "events/1"])
async def test_customers_are_told_that_the_log_is_for_staff(page: Page, path: str) -> None:
    await sign_in(page, "CUSTOMER")
    await page.goto(f"/console/{path}")
    await expect(page.get_by_text("This page is for the staff")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Console")).to_have_count(0)


@both_themes
@both_widths
async def test_nobody_is_shut_out_of_the_log(page: Page) -> None:
    await open_console(page, "events?type=OrderInitiated")
    await expect(rows(page).first).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0
    await rows(page).first.get_by_role("link").click()
    await expect(page.get_by_role("region", name="What led to what").get_by_role("link").first).to_be_visible()
    assert await axe(page) == []
    assert await overflow(page) == 0
