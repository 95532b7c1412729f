"""Two worlds: SQLite alone, PostgreSQL with Redis. No test can forget one: what keeps its tables elsewhere fails."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.feed import LOG
from tests import worlds
from tests.running import Shop

ROOT = Path(__file__).parent.parent
TESTS = """
import sqlite3
from pathlib import Path

import pytest

from tests import worlds


def test_declared(tmp_path: Path) -> None:
    worlds.session(place(tmp_path)).close()


def place(folder: Path) -> Path:
    path = folder / "log.db"
    if not worlds.is_postgres():
        path.touch()
    return path


def test_astray(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "own.db").close()


def test_undeclared(tmp_path_factory: pytest.TempPathFactory) -> None:
    sqlite3.connect(tmp_path_factory.mktemp("own") / "own.db").close()


@pytest.mark.one_world("it is about files")
def test_of_one_world(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "own.db").close()


def test_by_another_process(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.db").touch()


def test_without_tables() -> None:
    sqlite3.connect(":memory:").close()
"""
WANTED = {
    "test_declared[sqlite] PASSED",
    "test_declared[postgresql] PASSED",
    "test_astray[sqlite] PASSED",
    "test_astray[postgresql] FAILED",
    "test_undeclared FAILED",
    "test_of_one_world PASSED",
    "test_by_another_process[sqlite] PASSED",
    "test_by_another_process[postgresql] FAILED",
    "test_without_tables PASSED",
}


async def test_hints_go_over_redis_where_tables_are_on_postgresql(shop: Shop, world: str) -> None:
    standing = shop.app.feed.standing
    assert standing.address.startswith("redis://") is (world == "postgresql")
    assert standing.is_connected
    await shop.accepted("writeRecord", key="a", value="1")
    assert await shop.app.feed.reached(LOG, 1, 5)


@pytest.mark.one_world("it runs tests of all worlds itself")
def test_a_test_that_keeps_tables_elsewhere_fails(tmp_path: Path) -> None:
    with worlds.world("postgresql"):
        (tmp_path / "test_some.py").write_text(TESTS)
        command = [sys.executable, "-m", "pytest", "-v", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir"]
        chosen = [str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-p", "no:randomly", str(tmp_path / "test_some.py")]
        found = subprocess.run([*command, *chosen], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert set(re.findall(r"::(test_\S+ [A-Z]+) .*%\]", found.stdout)) == WANTED, found.stdout
