"""Everything in the schema says what it is."""

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from tests.running import built


def described() -> Iterator[tuple[str, str | None]]:
    for name, type_ in built()._schema.type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(type_):
            yield name, type_.description
            yield from ((f"{name}.{part}", text) for part, text in parts(type_))


def parts(type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    if isinstance(type_, GraphQLEnumType):
        yield from ((value, definition.description) for value, definition in type_.values.items())
    if isinstance(type_, GraphQLInputObjectType):
        yield from ((key, entry.description) for key, entry in type_.fields.items())
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for key, field in type_.fields.items():
            yield key, field.description
            yield from ((f"{key}({name})", given.description) for name, given in field.args.items())


def test_everything_is_described() -> None:
    found = dict(described())
    assert len(found) > 200
    assert [place for place, text in found.items() if not text] == []


def test_a_description_is_a_sentence() -> None:
    assert [place for place, text in described() if text and not text.rstrip(')`"').endswith((".", "…"))] == []
