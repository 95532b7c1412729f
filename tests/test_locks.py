"""The locks pin every dependency by its hash, name no place to fetch it from, and agree with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
WANTED = {
    "runtime.txt": PROJECT["dependencies"],
    "dev.txt": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"],
}


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*])?==(\S+)", lock.read_text(), re.MULTILINE))


def test_each_set_of_dependencies_has_its_lock() -> None:
    assert {lock.name for lock in LOCKS} == set(WANTED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_address_and_no_option_of_an_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE)
    assert "#" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_everything_by_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_agrees_with_the_project(lock: Path) -> None:
    pinned = pins(lock)
    wanted = [Requirement(line) for line in WANTED[lock.name]]
    assert [str(each) for each in wanted if pinned.get(each.name, "none") not in each.specifier] == []


def test_no_lock_that_cannot_do_without_addresses_is_kept() -> None:
    assert [name for name in ("uv.lock", "pylock.toml", "poetry.lock") if (ROOT / name).exists()] == []
