"""What a package declares: found by importing its modules, so that no list has to be kept."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any, TypeVar

from engine.shapes import Upcaster

T = TypeVar("T")


def modules(package: ModuleType) -> tuple[ModuleType, ...]:
    """The modules directly inside a package, imported, in the order of their names."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.ispkg)
    return tuple(importlib.import_module(f"{package.__name__}.{name}") for name in names)


def declared(package: ModuleType, kind: type[T]) -> tuple[T, ...]:
    """The module-level values of a kind, each once. Raises ValueError when two of them have one name."""
    found: dict[str, tuple[T, str]] = {}
    for module in modules(package):
        for value in vars(module).values():
            if not isinstance(value, kind):
                continue
            first, place = found.setdefault(_name(value), (value, module.__name__))
            if first is not value:
                raise ValueError(
                    f"{place} and {module.__name__} both declare {kind.__name__} {_name(value)!r}; rename one of them."
                )
    return tuple(value for value, _ in found.values())


def _name(value: Any) -> str:
    return f"{value.event} from schema {value.schema}" if isinstance(value, Upcaster) else str(value.name)
