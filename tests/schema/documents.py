"""Documents that nobody thought of: generated from the schema, mostly right, now and then wrong somewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random  # noqa: TID251  # from a seed: the same documents each time
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from engine.graphql.execution import Request

WRONG: Sequence[Any] = (None, True, 7, 2**31, 1.5, "x", [], {}, [None], {"unknown": 1}, "2026-01-01T00:00:00Z")
MOST_DEPTH = 5
MOST_PARTS = (5, 5, 4, 3)
"Of a selection, by its depth; the last for all below. What is asked for grows by each, and the schema has a limit."


@dataclass
class _Document:
    """What belongs to the one that is being written."""

    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    names: int = 0

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"


class Documents:
    """Writes documents. `known` holds, by the name of an argument or an input's field, values that mean something."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, known: Mapping[str, Sequence[Any]], left_out: frozenset[str]
    ) -> None:
        self._schema = schema
        self._random = Random(seed)
        self._known = known
        self._left_out = left_out
        self._ambiguous = _ambiguous(schema)
        self._document = _Document()

    def request(self, kind: OperationType, roots: Sequence[str], most: int = 3) -> Request:
        """An operation on some of these root fields."""
        self._document = document = _Document()
        root: Any = self._schema.get_root_type(kind)
        chosen = [self._random.choice(roots) for _ in range(self._random.randint(1, most))]
        selection = " ".join(self._field(root.fields[name], name, 0, self._document.name("r")) for name in chosen)
        declared = f"({', '.join(document.declared)})" if document.declared else ""
        text = "\n".join([f"{kind.value} Generated{declared} {{ {selection} }}", *document.fragments])
        return Request(text, document.variables or None)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    # ------------------------------------------------------------ selections

    def _selection(self, kind: Any, depth: int) -> str:
        most = MOST_PARTS[min(depth, len(MOST_PARTS) - 1)]
        parts = [self._part(kind, depth) for _ in range(self._random.randint(1, most))]
        return f"{{ {' '.join(part for part in parts if part) or '__typename'} }}"

    def _part(self, kind: Any, depth: int) -> str:
        if self._chance(0.1):
            return "__typename"
        if self._chance(0.15) or (is_abstract_type(kind) and self._chance(0.6)):
            return self._fragment(kind, depth)
        names = [name for name in getattr(kind, "fields", ()) if name not in self._left_out]
        if not names:
            return "__typename"
        name = self._random.choice(names)
        field = kind.fields[name]
        if is_composite_type(get_named_type(field.type)) and depth >= MOST_DEPTH:
            return "__typename"
        # Two of one key must be the same, so what has arguments always has a key of its own.
        key = self._document.name("k") if field.args or self._chance(0.2) else self._shared_key(kind, name)
        return self._field(field, name, depth, key, self._directives())

    def _shared_key(self, kind: Any, name: str) -> str:
        """For fields that can be merged with their like, also from fragments on other types."""
        return f"{name}Of{kind.name}" if name in self._ambiguous else ""

    def _fragment(self, kind: Any, depth: int) -> str:
        possible = [kind, *(self._schema.get_possible_types(kind) if is_abstract_type(kind) else kind.interfaces)]
        chosen = self._random.choice(possible)
        if depth >= MOST_DEPTH or self._chance(0.6):
            condition = f" on {chosen.name}" if chosen is not kind or self._chance(0.5) else ""
            return f"...{condition}{self._directives()} {self._selection(chosen, depth + 1)}"
        name = self._document.name("F")
        self._document.fragments.append(f"fragment {name} on {chosen.name} {self._selection(chosen, depth + 1)}")
        return f"...{name}{self._directives()} ...{name}"

    def _field(self, field: GraphQLField, name: str, depth: int, key: str, directives: str = "") -> str:
        given = [
            f"{argument}: {self._given(argument, each.type, is_required_argument(each))}"
            for argument, each in field.args.items()
            if is_required_argument(each) or self._chance(0.3)
        ]
        arguments = f"({', '.join(given)})" if given else ""
        kind = get_named_type(field.type)
        inner = f" {self._selection(kind, depth + 1)}" if is_composite_type(kind) else ""
        return f"{key}{': ' if key else ''}{name}{arguments}{directives}{inner}"

    def _directives(self) -> str:
        if not self._chance(0.05):
            return ""
        name, value = self._random.choice(["skip", "include"]), self._chance(0.5)
        if self._chance(0.5):
            return f" @{name}(if: {json.dumps(value)})"
        variable = self._random.choice(["s1", "s2", "s3"])
        if variable not in self._document.variables:
            self._document.declared.append(f"${variable}: Boolean!")
            self._document.variables[variable] = value
        return f" @{name}(if: ${variable})"

    # ------------------------------------------------------------ values

    def _given(self, name: str, kind: GraphQLInputType, is_required: bool) -> str:
        """An argument's value: a literal, or a variable that is declared and mostly given."""
        value = self._value(name, kind)
        if self._chance(0.5):
            return self._literal(value, kind)
        variable, document = self._document.name("v"), self._document
        default = ""
        if self._chance(0.15) and not is_non_null_type(kind):
            default = f" = {self._literal(self._value(name, kind), kind, is_constant=True)}"
        document.declared.append(f"${variable}: {kind}{default}")
        if self._chance(0.04):
            value = self._random.choice(WRONG)
        if is_required or self._chance(0.8):
            document.variables[variable] = value
        return f"${variable}"

    def _value(self, name: str, kind: Any) -> Any:
        if is_non_null_type(kind):
            return self._present(name, kind.of_type)
        return None if self._chance(0.1) else self._present(name, kind)

    def _present(self, name: str, kind: Any) -> Any:
        if is_list_type(kind):
            return [self._value(name, kind.of_type) for _ in range(self._random.randint(0, 3))]
        if is_input_object_type(kind):
            return {
                key: self._value(key, each.type)
                for key, each in kind.fields.items()
                if is_required_input_field(each) or self._chance(0.3)
            }
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(list(kind.values))
        if name in self._known and self._chance(0.9):
            return self._random.choice(self._known[name])
        return self._random.choice(_USUAL[kind.name])

    def _literal(self, value: Any, kind: Any, *, is_constant: bool = False) -> str:
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if value is None:
            return "null"
        if isinstance(inner, GraphQLList) and isinstance(value, list):
            return f"[{', '.join(self._literal(each, inner.of_type, is_constant=is_constant) for each in value)}]"
        if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
            inside = partial(self._literal, is_constant=True) if is_constant else self._nested
            parts = [f"{key}: {inside(each, inner.fields[key].type)}" for key, each in value.items()]
            return f"{{{', '.join(parts)}}}"
        return str(value) if isinstance(inner, GraphQLEnumType) else json.dumps(value)

    def _nested(self, value: Any, kind: GraphQLInputType) -> str:
        """A value inside a literal, which can be a variable of its own."""
        if not self._chance(0.2):
            return self._literal(value, kind)
        variable = self._document.name("n")
        self._document.declared.append(f"${variable}: {kind}")
        self._document.variables[variable] = value
        return f"${variable}"


def _ambiguous(schema: GraphQLSchema) -> frozenset[str]:
    """Names of fields that are of one type here and of another there."""
    kinds: dict[str, set[str]] = {}
    for each in schema.type_map.values():
        if isinstance(each, GraphQLObjectType):
            for name, its in each.fields.items():
                kinds.setdefault(name, set()).add(str(its.type))
    return frozenset(name for name, types in kinds.items() if len(types) > 1)


_USUAL: dict[str, Sequence[Any]] = {
    "String": ("", "a", "Aspirin", "é🍊", "x" * 300, "USD"),
    "ID": ("a", "m1", "", 7),
    "Int": (0, 1, 2, 3, 100, -1),
    "Float": (0.5, 1),
    "Boolean": (True, False),
    "Decimal": ("9.99", "0.5", 3, "12"),
    "Position": ("0", "1", "2"),
    "DateTime": ("2026-01-01T00:00:00Z",),
    "JSON": ({}, [], None),
}
