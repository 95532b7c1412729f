"""How often an operation passes each of its variables on, and how much of them it passes on in all."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FragmentSpreadNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from engine.graphql.fragments import fragments

MAX_PASSED = 2000
"""Values of variables, however deep inside one another, counted each time that their variable is passed to a field:
each field checks and converts them for itself, which took up to 20 µs for one."""
MUCH = f"The variables have more than {MAX_PASSED} values, counted at each use."


class Uses:
    """What one operation of a valid document does with its variables."""

    def __init__(self, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._fragments = fragments(document)
        self._found: dict[str, Counter[str]] = {}
        self._times = self._within(operation.selection_set)
        self._most = max(self._times.values(), default=1)

    def times(self, name: str) -> int:
        """How often a variable is passed on."""
        return self._times[name]

    def is_much(self, variables: Mapping[str, Any], size: int | None) -> bool:
        """Whether more is passed on than may be. It takes time by that, however much there is.

        `size`: characters of the JSON that the variables came in, if that is known; no value takes less than one.
        """
        if size is not None and size * self._most <= MAX_PASSED:
            return False
        passed = 0
        for name, value in variables.items():
            times = self._times.get(name, 0) or 1
            passed += times * _count(value, (MAX_PASSED - passed) // times)
            if passed > MAX_PASSED:
                return True
        return False

    def _within(self, braces: SelectionSetNode) -> Counter[str]:
        found: Counter[str] = Counter()
        for selection in braces.selections:
            for given in (*(selection.directives or ()), selection):
                for argument in getattr(given, "arguments", None) or ():
                    found.update(_named(argument.value))
            if isinstance(selection, FragmentSpreadNode):
                found.update(self._of_fragment(selection.name.value))
            elif inner := getattr(selection, "selection_set", None):
                found.update(self._within(inner))
        return found

    def _of_fragment(self, name: str) -> Counter[str]:
        if name not in self._found:
            self._found[name] = self._within(self._fragments[name].selection_set)
        return self._found[name]


def _named(value: ValueNode) -> list[str]:
    """The variables in a value, as often as they are in it."""
    if isinstance(value, VariableNode):
        return [value.name.value]
    inner: list[ValueNode] = []
    if isinstance(value, ListValueNode):
        inner = list(value.values)
    elif isinstance(value, ObjectValueNode):
        inner = [field.value for field in value.fields]
    return [name for each in inner for name in _named(each)]


def _count(value: Any, enough: int) -> int:
    """How many values there are in one, itself included; some number above `enough` when there are more."""
    found = 1
    waiting: list[Any] = [value]
    while waiting and found <= enough:
        inner = waiting.pop()
        values: Collection[Any] = inner.values() if type(inner) is dict else inner if type(inner) is list else ()
        found += len(values)
        waiting += [each for each in values if type(each) in (dict, list)]
    return found
