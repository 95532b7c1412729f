"""The locks pin every dependency by its hash, name no place to fetch it from, and agree with what asks for it."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
EXTRAS = PROJECT["optional-dependencies"]
JAVASCRIPT = [ROOT / "tests" / "clients", ROOT / "web"]
BROKERS = ("rabbitmq", "nats", "redis", "kafka")
WANTED = {
    "runtime.txt": PROJECT["dependencies"],
    "dev.txt": PROJECT["dependencies"] + [line for extra in ("dev", *BROKERS) for line in EXTRAS[extra]],
    **{f"{extra}.txt": PROJECT["dependencies"] + EXTRAS[extra] for extra in ("web", "otel", "postgres", *BROKERS)},
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


each_javascript_lock = pytest.mark.parametrize("folder", JAVASCRIPT, ids=lambda folder: folder.name)


@each_javascript_lock
def test_a_lock_of_javascript_names_no_address(folder: Path) -> None:
    text = (folder / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text


@each_javascript_lock
def test_a_lock_of_javascript_pins_everything_by_hash_and_agrees_with_what_is_asked_for(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    asked = json.loads((folder / "package.json").read_text())
    own = packages.pop("")
    wanted = {**asked["dependencies"], **asked.get("devDependencies", {})}
    assert {**own["dependencies"], **own.get("devDependencies", {})} == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []


@each_javascript_lock
def test_a_lock_of_javascript_holds_what_every_platform_needs(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    optional = {name for entry in packages.values() for name in entry.get("optionalDependencies", {})}
    # npm leaves out what the registry does not have, and then refuses the lock for it.
    assert sorted(name for name in optional if f"node_modules/{name}" not in packages) == []


def test_no_lock_that_cannot_do_without_addresses_is_kept() -> None:
    assert [name for name in ("uv.lock", "pylock.toml", "poetry.lock") if (ROOT / name).exists()] == []
