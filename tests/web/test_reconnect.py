"""What happens to the desk when the connection, the server or the session goes: it goes on where it was."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Page, WebSocket, expect

from cli.endpoint import AUDIENCE, ISSUER
from engine import clock
from engine.tokens import Tokens
from tests.web import prices
from tests.web.acts import sign_in
from tests.web.desk import Desk
from tests.web.watch import Watch

LONG = 30_000
"Milliseconds until a page tries again at the latest, and some for a busy machine."
LOST = r"WebSocket connection to|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE"
KEY = "dispensary.session"


@dataclass
class Frames:
    """Every frame of the catalogue that came to a page, one list for each socket."""

    sockets: list[list[dict[str, Any]]] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        frames: list[dict[str, Any]] = []
        self.sockets.append(frames)
        socket.on("framereceived", lambda text: self._received(frames, text))

    def _received(self, frames: list[dict[str, Any]], text: str | bytes) -> None:
        data = json.loads(text).get("payload", {}).get("data") or {}
        if frame := data.get("medicines"):
            frames.append(frame)

    def since(self, sockets: int) -> list[dict[str, Any]]:
        """What came over the sockets after the first so many."""
        return [frame for frames in self.sockets[sockets:] for frame in frames]


@pytest.fixture
def frames(page: Page) -> Frames:
    found = Frames()
    found.over(page)
    return found


async def shown(page: Page) -> dict[str, str]:
    """The prices that the page shows of all medicines, by name and strength."""
    listed = page.get_by_role("list", name="Medicines").get_by_role("listitem")
    while await (more := page.get_by_role("button", name=re.compile("^Show .* more of"))).count():
        await more.click()
    texts = await listed.evaluate_all(
        "rows => rows.map((row) => [row.querySelector('p').textContent, row.textContent.match(/\\$([\\d,.]+)/)[1]])"
    )
    return {name: price.replace(",", "") for name, price in texts}


def as_shown(medicines: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {f"{each['name']} {each['strength']}": each["price"]["amount"] for each in medicines.values()}


def check_chain(frames: list[dict[str, Any]]) -> None:
    """Nothing was missed, and nothing came twice: each frame goes on from the one before."""
    for before, after in pairwise(frames):
        assert after["since"] == before["position"]


@pytest.mark.own_desk
async def test_what_others_change_while_the_plug_is_out_is_caught_up_counted_and_not_read_twice(
    page: Page, desk: Desk, frames: Frames
) -> None:
    await sign_in(page, "STAFF")
    await expect(page.get_by_text("381 medicines")).to_be_visible()
    async with desk.api() as api:
        some = list((await prices.catalogue(api)).values())[:12]
        before = len(frames.sockets)
        await page.get_by_role("button", name="Pull the plug for 10 s").click()
        await expect(page.get_by_text("As of before the connection was lost")).to_be_visible()
        for medicine in some:
            await prices.change(api, medicine["id"], prices.another(medicine))
        await expect(prices.row(page, some[0])).to_contain_text(some[0]["price"]["amount"])
        await expect(page.get_by_role("button", name=re.compile(r"^Plug in again \([1-9] s\)$"))).to_be_visible()
        await expect(page.get_by_text("Connected again. 12 changes caught up.").last).to_be_visible(timeout=LONG)
        caught = frames.since(before)
        assert {frame["kind"] for frame in caught} == {"CHANGES"}
        ids = [row["id"] for frame in caught for row in frame["upserted"]]
        assert sorted(ids) == sorted(medicine["id"] for medicine in some)
        check_chain([frame for socket in frames.sockets for frame in socket])
        assert await shown(page) == as_shown(await prices.catalogue(api))


@pytest.mark.own_desk
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_after_a_restart_of_the_server_the_page_goes_on_without_a_gap(
    page: Page, desk: Desk, frames: Frames, watch: Watch, how: str
) -> None:
    watch.expect(LOST)
    await sign_in(page, "STAFF")
    await expect(page.get_by_text("381 medicines")).to_be_visible()
    async with desk.api() as api:
        one, other, *_ = (await prices.catalogue(api)).values()
        await prices.change(api, one["id"], prices.another(one))
        await expect(prices.row(page, one)).to_contain_text(prices.another(one))
    before = len(frames.sockets)
    await (desk.stop() if how == "stopped" else desk.kill())
    banner = page.get_by_role("status", name="Connection")
    await expect(banner).to_contain_text("No live connection. What you see may be old.")
    await expect(page.get_by_text("As of before the connection was lost")).to_be_visible()
    await desk.start()
    await expect(page.get_by_text("Connected again.").last).to_be_visible(timeout=LONG)
    await expect(banner).to_be_hidden()
    async with desk.api() as api:
        await prices.change(api, other["id"], prices.another(other))
        await expect(prices.row(page, other)).to_contain_text(prices.another(other))
        assert {frame["kind"] for frame in frames.since(before)} == {"CHANGES"}
        check_chain([frame for socket in frames.sockets for frame in socket])
        assert await shown(page) == as_shown(await prices.catalogue(api))


@pytest.mark.own_desk
@pytest.mark.timeout(120)
async def test_what_is_sent_to_a_dead_server_goes_out_once_when_it_is_back(
    page: Page, desk: Desk, watch: Watch
) -> None:
    watch.expect(LOST)
    await sign_in(page, "STAFF")
    async with desk.api() as api:
        medicine = next(iter((await prices.catalogue(api)).values()))
    await expect(prices.row(page, medicine)).to_be_visible()
    await desk.kill()
    wanted = prices.another(medicine)
    await prices.set_price(page, medicine, wanted)
    await expect(prices.row(page, medicine)).to_contain_text("Not sent")
    await expect(prices.row(page, medicine)).to_contain_text(wanted)
    await desk.start()
    last = page.get_by_role("region", name="Last command")
    await expect(last.get_by_text("Stored and shown")).to_be_visible(timeout=LONG)
    async with desk.api() as api:
        now = (await prices.catalogue(api))[medicine["id"]]
    assert (now["price"]["amount"], now["version"]) == (wanted, medicine["version"] + 1)


@pytest.mark.own_desk
@pytest.mark.timeout(120)
async def test_the_banner_counts_down_and_connects_at_once_when_told_to(page: Page, desk: Desk, watch: Watch) -> None:
    watch.expect(LOST)
    await sign_in(page, "CUSTOMER")
    await page.clock.install()
    await page.goto("/")
    banner = page.get_by_role("status", name="Connection")
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()
    await desk.kill()
    # Only the page's own clock goes on: after some tries in vain the pauses are long.
    for _ in range(8):
        await page.clock.run_for(16_000)
    await expect(banner).to_contain_text(re.compile(r"Next try in (8|9|1[0-5]) seconds"))
    await page.clock.run_for(2_000)
    await expect(banner).to_contain_text(re.compile(r"Next try in ([6-9]|1[0-3]) seconds"))
    await desk.start()
    await banner.get_by_role("button", name="Connect now").click()
    await expect(banner).to_be_hidden()


def tokens(desk: Desk, lifetime: timedelta) -> Tokens:
    """The server's own, but for how long they last."""
    (key,) = desk.folder.rglob("token.key")
    return Tokens(key.read_bytes(), lifetime=lifetime, issuer=ISSUER, audience=AUDIENCE, now=clock.now)


