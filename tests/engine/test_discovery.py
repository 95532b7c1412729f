"""What a package declares is found by looking, not by a list."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import domain
from domain.medicine import MEDICINE
from domain.readership import READERSHIP
from domain.record import RECORD
from engine.discovery import declared, modules
from engine.shapes import Aggregate, Upcaster

pytestmark = pytest.mark.one_world("it keeps no tables")

UPCASTER = "from engine.shapes import Upcaster\n{name} = Upcaster('PriceSet', {schema}, dict)\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty package on disk, under a name that nothing else has."""
    package = ModuleType("shop_for_a_test")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    for name in ("first", "second"):
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
    return package


def write(package: ModuleType, name: str, source: str) -> None:
    (Path(package.__path__[0]) / f"{name}.py").write_text(source)


def test_every_aggregate_of_the_shop_is_found() -> None:
    assert {MEDICINE, READERSHIP, RECORD} <= set(declared(domain, Aggregate))


def test_modules_come_in_the_order_of_their_names(package: ModuleType) -> None:
    write(package, "second", "")
    write(package, "first", "")
    assert [module.__name__ for module in modules(package)] == ["shop_for_a_test.first", "shop_for_a_test.second"]


def test_a_value_that_another_module_imports_is_found_once(package: ModuleType) -> None:
    write(package, "first", UPCASTER.format(name="FROM_1", schema=1))
    write(package, "second", "from shop_for_a_test.first import FROM_1\n" + UPCASTER.format(name="FROM_2", schema=2))
    assert [(each.event, each.schema) for each in declared(package, Upcaster)] == [("PriceSet", 1), ("PriceSet", 2)]


def test_two_values_with_one_name_are_an_error_that_names_both_places(package: ModuleType) -> None:
    write(package, "first", UPCASTER.format(name="ONE", schema=1))
    write(package, "second", UPCASTER.format(name="OTHER", schema=1))
    with pytest.raises(ValueError, match="rename one of them") as clash:
        declared(package, Upcaster)
    assert "shop_for_a_test.first and shop_for_a_test.second" in str(clash.value)
    assert "Upcaster 'PriceSet from schema 1'" in str(clash.value)
