"""Log lines."""

import json
import subprocess
import sys

import pytest

SAY = """
import logging, structlog
from engine import logs
logs.configure({level!r}, {format!r})
structlog.get_logger("a").info("said", position=3)
logging.getLogger("b").warning("heard %d", 4)
try:
    password = "hunter2"
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("a").exception("failed")
"""


def lines(level: str, format: str) -> list[str]:
    # A process of its own: what is configured is global, and would outlive the test.
    done = subprocess.run(
        [sys.executable, "-c", SAY.format(level=level, format=format)], capture_output=True, text=True, check=True
    )
    return done.stderr.splitlines()


@pytest.mark.parametrize("format", ["json", "auto"])
def test_where_nobody_looks_on_a_line_is_json_whoever_wrote_it(format: str) -> None:
    said, heard, failed = (json.loads(line) for line in lines("info", format))
    assert (said["event"], said["level"], said["position"]) == ("said", "info", 3)
    assert (heard["event"], heard["level"]) == ("heard 4", "warning")
    assert "ZeroDivisionError" in failed["exception"]


def test_what_is_less_serious_than_the_level_is_left_out() -> None:
    assert [json.loads(line)["event"] for line in lines("error", "json")] == ["failed"]


def test_a_person_gets_lines_to_read() -> None:
    assert "said" in lines("info", "console")[0]
    assert not lines("info", "console")[0].startswith("{")


def test_a_traceback_shows_no_values() -> None:
    assert "ZeroDivisionError" in "".join(lines("info", "console"))
    assert "hunter2" not in "".join(line for line in lines("info", "console") if "password =" not in line)
