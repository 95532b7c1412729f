"""What an operation costs: how many values its answer may hold, told before anything runs.

Each object, scalar and item of a list counts one. A page counts as many items as `first` or `last` asks for, any other
list as many as it is said to hold, see `sized`. All that is selected counts: also what a directive leaves out, what is
selected twice, and fragments on types of which only one can be there. What changes something counts MUTATION.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from engine.graphql.connection import MOST, USUAL
from engine.graphql.fragments import fragments

MAX_COST = 10_000
"Of any operation but an introspection. So many values take graphql-core 35 ms, in one piece if they are of one field."
INTROSPECTION = 150
"What an introspection may cost for each type of the schema: twice what the question for the whole schema does."
MUTATION = 10
LIST = 5
"Items of a list of which nothing is said."
SIZE = "size"

Variables = Mapping[str, Any]


def sized(items: int) -> dict[str, int]:
    """The `metadata` of a field that gives a list of about so many items."""
    return {SIZE: items}


class Variable(NamedTuple):
    """A number that comes with the request."""

    name: str
    default: int | None


class Page(NamedTuple):
    """What `first` and `last` of one field are given."""

    first: Variable | int | None
    last: Variable | int | None

    def size(self, variables: Variables) -> int:
        for amount in self:
            given = variables.get(amount.name, amount.default) if isinstance(amount, Variable) else amount
            if given is not None:
                # What is no number, or too large a one, is refused later, in words of its own.
                return max(0, min(given, MOST)) if isinstance(given, int) else MOST
        return USUAL


Terms = tuple[tuple[float, tuple[Page, ...]], ...]
"Each is a number of values, to be multiplied by the sizes of the pages that these stand on."


class Price:
    """What an operation costs, up to its variables."""

    __slots__ = ("_fixed", "_terms", "_told", "is_introspection", "limit")

    def __init__(self, terms: Terms, limit: int, *, is_introspection: bool) -> None:
        self._terms = terms
        self._fixed = None if any(pages for _, pages in terms) else _total(terms, {})
        "What it costs whatever the variables are."
        self._told = None if self._fixed is None else _told(self._fixed, limit)
        self.limit = limit
        self.is_introspection = is_introspection
        "Whether it asks for nothing but the schema."

    def requested(self, variables: Variables | None) -> int:
        return _total(self._terms, variables or {}) if self._fixed is None else self._fixed

    def told(self, variables: Variables | None) -> dict[str, Any]:
        """What an answer's extensions tell of it. It is not to be changed."""
        return self._told or _told(self.requested(variables), self.limit)


def _total(terms: Terms, variables: Variables) -> int:
    total = 0.0
    for values, pages in terms:
        for page in pages:
            values *= page.size(variables)
        total += values
    return math.ceil(total)


def _told(requested: int, limit: int) -> dict[str, Any]:
    return {"cost": {"requested": requested, "limit": limit}}


