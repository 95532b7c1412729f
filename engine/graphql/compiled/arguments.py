"""The arguments of a field: from the document and its variables, and on to what a Strawberry resolver takes."""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
)
from graphql.execution.values import VariableValues
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry import UNSET
from strawberry.relay import GlobalID
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType

from engine.graphql.compiled.coercion import is_unchanging, literal
from engine.graphql.compiled.odd import Odd, Unsupported

Convert = Callable[[Any], Any]


# ---------------------------------------------------------------- as graphql-core has them


class Arguments:
    """The arguments of one field of a document, as graphql-core gives them to its resolver."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        nodes = {each.name.value: each.value for each in node.arguments or ()}
        arguments = [_Argument(name, argument, nodes.get(name)) for name, argument in field.args.items()]
        self._arguments = [each for each in arguments if not each.is_absent]

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """Raises Odd for what the ordinary way may refuse."""
        values = {}
        for argument in self._arguments:
            value = argument.value(variables)
            if value is not Undefined:
                values[argument.name] = value
        return values


class _Argument:
    """`value` is Undefined where the resolver is not given the argument."""

    def __init__(self, name: str, argument: GraphQLArgument, node: Any) -> None:
        self.name = argument.out_name or name
        self._type = argument.type
        self._node = node
        self._default = coerce_default_value(argument)
        self._is_required = is_required_argument(argument)
        self._is_nullable = not isinstance(argument.type, GraphQLNonNull)
        if node is None and self._is_required:
            raise Unsupported
        self.is_absent = node is None and self._default is Undefined
        self.value = self._choose()

    def _choose(self) -> Callable[[VariableValues], Any]:
        if self._node is None:
            return lambda variables: self._default
        if isinstance(self._node, VariableNode):
            self._variable = self._node.name.value
            return self._of_variable
        if isinstance(self._node, ListValueNode | ObjectValueNode):
            # Made anew each time: a resolver may change it, and there may be variables inside.
            return self._of_literal
        constant = literal(self._node, self._type)
        return (lambda variables: constant) if is_unchanging(constant) else self._of_literal

    def _of_variable(self, variables: VariableValues) -> Any:
        value = variables.coerced.get(self._variable, Undefined)
        if value is Undefined:
            if self._is_required:
                raise Odd
            return self._default
        if value is None and not self._is_nullable:
            raise Odd
        return value

    def _of_literal(self, variables: VariableValues) -> Any:
        return literal(self._node, self._type, variables)


# ---------------------------------------------------------------- as Strawberry's resolvers take them


class Conversion:
    """Makes of a field's arguments what its Strawberry resolver takes. Raises Unsupported for what only Strawberry can
    make."""

    def __init__(self, field: StrawberryField, core: GraphQLField, config: StrawberryConfig) -> None:
        self._config = config
        self._converts = [
            (name, argument.python_name, self._of(core.args[name].type, argument.type))
            for argument in field.arguments
            for name in [config.name_converter.from_argument(argument)]
        ]

    def convert(self, values: dict[str, Any]) -> dict[str, Any]:
        return {
            python_name: convert(values[name]) if convert else values[name]
            for name, python_name, convert in self._converts
            if name in values
        }

    def _of(self, core: GraphQLInputType, kind: Any) -> Convert | None:
        """None for values that stay as they are."""
        nullable: Any = get_nullable_type(core)
        kind = _bare(kind)
        if kind is GlobalID:
            raise Unsupported
        if is_leaf_type(nullable):
            return None
        convert = self._of_list(nullable, kind) if isinstance(kind, StrawberryList) else self._of_object(nullable, kind)
        return lambda value: value if value is None or value is UNSET else convert(value)

    def _of_list(self, core: GraphQLList[Any], kind: StrawberryList) -> Convert:
        convert = self._of(core.of_type, kind.of_type)
        # Copied even where the items stay as they are: a default is the same list for every request.
        return list if convert is None else lambda value: [convert(each) for each in value]

    def _of_object(self, core: Any, kind: Any) -> Convert:
        definition = kind.__strawberry_definition__ if has_object_definition(kind) else None
        if definition is None or definition.from_input is not None:
            raise Unsupported
        fields = {
            name: (field.python_name, self._of(core.fields[name].type, field.resolve_type(type_definition=definition)))
            for field in definition.fields
            for name in [self._config.name_converter.from_field(field)]
        }
        # Strawberry gives None to what may be null and has no default of its own.
        absent = {field.python_name: None for field in definition.fields if _has_no_default(field)}

        def convert(value: Any) -> Any:
            made = dict(absent)
            for name, given in value.items():
                python_name, convert = fields[name]
                made[python_name] = convert(given) if convert else given
            return kind(**made)

        return convert


def _bare(kind: Any) -> Any:
    """A type without what says that it may be null or is found later."""
    while isinstance(kind, StrawberryOptional | LazyType):
        if isinstance(kind, StrawberryMaybe):
            raise Unsupported
        kind = kind.resolve_type() if isinstance(kind, LazyType) else kind.of_type
    return kind


def _has_no_default(field: StrawberryField) -> bool:
    return field.default_value is MISSING and field.default_factory is MISSING