async def shorten(page: Page, desk: Desk, lifetime: timedelta, told: timedelta) -> None:
    """Give the page a token that ends soon, and tell it when."""
    session = json.loads(await page.evaluate(f"sessionStorage.getItem('{KEY}')"))
    session["token"] = tokens(desk, lifetime).issue(session["viewer"]["id"], 0).text
    session["expiresAt"] = (clock.now() + told).isoformat()
    text = json.dumps(session)
    await page.evaluate(
        "([key, text]) => { sessionStorage.setItem(key, text); localStorage.setItem(key, text); }", [KEY, text]
    )


async def test_a_session_that_the_server_ends_leads_to_the_sign_in_and_back(
    page: Page, desk: Desk, watch: Watch
) -> None:
    watch.expect("401")
    await sign_in(page, "STAFF")
    # As on a device whose clock is late: the page still trusts a token that the server does not.
    await shorten(page, desk, timedelta(seconds=4), timedelta(hours=2))
    await page.goto("/account?from=here")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Account")
    await expect(page).to_have_url(re.compile(r"/sign-in\?next="), timeout=LONG)
    await expect(page.get_by_text("Your session has ended. Sign in again to go on.")).to_be_visible()
    await page.get_by_role("button", name=desk.account("STAFF").email).click()
    await expect(page).to_have_url(re.compile(r"/account\?from=here$"))


async def test_a_token_that_ends_soon_is_renewed_and_nobody_notices(page: Page, desk: Desk) -> None:
    await sign_in(page, "STAFF")
    await shorten(page, desk, timedelta(seconds=6), timedelta(seconds=6))
    old = await page.evaluate(f"sessionStorage.getItem('{KEY}')")
    await page.goto("/")
    await page.wait_for_function(
        "([key, old]) => JSON.parse(sessionStorage.getItem(key)).token !== JSON.parse(old).token", arg=[KEY, old]
    )
    await expect(page.get_by_role("main").get_by_text("Live", exact=True)).to_be_visible()
    assert "sign-in" not in page.url


async def test_a_page_opened_after_the_session_ended_says_why_one_has_to_sign_in(page: Page, desk: Desk) -> None:
    await sign_in(page, "STAFF")
    await shorten(page, desk, timedelta(seconds=-1), timedelta(seconds=-1))
    await page.goto("/orders?status=PAID")
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await expect(page.get_by_text("Your session has ended. Sign in again to go on.")).to_be_visible()
    await page.get_by_role("button", name=desk.account("STAFF").email).click()
    await expect(page).to_have_url(re.compile(r"/orders\?status=PAID$"))
