"""What an operation selects, as a tree of the shapes that its answer is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.base import StrawberryObjectDefinition

from engine.graphql.compiled.calls import Site, Terms, attribute
from engine.graphql.compiled.odd import Unsupported

MOST_FIELDS = 1000
"Of a plan: what is larger runs for so long that the ordinary way costs little more."


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A scalar or an enum."""

    type: GraphQLLeafType
    is_nullable: bool = True
    is_deep: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    item: "Shape"
    is_nullable: bool = True

    @property
    def is_deep(self) -> bool:
        return self.item.is_deep


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """An object of one class."""

    origin: type[Any]
    fields: Sequence["Field"]
    is_nullable: bool = True

    @property
    def is_deep(self) -> bool:
        """Whether resolvers are called somewhere inside."""
        return any(field.site or field.shape.is_deep for field in self.fields)


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """An object of one of some classes."""

    records: Mapping[type[Any], Record]
    is_nullable: bool = True

    @property
    def is_deep(self) -> bool:
        return any(each.is_deep for each in self.records.values())


Shape = Leaf | Items | Record | Either


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field of a record: what an attribute holds, what a resolver gives, or else the name of the record's type."""

    key: str
    parent: str
    shape: Shape
    attribute: str | None = None
    site: Site | None = None


class Selection:
    """Reads an operation, for values of the variables that it is skipped or included by."""

    def __init__(self, terms: Terms, variables: VariableValues) -> None:
        self._terms = terms
        self._variables = variables
        self._fields = 0

    def fields(self, parent: GraphQLObjectType, grouped: GroupedFieldSet) -> list[Field]:
        """Raises Unsupported."""
        self._fields += len(grouped)
        if self._fields > MOST_FIELDS:
            raise Unsupported
        return [self._field(parent, key, details) for key, details in grouped.items()]

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> Field:
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        field = self._terms.core.schema.get_field(parent, name)
        if field is None or (name.startswith("__") and name != "__typename"):
            raise Unsupported
        shape = self.shape(field.type, details)
        if name == "__typename":
            return Field(key, parent.name, shape)
        shown = attribute(field)
        site = None if shown else Site(self._terms, parent, field, nodes)
        return Field(key, parent.name, shape, shown, site)

    def shape(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Shape:
        """Raises Unsupported."""
        if isinstance(kind, GraphQLNonNull):
            return replace(self._nullable(kind.of_type, details), is_nullable=False)
        return self._nullable(kind, details)

    def _nullable(self, kind: Any, details: FieldDetailsList) -> Shape:
        if is_leaf_type(kind):
            return Leaf(kind)
        if isinstance(kind, GraphQLList):
            return Items(self.shape(kind.of_type, details))
        if is_object_type(kind):
            return self._record(kind, _definition(kind), details)
        assert is_abstract_type(kind)
        return self._either(kind, details)

    def _either(self, kind: Any, details: FieldDetailsList) -> Either:
        if getattr(kind.extensions.get("strawberry-definition"), "resolve_type", None) is not None:
            raise Unsupported
        records: dict[type[Any], Record] = {}
        for possible in self._terms.core.schema.get_possible_types(kind):
            definition = _definition(possible)
            if definition.concrete_of or definition.is_graphql_generic or definition.name != possible.name:
                raise Unsupported
            records[definition.origin] = self._record(possible, definition, details)
        return Either(records)

    def _record(
        self, kind: GraphQLObjectType, definition: StrawberryObjectDefinition, details: FieldDetailsList
    ) -> Record:
        core = self._terms.core
        origin = definition.concrete_of.origin if definition.concrete_of else definition.origin
        if definition.is_type_of is not None or issubclass(origin, Exception) or hasattr(origin, "__await__"):
            raise Unsupported
        collected = collect_subfields(core.schema, core.fragments, self._variables, core.operation, kind, details)
        return Record(origin, self.fields(kind, collected.grouped_field_set))


def _definition(kind: GraphQLObjectType) -> StrawberryObjectDefinition:
    definition = kind.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryObjectDefinition):
        raise Unsupported
    return definition
