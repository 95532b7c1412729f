"""What all tests share: how hypothesis works here, and a shop that runs."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests import worlds
from tests.running import Shop, opened
from tests.worlds import WORLDS

# Whoever starts us in the background has Ctrl-C ignored, and what we start would ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every run, so that a red build means a change; HYPOTHESIS_PROFILE=search looks for new ones.
# Explaining a failure traces every line, and took it past the time limit of a test.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
settings.register_profile("same", derandomize=True, deadline=None, max_examples=40, phases=PHASES)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--world", choices=["both", *WORLDS], default=None, help="where tests that can keep their tables")


ONE_WORLD = {
    "benchmarks": "it is about the programs that measure",
    "docs": "it is about what is written",
    "examples": "it is about who hears of a shop, not about the shop",
    "web": "it is about pages in a browser",
}
"Why tests of a directory need no other world."


def has_one_world(test: pytest.Item) -> bool:
    return test.path.parent.name in ONE_WORLD or test.get_closest_marker("one_world") is not None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Who has a folder keeps tables in it in every world, and so does who is marked `worlds`; unless one is enough."""
    find, chosen = metafunc.definition.get_closest_marker, metafunc.config.getoption("--world")
    if has_one_world(metafunc.definition):
        return
    names = WORLDS if chosen in (None, "both") else [chosen]
    if "world_of_module" in metafunc.fixturenames:
        metafunc.parametrize("world_of_module", names, indirect=True)
    elif find("worlds") or "tmp_path" in metafunc.fixturenames:
        metafunc.parametrize("world", names, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    worlds.begin()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    """Fail a test that keeps tables anywhere but in its world. So none can forget that there is another."""
    yield
    if not has_one_world(item):
        params: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
        chosen, args = params.get("world") or params.get("world_of_module"), dict[str, Any](item.funcargs)
        if wrong := worlds.stray(chosen, args.get("tmp_path")):
            pytest.fail(wrong, pytrace=False)


@pytest.fixture(autouse=True)
def world(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the test keeps its tables."""
    if "world_of_module" in request.fixturenames:
        name = request.getfixturevalue("world_of_module")
    else:
        name = getattr(request, "param", WORLDS[0])
    with worlds.world(name):
        yield name


@pytest.fixture(scope="module")
def world_of_module(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the tests of a module keep tables that they share."""
    with worlds.world(request.param):
        worlds.begin()  # the other world's are closed just before, and not used by the test that begins
        yield request.param


@pytest.fixture
async def shop(tmp_path: Path, world: str) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as running:
        yield running
