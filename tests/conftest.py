"""What all tests share: how hypothesis works here, and a shop that runs."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of modules marked `worlds` run in every world, and so do those of the API, but for those about files."""
    find, chosen = metafunc.definition.get_closest_marker, metafunc.config.getoption("--world")
    is_of_api = metafunc.definition.path.parent.name == "schema"
    if (is_of_api or find("worlds")) and not find("files") and "tmp_path" in metafunc.fixturenames:
        metafunc.parametrize("world", WORLDS if chosen in (None, "both") else [chosen], indirect=True)


@pytest.fixture(autouse=True)
def world(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the test keeps its tables."""
    name = getattr(request, "param", WORLDS[0])
    with worlds.world(name):
        yield name


@pytest.fixture
async def shop(tmp_path: Path, world: str) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as running:
        yield running