class Tariff:
    """The prices of a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.sizes = _introspected(schema)
        "Items of a list, by its type and field, where the schema itself tells them."

    def price(self, document: DocumentNode, operation: OperationDefinitionNode) -> Price:
        """Takes a valid document only."""
        bill = _Bill(self, document, operation)
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        bill.add(operation.selection_set, Place(root))
        is_introspection = bool(bill.roots & {"__schema", "__type"}) and bill.roots <= INTROSPECTIVE
        limit = INTROSPECTION * len(self.schema.type_map) if is_introspection else MAX_COST
        terms = tuple((values, pages) for pages, values in bill.terms.items())
        return Price(terms, limit, is_introspection=is_introspection)


INTROSPECTIVE = {"__schema", "__type", "__typename"}


class Place(NamedTuple):
    """Where in an answer a selection stands."""

    type: GraphQLNamedType
    times: float = 1.0
    "How often the place comes in an answer, but for the pages."
    pages: tuple[Page, ...] = ()
    "The pages it stands on."
    page: Page | None = None
    "Of the connection that the place is."
    is_root: bool = True


class _Bill:
    """The sum over one operation."""

    def __init__(self, tariff: Tariff, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._tariff = tariff
        self._fragments = fragments(document)
        self._defaults = {
            each.variable.name.value: _literal(each.default_value) for each in operation.variable_definitions or ()
        }
        self._extra = MUTATION - 1 if operation.operation is OperationType.MUTATION else 0
        self.terms: dict[tuple[Page, ...], float] = defaultdict(float)
        self.roots: set[str] = set()

    def add(self, braces: SelectionSetNode, place: Place) -> None:
        for selection in braces.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, place)
                continue
            fragment = self._fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
            assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
            condition = fragment.type_condition
            found = self._tariff.schema.get_type(condition.name.value) if condition else None
            self.add(fragment.selection_set, place._replace(type=found or place.type))

    def _field(self, node: FieldNode, place: Place) -> None:
        if place.is_root:
            self.roots.add(node.name.value)
            self.terms[()] += self._extra
        field = self._tariff.schema.get_field(place.type, node.name.value)  # type: ignore[arg-type]
        assert field is not None
        inner = self._inside(node, field, place)
        self.terms[inner.pages] += inner.times
        if node.selection_set:
            self.add(node.selection_set, inner)

    def _inside(self, node: FieldNode, field: GraphQLField, place: Place) -> Place:
        """The place of the field's value, or of each of its items."""
        page = self._page(node) if field.args.keys() & {"first", "last"} else None
        inner = Place(get_named_type(field.type), place.times, place.pages, page, is_root=False)
        if not _is_list(field):
            # How many types have no `ofType` is known: the only field that is no list and has a size.
            return inner._replace(times=place.times * self._tariff.sizes.get((place.type.name, node.name.value), 1))
        turned = page or (place.page if node.name.value in ("edges", "nodes") else None)
        if turned is not None:
            return inner._replace(pages=(*place.pages, turned), page=None)
        return inner._replace(times=place.times * self._items(place.type.name, node.name.value, field))

    def _items(self, type: str, name: str, field: GraphQLField) -> float:
        found = self._tariff.sizes.get((type, name))
        return found if found is not None else _said(field)

    def _page(self, node: FieldNode) -> Page:
        given = {each.name.value: self._amount(each.value) for each in node.arguments or ()}
        return Page(given.get("first"), given.get("last"))

    def _amount(self, node: ValueNode) -> Variable | int | None:
        if isinstance(node, VariableNode):
            return Variable(node.name.value, self._defaults.get(node.name.value))
        return _literal(node)


def _literal(node: ValueNode | None) -> int | None:
    # Of a number of thousands of digits the first ones will do: Python refuses to read it.
    return int(node.value[:18]) if isinstance(node, IntValueNode) else None


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)


def _said(field: GraphQLField) -> int:
    definition = field.extensions.get("strawberry-definition")
    return int(definition.metadata.get(SIZE, LIST)) if definition else LIST


def _introspected(schema: GraphQLSchema) -> dict[tuple[str, str], float]:
    """How long the lists of an introspection are: what a schema has on the average of its types and fields."""
    types = list(schema.type_map.values())
    fielded = [each for each in types if isinstance(each, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for each in fielded for field in each.fields.values()]
    inputs = sum(len(each.fields) for each in types if isinstance(each, GraphQLInputObjectType))
    values = sum(len(each.values) for each in types if isinstance(each, GraphQLEnumType))
    arguments = sum(len(field.args) for field in fields)
    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(schema.directives),
        ("__Type", "fields"): len(fields) / len(types),
        ("__Type", "inputFields"): inputs / len(types),
        ("__Type", "enumValues"): values / len(types),
        ("__Type", "interfaces"): sum(len(each.interfaces) for each in fielded) / len(types),
        ("__Type", "possibleTypes"): sum(len(each.interfaces) for each in fielded) / len(types),
        ("__Type", "ofType"): 0.5,
        ("__Field", "args"): arguments / len(fields),
    }
