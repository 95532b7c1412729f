"""What all tests share: how hypothesis works here, and a shop that runs."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.running import Shop, opened

# The same examples on every run, so that a red build means a change; HYPOTHESIS_PROFILE=search looks for new ones.
# Explaining a failure traces every line, and took it past the time limit of a test.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
settings.register_profile("same", derandomize=True, deadline=None, max_examples=40, phases=PHASES)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as running:
        yield running
