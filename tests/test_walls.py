"""The walls inside the code that no import linter can see: what may cross them, class by class."""

import ast
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import domain
import readmodels
from engine.discovery import modules
from engine.refusals import Refusal
from engine.shapes import Aggregate, Command, Event

ROOT = Path(__file__).parent.parent
# A white list: what is not named here is not pure until someone has thought about it.
STANDARD = {"collections.abc", "csv", "dataclasses", "datetime", "decimal", "enum", "re", "typing", "unicodedata"}
PURE = sorted([*ROOT.glob("domain/*.py"), *ROOT.glob("readmodels/*.py")])
SCHEMA = sorted(ROOT.glob("schema/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))
CODE = sorted(
    path
    for package in ("engine", "domain", "readmodels", "ports", "schema")
    for path in ROOT.glob(f"{package}/**/*.py")
)
CLOCKS = {"now", "utcnow", "today"}
ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_pure_file = pytest.mark.parametrize("path", PURE, ids=name_of)


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> list[tuple[str, str | None]]:
    """What a file imports: (module, name), where None stands for the module itself."""
    whole: list[tuple[str, str | None]] = [
        (alias.name, None) for node in nodes(path) if isinstance(node, ast.Import) for alias in node.names
    ]
    parts: list[tuple[str, str | None]] = [
        (node.module or "", alias.name)
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return whole + parts


def aggregates_in(module: ModuleType) -> list[Aggregate[Any]]:
    return [value for value in vars(module).values() if isinstance(value, Aggregate)]


def from_aggregates(path: Path) -> list[tuple[str, Any]]:
    """What a file takes from files with an aggregate, by its name and value."""
    rules = {module.__name__ for module in modules(domain) if aggregates_in(module)}
    return [
        (f"{module}.{name}", getattr(import_module(module), name) if name else import_module(module))
        for module, name in imports(path)
        if module in rules
    ] + [
        (f"domain.{name}", import_module(f"domain.{name}"))
        for module, name in imports(path)
        if module == "domain" and f"domain.{name}" in rules
    ]


def is_any_of(value: Any, *kinds: type) -> bool:
    classes = get_args(value) or (value,)
    return all(isinstance(each, type) and issubclass(each, kinds) for each in classes)


@each_pure_file
def test_rules_and_folds_import_only_what_is_pure(path: Path) -> None:
    below = {"domain"} if path.parent.name == "readmodels" else set()
    own = {path.parent.name, *below}
    allowed = STANDARD | {"engine.shapes", "engine.refusals"}
    assert [module for module, _ in imports(path) if module not in allowed and module.split(".")[0] not in own] == []


@each_pure_file
def test_rules_and_folds_never_wait_and_read_no_clock(path: Path) -> None:
    assert [node.lineno for node in nodes(path) if isinstance(node, ASYNC)] == []
    assert [node.lineno for node in nodes(path) if isinstance(node, ast.Attribute) and node.attr in CLOCKS] == []


@each_pure_file
def test_rules_and_folds_keep_nothing_between_calls(path: Path) -> None:
    assert [node.lineno for node in nodes(path) if isinstance(node, ast.Global | ast.Nonlocal)] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("readmodels/*.py")), ids=name_of)
def test_a_read_model_takes_only_events_from_the_rules(path: Path) -> None:
    assert [name for name, value in from_aggregates(path) if not is_any_of(value, Event, Enum)] == []


@pytest.mark.parametrize("path", SCHEMA, ids=name_of)
def test_the_api_takes_only_commands_and_refusals_from_the_rules(path: Path) -> None:
    assert [name for name, value in from_aggregates(path) if not is_any_of(value, Command, Refusal, Enum)] == []


@pytest.mark.parametrize(
    "module", [each for each in modules(domain) if aggregates_in(each)], ids=lambda each: each.__name__
)
def test_an_aggregate_knows_no_other(module: ModuleType) -> None:
    assert len(aggregates_in(module)) == 1
    assert from_aggregates(Path(str(module.__file__))) == []


@pytest.mark.parametrize("package", [domain, readmodels], ids=lambda each: each.__name__)
def test_a_package_keeps_its_files_side_by_side(package: ModuleType) -> None:
    assert [name_of(path) for path in ROOT.glob(f"{package.__name__}/*/*.py")] == []


@pytest.mark.parametrize("path", [path for path in CODE if path.name == "__init__.py"], ids=name_of)
def test_a_package_file_holds_nothing_but_its_sentence(path: Path) -> None:
    if path.parent.name == "schema":
        return  # build() is there
    (only,) = ast.parse(path.read_text()).body
    assert isinstance(only, ast.Expr)


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_opens_with_one_sentence(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]
    assert first.endswith(".")


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_and_its_functions_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= (400 if path.parent.name == "schema" else 300)
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 40] == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_who_runs_in_one_world_says_why(path: Path) -> None:
    parts = nodes(path)
    marks = [node.lineno for node in parts if isinstance(node, ast.Attribute) and node.attr == "one_world"]
    calls = [node for node in parts if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("one_world")]
    assert len(marks) == len([call for call in calls if call.args and len(ast.unparse(call.args[0]).split()) > 2])


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_no_test_sleeps(path: Path) -> None:
    assert [node.lineno for node in nodes(path) if isinstance(node, ast.Call) and waits_blindly(node)] == []


def waits_blindly(call: ast.Call) -> bool:
    """Whether a call sleeps; `sleep(0)` does not, it only gives others their turn, and who writes at a PACE has to."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    how_long = " ".join(ast.unparse(each) for each in call.args)
    return name == "sleep" and how_long != "0" and "PACE" not in how_long
