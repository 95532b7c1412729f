"""In which ways a screen is looked at."""

import pytest

both_themes = pytest.mark.parametrize("theme", ["light", "dark"])
both_widths = pytest.mark.parametrize("width", [1280, 360])
