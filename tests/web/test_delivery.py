"""The desk as it is delivered: all of it from its own server, under its own policy; and the watch over every test."""

import os
import subprocess
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, Request, expect

from tests.e2e.process import ROOT
from tests.web.acts import axe, overflow, sign_in
from tests.web.conftest import Visit
from tests.web.desk import Desk
from tests.web.looks import both_themes, both_widths
from tests.web.watch import Watch

PATHS = ["/", "/orders", "/graphiql"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_loads_all_that_it_needs_from_its_own_server(page: Page, watch: Watch, path: str) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    answer = await page.goto(path)
    assert answer
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    await expect(page.locator("#root")).not_to_be_empty()
    assert len(asked) > 1
    assert watch.faults() == []


async def test_a_script_comes_compressed_and_is_not_fetched_twice(page: Page) -> None:
    async with page.expect_response("**/assets/*.js") as first:
        await page.goto("/")
    answer = await first.value
    assert await answer.header_value("content-encoding") == "gzip"
    assert answer.headers["cache-control"].endswith("immutable")
    # As long as it is in the cache of the browser, the server is not asked at all.
    kept = await page.evaluate(
        "url => fetch(url, { cache: 'only-if-cached', mode: 'same-origin' }).then(r => r.ok)", answer.url
    )
    assert kept


@both_themes
@both_widths
async def test_the_front_page_shuts_nobody_out(page: Page) -> None:
    await page.goto("/")
    await expect(page.locator("#root")).not_to_be_empty()
    assert await axe(page) == []
    assert await overflow(page) == 0


async def test_the_theme_and_the_width_are_those_that_a_test_asks_for(visit: Visit) -> None:
    page = await visit(color_scheme="dark", viewport={"width": 360, "height": 740})
    await page.goto("/")
    assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert await page.evaluate("innerWidth") == 360


async def test_a_request_that_leaves_the_origin_is_counted_and_goes_nowhere(visit: Visit, watch: Watch) -> None:
    page = await visit(bypass_csp=True)
    await page.goto("/")
    for call in (
        "fetch('http://example.org/a').catch(String)",
        "fetch('http://192.0.2.1/b').catch(String)",
        "new Promise(done => { new WebSocket('ws://example.org/c').onerror = () => done('failed') })",
    ):
        assert await page.evaluate(call) in ("TypeError: Failed to fetch", "failed")
    assert watch.outside == ["http://example.org/a", "http://192.0.2.1/b", "ws://example.org/c"]
    assert len(watch.faults()) >= 3
    watch.outside.clear()
    watch.expect("ERR_NAME_NOT_RESOLVED")


async def test_what_the_policy_of_the_page_forbids_is_an_error(page: Page, watch: Watch) -> None:
    await page.goto("/")
    await page.evaluate(
        "() => { document.head.append(Object.assign(document.createElement('style'), { innerText: 'a{}' })) }"
    )
    assert ["style-src 'self'" in fault for fault in watch.faults()] == [True]
    watch.errors.clear()


async def test_an_error_that_nobody_catches_is_noticed(page: Page, watch: Watch) -> None:
    await page.goto("/")
    async with page.expect_event("pageerror"):
        await page.evaluate("() => { setTimeout(() => { throw new Error('spilt') }) }")
    assert ["spilt" in fault for fault in watch.faults()] == [True]
    watch.errors.clear()


async def test_axe_finds_what_is_wrong(page: Page) -> None:
    await page.goto("/")
    await page.evaluate("() => { document.body.append(document.createElement('button')) }")
    assert "button-name" in [line.partition(":")[0] for line in await axe(page)]


@pytest.mark.parametrize("role", ["CUSTOMER", "STAFF", "ADMIN"])
async def test_somebody_of_each_role_can_sign_in(desk: Desk, page: Page, role: str) -> None:
    await sign_in(page, role)
    account = desk.account(role)
    await expect(page.get_by_text(f"{account.first_name} {account.last_name}").first).to_be_visible()


@pytest.mark.own_desk
async def test_a_server_that_was_killed_comes_back_at_the_same_address(desk: Desk, page: Page, watch: Watch) -> None:
    await page.goto("/", wait_until="networkidle")
    address = desk.url
    await desk.kill()
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            await client.get(address)
    watch.expect("ERR_CONNECTION_REFUSED")
    await desk.start()
    assert desk.url == address
    await page.reload()
    await expect(page.locator("#root")).not_to_be_empty()


def test_the_parts_of_the_desk_that_are_pure_logic_do_what_they_should(built: Path) -> None:
    path = f"{ROOT / '.venv' / 'node'}{os.pathsep}{os.environ['PATH']}"
    command = ["npm", "test", "--silent"]
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT / "web", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
