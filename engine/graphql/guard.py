"""A check in front of a resolver, which any way of executing an operation finds and must run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Guard:
    """A resolver of graphql-core that is reached only by those whom `check` lets pass."""

    check: Callable[[Any], None]
    "Takes the context of the operation, and raises for whoever may not."
    resolve: Callable[..., Any]

    def __call__(self, source: Any, info: Any, /, **arguments: Any) -> Any:
        self.check(info.context)
        return self.resolve(source, info, **arguments)
