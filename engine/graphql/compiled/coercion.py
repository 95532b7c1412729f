"""Variables from what a client sent to Python values, for values that are as they should be."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any

from graphql import (
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from engine.graphql.compiled.odd import Odd, Unsupported

Coerce = Callable[[Any], Any]
"Raises Odd, or whatever a scalar raises, for a value that the ordinary way may refuse."

UNCHANGING = frozenset({str, int, float, bool, type(None), Decimal, datetime})
MOST_SHAPES = 64
"Sets of fields, for each type of input: for more than that the way to an object is found each time."
_Step = tuple[str, str, Coerce]
"What a field is called in the object and in what was sent, and what coerces it."


def is_unchanging(value: Any) -> bool:
    """Whether requests can share a value without one of them noticing another."""
    return type(value) in UNCHANGING or isinstance(value, Enum)


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, nodes: Sequence[VariableDefinitionNode]) -> None:
        self._variables = [_Variable(schema, node) for node in nodes]

    def coerce(self, given: dict[str, Any]) -> VariableValues:
        """As graphql-core coerces them. Raises Odd, or whatever a scalar raises, for what it may refuse."""
        values = VariableValues({}, {})
        for variable in self._variables:
            variable.coerce(given, values)
        return values


class _Variable:
    def __init__(self, schema: GraphQLSchema, node: VariableDefinitionNode) -> None:
        signature = get_variable_signature(schema, node)
        if not isinstance(signature, GraphQLVariableSignature):
            raise Unsupported
        self.signature = signature
        self.name = signature.name
        self._missing = VariableValueSource(signature)
        self._default = node.default_value
        self._is_required = isinstance(signature.type, GraphQLNonNull)
        self._coerce = coercer(signature.type)

    def coerce(self, given: dict[str, Any], values: VariableValues) -> None:
        name = self.name
        if name in given:
            value = given[name]
            values.sources[name] = VariableValueSource(self.signature, value)
            values.coerced[name] = self._coerce(value)
            return
        values.sources[name] = self._missing
        if self._default is not None:
            values.coerced[name] = literal(self._default, self.signature.type)
        elif self._is_required:
            raise Odd


def literal(node: ValueNode, kind: GraphQLInputType, values: VariableValues | None = None) -> Any:
    """The value of a literal. Raises Odd for one that does not fit its type."""
    value = coerce_input_literal(node, kind, values)
    if value is Undefined:
        raise Odd
    return value


def coercer(kind: GraphQLInputType, within: tuple[GraphQLInputType, ...] = ()) -> Coerce:
    """What coerces values of a type."""
    if isinstance(kind, GraphQLNonNull):
        coerce = _of_present(kind.of_type, within)
        if kind.of_type is GraphQLString or kind.of_type is GraphQLID:
            return coerce  # they refuse None by themselves

        def required(value: Any) -> Any:
            if value is None:
                raise Odd
            return coerce(value)

        return required
    present = _of_present(kind, within)
    return lambda value: None if value is None else present(value)


def _of_present(kind: Any, within: tuple[GraphQLInputType, ...]) -> Coerce:
    if is_leaf_type(kind):
        return _of_leaf(kind)
    if isinstance(kind, GraphQLList):
        return _of_list(coercer(kind.of_type, within))
    if kind in within or kind.is_one_of:
        raise Unsupported
    return _of_object(kind, (*within, kind))


def _of_leaf(kind: GraphQLLeafType) -> Coerce:
    parse = kind.coerce_input_value
    if kind is GraphQLString or kind is GraphQLID:
        return lambda value: value if type(value) is str else parse(value)

    def leaf(value: Any) -> Any:
        if (coerced := parse(value)) is Undefined:
            raise Odd
        return coerced

    return leaf


def _of_list(item: Coerce) -> Coerce:
    def items(value: Any) -> Any:
        if type(value) is not list:
            raise Odd
        return [item(each) for each in value]

    return items


def _of_object(kind: GraphQLInputObjectType, within: tuple[GraphQLInputType, ...]) -> Coerce:
    coercers = {name: coercer(field.type, within) for name, field in kind.fields.items()}
    finish: Any = kind.out_type
    shapes: dict[tuple[str, ...], list[_Step]] = {}

    def record(value: Any) -> Any:
        if type(value) is not dict:
            raise Odd
        steps = shapes.get(names := tuple(value))
        if steps is None:
            steps = _steps(kind, coercers, names)
            if len(shapes) < MOST_SHAPES:
                shapes[names] = steps
        return finish({out_name: coerce(value.get(name)) for out_name, name, coerce in steps})

    return record


def _steps(kind: GraphQLInputObjectType, coercers: dict[str, Coerce], given: Collection[str]) -> "list[_Step]":
    """What makes an object of which these fields are given, in the order of its type. Raises Odd where none can be."""
    if not set(given) <= coercers.keys():
        raise Odd
    steps = []
    for name, field in kind.fields.items():
        out_name = field.out_name or name
        if name in given:
            steps.append((out_name, name, coercers[name]))
        elif is_required_input_field(field):
            raise Odd
        elif (default := coerce_default_value(field)) is not Undefined:
            steps.append((out_name, name, partial(_constant, default)))
    return steps


def _constant(value: Any, given: None) -> Any:
    return value
