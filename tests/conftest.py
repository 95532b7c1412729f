"""What all tests share: how hypothesis works here."""

import os

from hypothesis import Phase, settings

# The same examples on every run, so that a red build means a change; HYPOTHESIS_PROFILE=search looks for new ones.
# Explaining a failure traces every line, and took it past the time limit of a test.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
settings.register_profile("same", derandomize=True, deadline=None, max_examples=40, phases=PHASES)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
