"""The desk in a browser: Debian's Chromium, a real server, and nothing let through that a user should not see.

All tests of this folder share one event loop, the session's, as the browser belongs to it; their own asynchronous
fixtures say `@pytest_asyncio.fixture(loop_scope="session")`. They also share one server for each worker, with the shop
of the demo: a test counts nothing in it, and looks for what it made itself. One that needs the shop to itself, or kills
the server, is marked `own_desk`.
"""

import fcntl
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect
from pytest_playwright_asyncio import CreateContextCallback

from engine import ids
from tests import services
from tests.e2e.process import ROOT
from tests.web.desk import Desk, running
from tests.web.medicines import Medicine, registered
from tests.web.watch import NOWHERE, Watch

HERE = Path(__file__).parent
BUILDING = 300.0
HEIGHTS = {1280: 800, 360: 740}

# A busy machine has longer than the five seconds of Playwright.
expect.set_options(timeout=15_000)

Visit = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def built(pytestconfig: pytest.Config) -> Path:
    """The desk as it is built now; by the first who asks."""
    make = services.program("make", "to build the desk")
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    with (pytestconfig.cache.mkdir("web") / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        command = [make, "--silent", "web"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=BUILDING, check=False
        )
    assert done.returncode == 0, done.stderr
    return ROOT / "web" / "dist"


@pytest.fixture(scope="session")
def base_url() -> None:
    """The plugin's own is made in a way that pytest warns of; `visit` knows the address of each test's server."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = services.program("chromium", "to open the desk in")
    return {**browser_type_launch_args, "executable_path": chromium, "args": [NOWHERE]}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_desk(built: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with running(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def single_desk(built: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    async with running(tmp_path) as desk:
        yield desk


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Desk:
    """The server: that of all tests, or one of its own for a test marked `own_desk`."""
    name = "single_desk" if request.node.get_closest_marker("own_desk") else "shared_desk"
    found: Desk = request.getfixturevalue(name)
    return found


@pytest.fixture
def watch(desk: Desk) -> Watch:
    return Watch(desk.url)


@pytest.fixture
def theme() -> str:
    """What the system prefers; `both_themes` has a test run in each."""
    return "light"


@pytest.fixture
def width() -> int:
    """Of the window, in pixels; `both_widths` has a test run in each."""
    return 1280


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    new_context: CreateContextCallback, desk: Desk, watch: Watch, theme: Any, width: int
) -> AsyncIterator[Visit]:
    """Opens a window for somebody who was never here; a second tab of theirs is `page.context.new_page()`.

    At the end the test fails if any page did what none must do.
    """

    async def opened(**options: Any) -> Page:
        settings = {
            "base_url": desk.url,
            "viewport": {"width": width, "height": HEIGHTS[width]},
            "color_scheme": theme,
            "reduced_motion": "reduce",
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
        }
        context: BrowserContext = await new_context(**{**settings, **options})
        watch.over(context)
        return await context.new_page()

    yield opened
    assert watch.faults() == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: Visit) -> Page:
    """A window, still empty: `await page.goto("/")`."""
    return await visit()


@pytest.fixture
def email() -> str:
    """An address that nobody else has."""
    return f"{ids.new()}@example.org"


@pytest_asyncio.fixture(loop_scope="session")
async def staff(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Another client, of the staff."""
    async with desk.api("STAFF") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def medicine(staff: httpx.AsyncClient) -> Medicine:
    """One of a test's own: 40 of them at $5.00."""
    return await registered(staff)
